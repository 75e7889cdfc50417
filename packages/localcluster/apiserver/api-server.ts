import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Json } from '../model/json.ts';
import type { Admission } from './admission.ts';
import { ApiError, methodNotAllowed, unauthorized, unknownPath } from './api-error.ts';
import type { Authenticator, UserInfo } from './auth.ts';
import { actionOf, refusal, type Authorizer, type ResourceAction } from './authorizer.ts';
import { serveComputed } from './computed-resources.ts';
import { discover } from './discovery.ts';
import type { Registry } from './registry.ts';
import { fieldManager, parseBody, parseResourcePath, readBody, requireObject, type ApiRequest } from './request.ts';
import { ResourceHandlers, type HandlerOptions } from './resource-handlers.ts';
import { requestToken, review } from './reviews.ts';

/** Serves the log of a pod's container; writes the response itself. */
export type LogHandler = (namespace: string, pod: string, query: URLSearchParams, response: ServerResponse) => void;

/** What the API server is made of. */
export interface ApiServerDeps {
  registry: Registry;
  admission: Admission;
  authenticator: Authenticator;
  authorizer: Authorizer;
  logs: LogHandler;
  options: HandlerOptions;
}

/** How an API server that has stopped answering behaves: connections hang, or are refused. */
export type PauseMode = 'hang' | 'refuse';

/** The Kubernetes API over HTTP on the loopback interface. */
export class ApiServer {
  readonly #deps: ApiServerDeps;
  readonly #handlers: ResourceHandlers;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;
  #hanging = false;
  #waiting: (() => void)[] = [];

  constructor(deps: ApiServerDeps) {
    this.#deps = deps;
    this.#handlers = new ResourceHandlers(deps.registry, deps.admission, deps.options);
  }

  /** The base address, without a slash at its end. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Opens the port; 0 takes a free one. */
  async listen(port: number): Promise<void> {
    const server = createServer(
      { keepAliveTimeout: 60_000 },
      (request, response) => void this.#serve(request, response),
    );
    server.on('connection', (socket) => {
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Cuts every connection and stops answering until `resume`. */
  async pause(mode: PauseMode): Promise<void> {
    this.#hanging = mode === 'hang';
    const closed = mode === 'refuse' ? this.close() : undefined;
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Answers again, on the same port. */
  async resume(): Promise<void> {
    this.#hanging = false;
    for (const go of this.#waiting.splice(0)) go();
    if (!this.#server) await this.listen(this.#port);
  }

  /** Closes the port and every connection. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const go of this.#waiting.splice(0)) go();
    if (!server) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  async #serve(raw: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    if (this.#hanging) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      const answer = await this.#route(raw, response);
      if (answer) send(response, answer.code, answer.body);
    } catch (error) {
      const known =
        error instanceof ApiError
          ? error
          : new ApiError(500, 'InternalError', `Internal error occurred: ${String(error)}`);
      if (response.headersSent) response.destroy();
      else send(response, known.code, known.toStatus());
    }
  }

  async #route(raw: IncomingMessage, response: ServerResponse): Promise<{ code: number; body: Json } | undefined> {
    const url = new URL(raw.url ?? '/', this.url);
    // kubectl sends no token over plain HTTP, so its kubeconfig carries the token in the server's path as well.
    const prefixed = /^\/as\/([^/]+)(\/.*)?$/.exec(url.pathname);
    if (prefixed) url.pathname = prefixed[2] ?? '/';
    const { pathname } = url;
    const { registry, authenticator } = this.#deps;
    if (/^\/(healthz|livez|readyz)(\/|$)/.test(pathname)) {
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end('ok');
      return undefined;
    }
    if (pathname === '/version') return { code: 200, body: discover(registry.types, pathname, url.host) ?? {} };
    const user = await this.#authenticate(/^Bearer (.+)$/i.exec(raw.headers.authorization ?? '')?.[1] ?? prefixed?.[1]);
    if (pathname === '/openid/v1/jwks') return { code: 200, body: authenticator.keySet() };
    if (pathname === '/.well-known/openid-configuration') return { code: 200, body: authenticator.discovery(this.url) };
    const document = discover(registry.types, pathname, url.host);
    if (document) {
      if (raw.method !== 'GET') throw methodNotAllowed();
      return { code: 200, body: document };
    }
    const path = parseResourcePath(pathname);
    if (!path) throw unknownPath();
    const request: ApiRequest = {
      method: raw.method ?? 'GET',
      url,
      query: url.searchParams,
      user,
      manager: fieldManager(url.searchParams, raw.headers['user-agent']),
      raw,
      body: async () => parseBody(await readBody(raw), raw.headers['content-type'] ?? ''),
    };
    if (path.group === 'authentication.k8s.io' || path.group === 'authorization.k8s.io') {
      if (request.method !== 'POST') throw methodNotAllowed();
      // Whoever is known may ask about itself.
      if (!path.plural.startsWith('selfsubject')) this.#authorize(user, actionOf('POST', path, false));
      const answer = await review(path.plural, requireObject(await request.body()), user, this.#deps);
      if (!answer) throw unknownPath();
      return { code: 201, body: answer };
    }
    const type = registry.types.find(path.group, path.version, path.plural);
    if (!type) throw unknownPath();
    if (path.namespace !== undefined && !type.namespaced) throw unknownPath();
    this.#authorize(user, actionOf(request.method, path, /^(true|1)$/.test(request.query.get('watch') ?? '')));
    if (type.computed !== undefined) return serveComputed(type, type.computed, path, request);
    if (type.kind === 'ServiceAccount' && path.subresource === 'token' && path.name !== undefined) {
      if (request.method !== 'POST') throw methodNotAllowed();
      const body = requireObject(await request.body());
      return { code: 201, body: await requestToken(registry, authenticator, path.namespace ?? '', path.name, body) };
    }
    if (type.collection === 'pods' && path.subresource === 'log' && path.name !== undefined) {
      this.#deps.logs(path.namespace ?? '', path.name, request.query, response);
      return undefined;
    }
    if (path.subresource !== undefined && !['status', 'scale'].includes(path.subresource)) throw unknownPath();
    if (path.namespace === undefined && type.namespaced && (path.name !== undefined || request.method === 'POST'))
      throw unknownPath();
    return this.#handlers.handle(type, path, request, response);
  }

  /** @throws ApiError 403 */
  #authorize(user: UserInfo, action: ResourceAction): void {
    if (!this.#deps.authorizer.allows(user, action)) throw refusal(user, action);
  }

  async #authenticate(token: string | undefined): Promise<UserInfo> {
    if (token === undefined) throw unauthorized();
    const verdict = await this.#deps.authenticator.verify(token.trim());
    if ('error' in verdict) throw unauthorized();
    return verdict.user;
  }
}

function send(response: ServerResponse, code: number, body: Json): void {
  const text = JSON.stringify(body);
  response.writeHead(code, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

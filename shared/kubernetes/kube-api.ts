import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { LineSplitter } from '../runtime/line-splitter.ts';

/** An answer of the API server that is not a success. */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  /** HTTP status. */
  readonly status: number;
  /** Reason of the Status object, for instance `Conflict` or `NotFound`. */
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

const MAX_SOCKETS = 64;
/**
 * Longest event of a watch, in UTF-16 code units. etcd takes 1.5 MiB of an object, and JSON writes a byte of it as six at
 * most (a control character): 9 MiB, and the names of its fields.
 */
const MAX_EVENT_LENGTH = 16 * 2 ** 20;

/**
 * Longest answer that is read whole, in MiB. Lists come in pages of 500, so this is 131 KB for each object of a page; a pod
 * has around 10 KB.
 */
const MAX_ANSWER_MIB = 64;

/** Content types of PATCH. */
export const PATCH_TYPES = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

/** Options of one request. */
export interface KubeRequestOptions {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  /** @defaultValue application/json */
  readonly contentType?: string;
  /** @defaultValue 10000 */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * JSON over HTTP to the API server, with the credentials and addresses of a `KubeConfig`. Thin on purpose: the objects
 * on the wire are what our code works on, and a scale call costs one round trip and nothing else.
 */
export class KubeApi {
  readonly #config: KubeConfig;
  readonly #agent = new HttpAgent({ keepAlive: true, maxSockets: MAX_SOCKETS });
  /** Of the KubeConfig, which keeps one for each cluster and user that it has. */
  readonly #tlsAgents = new Set<HttpsAgent>();
  readonly #userAgent: string;
  readonly #onForbidden: (what: string) => void;
  readonly #forbidden = new Set<string>();

  /** @param onForbidden - told once of each right that is missing: `cannot list resource "pods" in API group ""` */
  constructor(config: KubeConfig, userAgent: string, onForbidden: (what: string) => void = () => undefined) {
    this.#config = config;
    this.#userAgent = userAgent;
    this.#onForbidden = onForbidden;
  }

  /** From KUBECONFIG, ~/.kube/config or the pod's service account, in this order. */
  static fromDefault(userAgent: string, onForbidden?: (what: string) => void): KubeApi {
    const config = new KubeConfig();
    config.loadFromDefault();
    return new KubeApi(config, userAgent, onForbidden);
  }

  /**
   * One request, answered with the parsed JSON body.
   *
   * @param path - for instance `/apis/apps/v1/namespaces/models/deployments/sentiment/scale`
   * @throws KubeError when the API server refuses; Error when it cannot be reached in time, or answers more than 64 MiB
   */
  async request<T>(method: string, path: string, options: KubeRequestOptions = {}): Promise<T> {
    const body = await this.#answer(method, path, options);
    return (body === '' ? undefined : JSON.parse(body)) as T;
  }

  /**
   * The body of an answer that is not JSON, for instance a container's log.
   *
   * @throws KubeError when the API server refuses; Error when it cannot be reached in time, or answers more than 64 MiB
   */
  async text(path: string, options: KubeRequestOptions = {}): Promise<string> {
    return await this.#answer('GET', path, options);
  }

  async #answer(method: string, path: string, options: KubeRequestOptions): Promise<string> {
    const timeout = AbortSignal.timeout(options.timeoutMs ?? 10_000);
    const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
    const response = await this.#send(method, path, { ...options, signal });
    const body = await textOf(response, `${method} ${path}`);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return body;
    throw this.#refusal(status, body);
  }

  /**
   * Opens a watch and calls back for each line. Resolves when the server ends it.
   *
   * @throws KubeError when it is refused (410 Gone: list again); Error when the connection breaks, or when a line is longer
   * than any event of a Kubernetes object
   */
  async watch(
    path: string,
    query: Readonly<Record<string, string | number | boolean | undefined>>,
    onLine: (line: string) => void,
    signal: AbortSignal,
    onOpen: () => void = () => undefined,
  ): Promise<void> {
    const response = await this.#send('GET', path, { query: { ...query, watch: true }, signal });
    if (response.statusCode !== 200) {
      throw this.#refusal(response.statusCode ?? 0, await textOf(response, `GET ${path}`));
    }
    onOpen();
    response.setEncoding('utf8');
    const splitter = new LineSplitter(MAX_EVENT_LENGTH);
    for await (const chunk of response as AsyncIterable<string>) {
      for (const line of splitter.push(chunk)) if (line !== '') onLine(line);
    }
  }

  #refusal(status: number, body: string): KubeError {
    const error = toKubeError(status, body);
    const what =
      status === 403 ? /cannot \S+ resource "[^"]+" in API group "[^"]*"/.exec(error.message)?.[0] : undefined;
    if (what !== undefined && !this.#forbidden.has(what)) {
      this.#forbidden.add(what);
      this.#onForbidden(what);
    }
    return error;
  }

  /** Ends all connections. */
  close(): void {
    for (const agent of [this.#agent, ...this.#tlsAgents]) agent.destroy();
    this.#tlsAgents.clear();
  }

  async #send(method: string, path: string, options: KubeRequestOptions): Promise<IncomingMessage> {
    const cluster = this.#config.getCurrentCluster();
    if (cluster === null) throw new Error('The kubeconfig names no current cluster.');
    const url = new URL(cluster.server.replace(/\/$/, '') + path);
    for (const [key, value] of Object.entries(options.query ?? {})) {
      if (value !== undefined) url.searchParams.set(key, String(value));
    }
    const requestOptions: RequestOptions = { method };
    await this.#config.applyToHTTPSOptions(requestOptions);
    const plain = url.protocol === 'http:';
    if (plain) requestOptions.agent = this.#agent;
    else requestOptions.agent = this.#keptAlive(requestOptions.agent);
    const payload = options.body === undefined ? undefined : Buffer.from(JSON.stringify(options.body));
    requestOptions.headers = {
      ...(requestOptions.headers as Record<string, string> | undefined),
      // The key set of the API server has a type of its own.
      accept: 'application/json, application/jwk-set+json',
      'user-agent': this.#userAgent,
      ...(payload === undefined
        ? {}
        : { 'content-type': options.contentType ?? 'application/json', 'content-length': payload.length }),
    };
    if (options.signal !== undefined) requestOptions.signal = options.signal;
    return await exchange(url, requestOptions, payload, true);
  }

  /** The agent of a KubeConfig has the cluster's certificates, but without keep-alive each request would cost a TLS handshake. */
  #keptAlive(agent: RequestOptions['agent']): RequestOptions['agent'] {
    if (!(agent instanceof HttpsAgent)) return agent;
    this.#tlsAgents.add(agent);
    if (!(agent as { keepAlive?: boolean }).keepAlive) {
      Object.assign(agent, { keepAlive: true, maxSockets: MAX_SOCKETS });
    }
    return agent;
  }
}

/** One request, one answer: what most of our code needs of a {@link KubeApi}. */
export type KubeClient = Pick<KubeApi, 'request'>;

/** What lists and watches. */
export type KubeWatchClient = Pick<KubeApi, 'request' | 'watch'>;

/** A kept connection that the server closed just now is no failure: the request goes once more, on a new one. */
function exchange(
  url: URL,
  options: RequestOptions,
  payload: Buffer | undefined,
  mayRepeat: boolean,
): Promise<IncomingMessage> {
  return new Promise<IncomingMessage>((resolve, reject) => {
    const request = url.protocol === 'http:' ? httpRequest(url, options) : httpsRequest(url, options);
    request.once('response', resolve);
    request.once('error', (error: NodeJS.ErrnoException) => {
      const closedMeanwhile = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
      if (closedMeanwhile && mayRepeat) resolve(exchange(url, options, payload, false));
      else reject(error);
    });
    request.end(payload);
  });
}

/** @throws Error when the answer is longer than {@link MAX_ANSWER_MIB}; its connection is closed */
async function textOf(response: IncomingMessage, what: string): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_MIB * 2 ** 20) {
      throw new Error(
        `The answer of the API server to ${what} is longer than the ${MAX_ANSWER_MIB} MiB that are read of one; look for objects that have grown too large.`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function toKubeError(status: number, body: string): KubeError {
  try {
    const parsed = JSON.parse(body) as { message?: string; reason?: string };
    return new KubeError(status, parsed.reason ?? 'Unknown', parsed.message ?? `the API server answered ${status}`);
  } catch {
    return new KubeError(status, 'Unknown', `the API server answered ${status}: ${body.slice(0, 200)}`);
  }
}

/** Whether an error is the API server's answer with this status. */
export function isKubeStatus(error: unknown, status: number): error is KubeError {
  return error instanceof KubeError && error.status === status;
}

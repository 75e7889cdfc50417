import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { LocalCluster } from '@k8s-nemesis/localcluster';

/** Any object of the API, as the tests read it. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers of a cluster are open JSON; each test asserts what it reads
export type Answer = any;

/** The image that has `node` on its path. */
export const image = process.env['E2E_IMAGE'] ?? 'localhost/nemesis-e2e:1';

/** Whether the cluster has an API group that is an extension; asked when tests are defined. A cluster of our own has all. */
export async function hasGroup(group: string): Promise<boolean> {
  if (!process.env['KUBECONFIG']) return true;
  config = new KubeConfig();
  config.loadFromDefault();
  return (await call('GET', `/apis/${group}`)).code === 200;
}

let own: { cluster: LocalCluster; directory: string } | undefined;
let config: KubeConfig;

before(async function () {
  this.timeout(30_000);
  if (!process.env['KUBECONFIG']) {
    const directory = mkdtempSync(join(tmpdir(), 'behaviour-'));
    const cluster = await LocalCluster.start({
      directory,
      images: { [image]: { command: [process.execPath] } },
      bookmarkIntervalMs: 1000,
      metricsResolutionMs: 500,
    });
    own = { cluster, directory };
    process.env['KUBECONFIG'] = cluster.kubeconfigPath;
  }
  config = new KubeConfig();
  config.loadFromDefault();
});

after(async function () {
  this.timeout(30_000);
  if (!own) return;
  await own.cluster.stop();
  rmSync(own.directory, { recursive: true, force: true });
  delete process.env['KUBECONFIG'];
});

/** A response with its parsed body. */
export interface Reply {
  code: number;
  body: Answer;
}

/** Options of a request. */
export interface CallOptions {
  body?: unknown;
  contentType?: string;
  headers?: Record<string, string>;
}

/** Opens a request to the API server; the caller reads the response. */
export async function open(
  method: string,
  path: string,
  { body, contentType, headers }: CallOptions = {},
  signal?: AbortSignal,
): Promise<IncomingMessage> {
  const server = config.getCurrentCluster()?.server ?? '';
  const url = new URL(server + path);
  const options: RequestOptions = { method, ...(signal ? { signal } : {}) };
  await config.applyToHTTPSOptions(options);
  const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
  const content =
    text === undefined
      ? {}
      : { 'content-type': contentType ?? 'application/json', 'content-length': Buffer.byteLength(text) };
  options.headers = {
    'user-agent': 'behaviour/1.0',
    accept: 'application/json',
    ...(options.headers as Record<string, string> | undefined),
    ...content,
    ...headers,
  };
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, resolve);
    request.once('error', reject);
    request.end(text);
  });
}

/** Sends a request and reads its answer, whatever its code. */
export async function call(method: string, path: string, options: CallOptions = {}): Promise<Reply> {
  const response = await open(method, path, options);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  let body: unknown = text;
  if (response.headers['content-type']?.includes('json')) body = JSON.parse(text);
  return { code: response.statusCode ?? 0, body };
}

/** Sends a request that must succeed; the body of its answer. */
export async function ok(method: string, path: string, body?: unknown, contentType?: string): Promise<Answer> {
  const reply = await call(method, path, {
    ...(body === undefined ? {} : { body }),
    ...(contentType === undefined ? {} : { contentType }),
  });
  if (reply.code >= 300) throw new Error(`${method} ${path}: ${reply.code} ${JSON.stringify(reply.body)}`);
  return reply.body as unknown;
}

/** Content types of patches. */
export const merge = 'application/merge-patch+json';
/** JSON patch. */
export const jsonPatch = 'application/json-patch+json';

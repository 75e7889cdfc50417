import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { SentimentModel } from './model.ts';
import { readServerSettings, type ServerSettings } from './settings.ts';

const MAX_BODY_BYTES = 2 ** 20;
const LONGEST_COST_MS = 60_000;

const HELP = `A model that judges texts.

  POST /          {"text": "I love it."}  ->  {"sentiment": "positive", "score": 0.7, ...}
  POST /?workMs=N the same, with N ms of CPU time for it
  POST /?waitMs=N the same, with N ms of waiting, as for a GPU
  GET  /healthz   200 while the process lives
  GET  /readyz    200 once the model is loaded
`;

/** A model server: what an ML engineer would put into a container, with knobs for load time, CPU and memory. */
export class ModelServer {
  readonly #settings: ServerSettings;
  readonly #server: Server;
  #model: SentimentModel | undefined;
  readonly #underWay = new Set<ServerResponse>();
  #stopping = false;

  constructor(settings: ServerSettings) {
    this.#settings = settings;
    this.#server = createServer((request, response) => {
      this.#underWay.add(response);
      response.once('close', () => this.#underWay.delete(response));
      this.#answer(request, response).catch((error: unknown) => {
        send(response, 500, { error: error instanceof Error ? error.message : String(error) });
      });
    });
    this.#server.keepAliveTimeout = 65_000;
  }

  /** The port that it listens on; 0 before. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Loads the model; resolves when requests can be answered. */
  async start(): Promise<void> {
    if (this.#settings.listen === 'early') await this.#listen();
    this.#model = await SentimentModel.load(this.#settings.loadSeconds);
    if (this.#settings.listen === 'late') await this.#listen();
  }

  /** Takes no new connections and resolves when every request has its answer. */
  async stop(): Promise<void> {
    this.#stopping = true;
    // Their connections close after the answer.
    for (const response of this.#underWay) response.shouldKeepAlive = false;
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    this.#server.closeIdleConnections();
    await closed;
  }

  #listen(): Promise<void> {
    const { host, port } = this.#settings;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, 1024, resolve);
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://model');
    if (this.#stopping) response.setHeader('connection', 'close');
    if (url.pathname === '/healthz') {
      send(response, 200, { alive: true });
      return;
    }
    if (url.pathname === '/readyz') {
      const ready = this.#model !== undefined && !this.#stopping;
      send(response, ready ? 200 : 503, { ready });
      return;
    }
    if (url.pathname !== '/') {
      send(response, 404, { error: `There is nothing at ${url.pathname}; GET / says what there is.` });
      return;
    }
    if (request.method === 'GET' || request.method === 'HEAD') {
      response.setHeader('content-type', 'text/plain; charset=utf-8');
      response.end(HELP);
      return;
    }
    if (request.method !== 'POST') {
      response.setHeader('allow', 'GET, HEAD, POST');
      send(response, 405, { error: `${request.method ?? ''} is not possible here; POST a text.` });
      return;
    }
    await this.#judge(url, request, response);
  }

  async #judge(url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const receivedAtMs = performance.timeOrigin + performance.now();
    if (this.#model === undefined) {
      response.setHeader('retry-after', '1');
      send(response, 503, { error: 'The model is still being loaded.' });
      return;
    }
    const text = await textOf(request);
    if (text === undefined) {
      send(response, 400, { error: 'The body must be JSON such as {"text": "I love it."}, 1 MiB at most.' });
      return;
    }
    const { workMs, waitMs, memoryMib, pod } = this.#settings;
    const cost = { workMs: costOf(url, 'workMs', workMs), waitMs: costOf(url, 'waitMs', waitMs), memoryMib };
    if (cost.workMs === undefined || cost.waitMs === undefined) {
      send(response, 400, { error: `workMs and waitMs are numbers from 0 to ${LONGEST_COST_MS}.` });
      return;
    }
    const judged = await this.#model.judge(text, { ...cost, workMs: cost.workMs, waitMs: cost.waitMs });
    const { loadSeconds, loadedAtMs } = this.#model;
    response.setHeader('model-started-at', performance.timeOrigin.toFixed(1));
    response.setHeader('model-loaded-at', loadedAtMs.toFixed(1));
    response.setHeader('model-received-at', receivedAtMs.toFixed(1));
    send(response, 200, { ...judged, pod, loadSeconds });
  }
}

async function textOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  if (bytes > MAX_BODY_BYTES) return undefined;
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (typeof body !== 'object' || body === null || !('text' in body)) return undefined;
    return typeof body.text === 'string' ? body.text : undefined;
  } catch {
    return undefined;
  }
}

function costOf(url: URL, name: string, fallback: number): number | undefined {
  const value = Number(url.searchParams.get(name) ?? fallback);
  return value >= 0 && value <= LONGEST_COST_MS ? value : undefined;
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent) return;
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}

if (import.meta.main) {
  const say = (message: string): unknown =>
    process.stdout.write(`${JSON.stringify({ timestamp: new Date().toISOString(), message })}\n`);
  const server = new ModelServer(readServerSettings(process.env));
  process.once('SIGTERM', () => {
    say('draining');
    void server.stop().then(() => process.exit(0));
  });
  say('loading the model');
  await server.start();
  say(`the model is loaded; listening on port ${server.port}`);
}

import { Agent, request, type IncomingHttpHeaders } from 'node:http';

/** A whole answer. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The body as JSON, where it is. */
  readonly json: Record<string, unknown>;
  /** When the request was sent and the answer was complete, monotonic ms. */
  readonly sentMs: number;
  readonly endMs: number;
}

/** How a request is sent. */
export interface SendOptions {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer | string;
  readonly signal?: AbortSignal;
}

/** Sends a request to a management API, with the token that it asks for. */
export type Ask = (path: string, options?: SendOptions) => Promise<Answer>;

const agent = new Agent({ keepAlive: false });

/** Sends one request on a connection of its own and reads the whole answer. */
export async function send(url: string, options: SendOptions = {}): Promise<Answer> {
  return await new Promise<Answer>((resolve, reject) => {
    const sentMs = performance.now();
    const outgoing = request(
      url,
      {
        agent,
        method: options.method ?? 'GET',
        headers: {
          ...options.headers,
          ...(options.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(options.body)) }),
        },
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const body = Buffer.concat(chunks).toString('utf8');
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body,
            json: jsonOf(body),
            sentMs,
            endMs: performance.now(),
          });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(options.body);
  });
}

function jsonOf(body: string): Record<string, unknown> {
  try {
    return JSON.parse(body) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** Sends a JSON body. */
export async function putJson(
  ask: Ask,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
  method: 'PUT' | 'POST' = 'PUT',
): Promise<Answer> {
  return await ask(path, {
    method,
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  });
}

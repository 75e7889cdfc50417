import { Agent, request } from 'node:http';

/** What the example model answers. */
export interface Judgement {
  readonly sentiment: string;
  readonly score: number;
  readonly tokens: number;
  readonly sentences: readonly { readonly text: string }[];
  readonly pod: string;
  readonly loadSeconds: number;
}

/** An answer with the times around it, epoch ms. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
  readonly sentAtMs: number;
  readonly answeredAtMs: number;
}

/** Epoch ms with fractions, comparable between the processes of one machine. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now();
}

/** A client of the example model, through the balancer. */
export class ModelClient {
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true });

  /** @param url - where the model is, as `http://127.0.0.1:8080/sentiment` */
  constructor(url: string) {
    this.#url = url;
  }

  /** Asks for the sentiment of a text. */
  ask(text: string, cost: { workMs?: number; waitMs?: number } = {}): Promise<Answer> {
    const url = new URL(this.#url);
    for (const [name, value] of Object.entries(cost)) url.searchParams.set(name, String(value));
    const payload = Buffer.from(JSON.stringify({ text }));
    const headers = { 'content-type': 'application/json', 'content-length': payload.length };
    return new Promise((resolve, reject) => {
      const sentAtMs = epochMs();
      const call = request(url, { method: 'POST', agent: this.#agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers as Record<string, string | undefined>,
            body: Buffer.concat(chunks).toString('utf8'),
            sentAtMs,
            answeredAtMs: epochMs(),
          });
        });
      });
      call.once('error', reject);
      call.end(payload);
    });
  }

  /** Ends kept connections. */
  close(): void {
    this.#agent.destroy();
  }
}

/** The body of a good answer. */
export function judgementOf(answer: Answer): Judgement {
  return JSON.parse(answer.body) as Judgement;
}

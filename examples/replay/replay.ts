import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { PlannedRequest } from './plan.ts';
import type { Outcome } from './report.ts';

/** How a plan is sent. */
export interface SendOptions {
  /** URL with `{application}` and `{name of an id column}` to be filled in. */
  readonly target: string;
  /** @defaultValue GET, or POST where there is a body */
  readonly method?: string;
  /** Sent with each request, as JSON. */
  readonly body?: string;
  /** Requests under way at once; further ones are sent late. @defaultValue 256 */
  readonly concurrency?: number;
  /** A request without an answer for so long has failed, ms. @defaultValue 900000 */
  readonly timeoutMs?: number;
  /** Called after each request. */
  readonly onOutcome?: (outcome: Outcome) => void;
  readonly signal?: AbortSignal;
}

/** Sends the requests of a plan, each at its time; resolves when the last one has its answer. */
export async function sendPlan(plan: readonly PlannedRequest[], options: SendOptions): Promise<Outcome[]> {
  const { concurrency = 256, signal } = options;
  const agent = new Agent({ keepAlive: true });
  const outcomes: Outcome[] = [];
  const underWay = new Set<Promise<void>>();
  const beganMs = performance.now();
  const since = (): number => performance.now() - beganMs;
  try {
    for (const planned of plan) {
      const waitMs = planned.atMs - since();
      if (waitMs > 0) await delay(waitMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
      while (underWay.size >= concurrency) await Promise.race(underWay);
      if (signal?.aborted === true) break;
      const lateMs = Math.max(0, since() - planned.atMs);
      const one = sendOne(planned, options, agent).then((answer) => {
        const outcome = { application: planned.application, lateMs, ...answer };
        outcomes.push(outcome);
        options.onOutcome?.(outcome);
        underWay.delete(one);
      });
      underWay.add(one);
    }
    await Promise.all(underWay);
  } finally {
    agent.destroy();
  }
  return outcomes;
}

/** Fills `{name}` in a URL; values are escaped. */
export function fillTarget(target: string, planned: Pick<PlannedRequest, 'application' | 'ids'>): string {
  return target.replace(/\{([^{}]+)\}/g, (whole, name: string) => {
    const value = name === 'application' ? planned.application : planned.ids[name];
    return value === undefined ? whole : encodeURIComponent(value);
  });
}

function sendOne(
  planned: PlannedRequest,
  options: SendOptions,
  agent: Agent,
): Promise<Pick<Outcome, 'status' | 'latencyMs' | 'heldMs'>> {
  const { body, timeoutMs = 900_000 } = options;
  const method = options.method ?? (body === undefined ? 'GET' : 'POST');
  const beganMs = performance.now();
  return new Promise((resolve) => {
    const fail = (): void => resolve({ status: 0, latencyMs: performance.now() - beganMs, heldMs: undefined });
    const headers =
      body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const call = request(fillTarget(options.target, planned), { method, agent, headers }, (response) => {
      response.resume();
      response.once('error', fail);
      response.once('end', () => {
        const held = /^held;dur=(\d+)$/.exec(String(response.headers['nemesis-cold-start'] ?? ''));
        resolve({
          status: response.statusCode ?? 0,
          latencyMs: performance.now() - beganMs,
          heldMs: held === null ? undefined : Number(held[1]),
        });
      });
    });
    call.setTimeout(timeoutMs, () => call.destroy());
    call.once('error', fail);
    call.end(body);
  });
}

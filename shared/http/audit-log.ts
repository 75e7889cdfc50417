import { LRUCache } from 'lru-cache';
import { Counter, type Registry } from 'prom-client';
import type { ErrorCode } from '../model/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Caller } from './access.ts';

/** Something that was done or refused on a management port. */
export interface AuditEntry {
  /** The cluster's name for the user; `system:anonymous` where it is not known. */
  readonly user: string;
  /** Remote address. */
  readonly address: string;
  /** Method and route: `PUT /loadbalancer/settings`. */
  readonly action: string;
  /** What it was about: `namespace/name`, or a namespace; empty: everything. */
  readonly object: string;
  /** Why it was refused; undefined: it was done. */
  readonly refused?: ErrorCode;
  /** The caller did not wait for the answer: it may have been done or refused. */
  readonly callerLeft?: true;
  /** How often the same was refused since the entry before. */
  readonly repeated?: number;
}

/** How often the same refusal is written; further ones are counted. */
const REPEAT_MS = 60_000;
const REMEMBERED = 1_000;

/** Writes who changed what, and who was refused, to the log; refusals are counted as well. */
export class AuditLog {
  readonly #deps: { logger: Logger; clock: Clock };
  readonly #sink: (entry: AuditEntry) => void;
  readonly #refusals: Counter<'reason'>;
  readonly #written = new LRUCache<string, { atMs: number; since: number }>({ max: REMEMBERED });

  /** @param sink - is given every entry that is written */
  constructor(
    deps: { logger: Logger; clock: Clock; registry: Registry },
    sink: (entry: AuditEntry) => void = () => undefined,
  ) {
    this.#deps = deps;
    this.#sink = sink;
    this.#refusals = new Counter({
      name: 'nemesis_management_refusals_total',
      help: 'Requests to the management port that were refused, by the code of the answer.',
      labelNames: ['reason'],
      registers: [deps.registry],
    });
  }

  /**
   * A request that changes something was answered.
   *
   * @param callerLeft - the caller closed the connection before there was an answer @defaultValue false
   */
  done({ name: user, address }: Caller, action: string, object: string, callerLeft = false): void {
    const entry = { user, address, action, object, ...(callerLeft ? { callerLeft } : {}) };
    this.#deps.logger.info('audit', entry);
    this.#sink(entry);
  }

  /** A request was refused. */
  refused({ name: user, address, user: known }: Caller, action: string, object: string, code: ErrorCode): void {
    this.#refusals.inc({ reason: code });
    // Whoever is not known may ask for anything, and whoever asks too much too; who it is and the reason are enough then.
    const who = known === undefined ? address : user;
    const key = JSON.stringify(known !== undefined && code === 'Forbidden' ? [who, code, action, object] : [who, code]);
    const monotonicMs = this.#deps.clock.monotonicMs();
    const before = this.#written.get(key);
    if (before !== undefined && monotonicMs - before.atMs < REPEAT_MS) {
      before.since += 1;
      return;
    }
    this.#written.set(key, { atMs: monotonicMs, since: 0 });
    const repeated = before === undefined || before.since === 0 ? {} : { repeated: before.since };
    const entry = { user, address, action, object, refused: code, ...repeated };
    this.#deps.logger.warn('audit', entry);
    this.#sink(entry);
  }
}

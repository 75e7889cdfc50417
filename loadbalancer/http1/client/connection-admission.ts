import type { DataPlaneLogger, DataPlaneMetrics } from '../ports.ts';

const LOG_EVERY_MS = 10_000;

/** Bounds of the client connections. */
export interface ConnectionBounds {
  /** Open connections over all ports. */
  readonly maxConnections: number;
  /** Open connections of one address; trusted proxies, which speak for many, are exempt. */
  readonly maxConnectionsPerAddress: number;
}

/** Decides which new connections are let in, and counts and logs those that are not. */
export class ConnectionAdmission {
  bounds: ConnectionBounds = { maxConnections: Infinity, maxConnectionsPerAddress: Infinity };
  readonly #metrics: DataPlaneMetrics;
  readonly #byAddress = new Map<string, number>();
  #open = 0;
  #loggedAtMs = -Infinity;
  #loggedRefusals = 0;

  constructor(metrics: DataPlaneMetrics) {
    this.#metrics = metrics;
  }

  /**
   * Admits a connection, which must be given back with `left`, or refuses it.
   * @param recycle closes a connection that is idle, so that there is room; false: there is none
   */
  admit(address: string, trusted: boolean, recycle: () => boolean): boolean {
    const ofAddress = this.#byAddress.get(address) ?? 0;
    if (!trusted && ofAddress >= this.bounds.maxConnectionsPerAddress) {
      this.#metrics.refusedConnectionsByAddress += 1;
      return false;
    }
    if (this.#open >= this.bounds.maxConnections) {
      if (!recycle()) {
        this.#metrics.refusedConnections += 1;
        return false;
      }
      this.#metrics.recycledConnections += 1;
    }
    this.#open += 1;
    this.#byAddress.set(address, ofAddress + 1);
    return true;
  }

  /** A connection that was let in is closed. */
  left(address: string): void {
    this.#open -= 1;
    const ofAddress = (this.#byAddress.get(address) ?? 0) - 1;
    if (ofAddress > 0) this.#byAddress.set(address, ofAddress);
    else this.#byAddress.delete(address);
  }

  /** Called by the tick: logs that connections were refused, every ten seconds at most. */
  tick(monotonicMs: number, logger: DataPlaneLogger): void {
    const { refusedConnections, refusedConnectionsByAddress } = this.#metrics;
    const refusals = refusedConnections + refusedConnectionsByAddress;
    if (refusals === this.#loggedRefusals || monotonicMs - this.#loggedAtMs < LOG_EVERY_MS) return;
    logger.warn('Client connections are refused.', {
      refused: refusals - this.#loggedRefusals,
      open: this.#open,
      maxConnections: this.bounds.maxConnections,
      maxConnectionsPerAddress: this.bounds.maxConnectionsPerAddress,
    });
    this.#loggedAtMs = monotonicMs;
    this.#loggedRefusals = refusals;
  }
}

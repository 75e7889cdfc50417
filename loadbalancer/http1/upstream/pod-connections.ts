import type { PodSlot, PodTransport } from '../../domain/pod-slot.ts';
import type { ProbeOutcome } from '../../domain/probe-schedule.ts';
import type { PlaneContext } from '../plane-context.ts';
import { type ConnectionKeeper, UpstreamConnection, type UpstreamUser } from './upstream-connection.ts';

/**
 * A connection that has been idle for longer is not trusted with a request that must not be sent twice: the pod may be
 * closing it just now, and then nobody knows whether the request arrived.
 */
const TRUSTED_IDLE_MS = 1000;

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'PROPFIND', 'SEARCH', 'QUERY']);

/** Whether a request of this method may be sent twice without harm (RFC 9110, section 9.2.2). */
export function isRepeatable(method: string): boolean {
  return IDEMPOTENT.has(method);
}

/** The result of opening a connection ahead of any request. */
export interface Attempt {
  readonly result: ProbeOutcome;
  /** Closes the connection, unless a request has taken it. */
  readonly closeUnused: () => void;
}

/** Connections to one pod. Idle ones are used last in, first out, so that the surplus grows old and goes. */
export class PodConnections implements PodTransport, ConnectionKeeper {
  readonly #pod: PodSlot;
  readonly #context: PlaneContext;
  readonly #opening = new Set<UpstreamConnection>();
  /** Connections that are opened ahead of any request, and whom to notify. */
  readonly #attempts = new Map<UpstreamConnection, (result: ProbeOutcome) => void>();
  #idle: UpstreamConnection[] = [];
  #retired: boolean;

  constructor(pod: PodSlot, context: PlaneContext) {
    this.#pod = pod;
    this.#context = context;
    this.#retired = pod.state === 'terminating';
  }

  /** An idle connection, if there is one that can be relied on. */
  takeIdle(user: UpstreamUser, repeatable: boolean): UpstreamConnection | undefined {
    const last = this.#idle.at(-1);
    if (last === undefined) return undefined;
    const monotonicMs = this.#context.tickMs;
    if (last.expiresMs <= monotonicMs || (!repeatable && monotonicMs - last.idleSinceMs > TRUSTED_IDLE_MS))
      return undefined;
    this.#idle.pop();
    last.use(user);
    return last;
  }

  /** A new connection, being opened. */
  open(user: UpstreamUser): UpstreamConnection {
    const connection = new UpstreamConnection(this.#pod.address, this.#pod.port, this.#context, this);
    connection.use(user);
    this.#opening.add(connection);
    return connection;
  }

  /**
   * Tries whether the pod takes a connection. One that it takes is idle then, so that a request that waits for it need not
   * open another: in a program that has just started, the first connection costs the most.
   */
  async tryOpening(timeoutMs: number): Promise<Attempt> {
    const connection = new UpstreamConnection(this.#pod.address, this.#pod.port, this.#context, this);
    this.#opening.add(connection);
    const timer = setTimeout(() => connection.abandon('no connection in time'), timeoutMs);
    const result = await new Promise<ProbeOutcome>((resolve) => this.#attempts.set(connection, resolve));
    clearTimeout(timer);
    return {
      result,
      closeUnused: () => {
        if (this.#idle.includes(connection)) connection.destroy();
      },
    };
  }

  opened(connection: UpstreamConnection): void {
    this.#opening.delete(connection);
    const settle = this.#attempts.get(connection);
    if (settle === undefined) return;
    this.#attempts.delete(connection);
    this.keep(connection, undefined);
    settle('passed');
  }

  keep(connection: UpstreamConnection, idleMs: number | undefined): void {
    const { limits, tickMs } = this.#context;
    // A second less than what the pod promises, for the way there and our coarse clock.
    const lifeMs = Math.min(limits.upstreamIdleMs, idleMs === undefined ? Infinity : idleMs - 1000);
    if (this.#retired || this.#context.draining || lifeMs <= 0 || this.#idle.length >= limits.maxIdlePerPod) {
      connection.destroy();
      return;
    }
    connection.idleSinceMs = tickMs;
    connection.expiresMs = tickMs + lifeMs;
    this.#idle.push(connection);
  }

  forget(connection: UpstreamConnection): void {
    this.#opening.delete(connection);
    this.#attempts.get(connection)?.(connection.refused ? 'refused' : 'failed');
    this.#attempts.delete(connection);
    // Usually the one in question was never idle, or went idle last.
    const index = this.#idle.lastIndexOf(connection);
    if (index !== -1) this.#idle.splice(index, 1);
  }

  podRetired(): void {
    this.#retired = true;
    this.closeIdle();
    this.#context.pods.delete(this);
    // A pod that is gone answers no SYN: waiting for the time-out would only cost its requests seconds.
    for (const connection of [...this.#opening]) connection.abandon('the pod is going away');
  }

  /** Closes what has been idle too long. */
  sweep(monotonicMs: number): void {
    if (this.#idle.length === 0 || this.#idle.every((connection) => connection.expiresMs > monotonicMs)) return;
    const due = this.#idle.filter((connection) => connection.expiresMs <= monotonicMs);
    this.#idle = this.#idle.filter((connection) => connection.expiresMs > monotonicMs);
    for (const connection of due) connection.destroy();
  }

  /** Closes all idle connections. */
  closeIdle(): void {
    const idle = this.#idle;
    this.#idle = [];
    for (const connection of idle) connection.destroy();
  }
}

/** The connections of a pod, made when it is first used. */
export function connectionsOf(pod: PodSlot, context: PlaneContext): PodConnections {
  if (pod.transport instanceof PodConnections) return pod.transport;
  const connections = new PodConnections(pod, context);
  pod.transport = connections;
  context.pods.add(connections);
  return connections;
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../runtime/clock.ts';
import { messageOf, type Logger } from '../runtime/logger.ts';
import { isKubeStatus, type KubeClient } from './kube-api.ts';
import { pathOf, RESOURCES } from './paths.ts';

/** Times of an election. Defaults are those of Kubernetes' own components: 15, 10, 2 seconds. */
export interface LeaseTimes {
  /** Others may take over when the record has not changed for this long. */
  readonly leaseDurationMs: number;
  /** The leader stops acting when it could not renew for this long; less than leaseDurationMs. */
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
}

interface LeaseObject {
  readonly metadata: { readonly name: string; readonly resourceVersion?: string };
  readonly spec: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

/**
 * One leader by a Lease, as client-go does it: expiry is counted on the local monotonic clock from the moment when the
 * record was last seen to change, so clocks need not agree. A frozen process finds its deadline passed when it thaws:
 * {@link isLeader} compares times at each call and does not wait for a timer.
 */
export class LeaseElector {
  readonly #api: KubeClient;
  readonly #lease: { namespace: string; name: string; identity: string };
  readonly #times: LeaseTimes;
  readonly #deps: { logger: Logger; clock: Clock; random: () => number };
  readonly #stop = new AbortController();
  #renewedMs: number | undefined;
  #seen: { resourceVersion: string; sinceMs: number } | undefined;
  #run: Promise<void> | undefined;
  #onChange: ((leads: boolean) => void) | undefined;
  #told = false;

  constructor(
    api: KubeClient,
    lease: { namespace: string; name: string; identity: string },
    times: LeaseTimes,
    deps: { logger: Logger; clock: Clock; random: () => number },
  ) {
    if (times.renewDeadlineMs >= times.leaseDurationMs) {
      throw new RangeError(
        `the renew deadline (${times.renewDeadlineMs / 1000} s) must be less than the lease duration (${times.leaseDurationMs / 1000} s), else two controllers could lead at once`,
      );
    }
    this.#api = api;
    this.#lease = lease;
    this.#times = times;
    this.#deps = deps;
  }

  /** Whether this process may act right now. */
  isLeader(): boolean {
    return (
      this.#renewedMs !== undefined && this.#deps.clock.monotonicMs() - this.#renewedMs < this.#times.renewDeadlineMs
    );
  }

  /** Begins to take part. `onChange` is told each gain and loss. */
  start(onChange: (leads: boolean) => void): void {
    this.#onChange = onChange;
    this.#run = this.#loop();
  }

  /** Steps down and gives the lease back, so that another can lead at once. */
  async stop(): Promise<void> {
    const led = this.isLeader();
    this.#stop.abort();
    await this.#run;
    // Before the lease is given back: another may lead as soon as that lands, whenever its answer comes.
    this.#renewedMs = undefined;
    this.#tell();
    if (led) await this.#release().catch(() => undefined);
  }

  async #loop(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#tryAcquireOrRenew().catch((error: unknown) => {
        this.#deps.logger.warn('the lease could not be renewed', { reason: messageOf(error) });
      });
      this.#tell();
      const jitterMs = this.isLeader() ? 0 : this.#times.retryPeriodMs * 0.2 * this.#deps.random();
      await delay(this.#times.retryPeriodMs + jitterMs, undefined, { signal: this.#stop.signal }).catch(
        () => undefined,
      );
    }
  }

  #tell(): void {
    const leads = this.isLeader();
    if (leads === this.#told) return;
    this.#told = leads;
    this.#onChange?.(leads);
  }

  async #tryAcquireOrRenew(): Promise<void> {
    const { clock } = this.#deps;
    // The lease counts from before the request, so that a slow answer never makes it longer than others believe.
    const askedMs = clock.monotonicMs();
    const timeoutMs = Math.max(500, this.#times.renewDeadlineMs / 2);
    const path = pathOf(RESOURCES.leases, this.#lease.namespace, this.#lease.name);
    let lease: LeaseObject;
    try {
      lease = await this.#api.request<LeaseObject>('GET', path, { timeoutMs });
    } catch (error) {
      if (!isKubeStatus(error, 404)) throw error;
      await this.#write('POST', pathOf(RESOURCES.leases, this.#lease.namespace), undefined, timeoutMs);
      this.#renewedMs = askedMs;
      return;
    }
    const resourceVersion = lease.metadata.resourceVersion ?? '';
    if (this.#seen?.resourceVersion !== resourceVersion) this.#seen = { resourceVersion, sinceMs: clock.monotonicMs() };
    const holder = lease.spec.holderIdentity ?? '';
    const mine = holder === this.#lease.identity;
    const durationMs = (lease.spec.leaseDurationSeconds ?? 0) * 1000;
    const expired = clock.monotonicMs() - this.#seen.sinceMs > durationMs;
    if (!mine && holder !== '' && !expired) {
      this.#renewedMs = undefined;
      return;
    }
    try {
      const written = await this.#write('PUT', path, lease, timeoutMs);
      this.#seen = { resourceVersion: written.metadata.resourceVersion ?? '', sinceMs: clock.monotonicMs() };
      // Frozen until others had led and left again: this is another term, and is reported as one.
      if (!mine && this.#told) {
        this.#renewedMs = undefined;
        this.#tell();
      }
      this.#renewedMs = askedMs;
    } catch (error) {
      if (!isKubeStatus(error, 409)) throw error;
      // Somebody else was faster.
      this.#renewedMs = undefined;
    }
  }

  async #write(
    method: 'POST' | 'PUT',
    path: string,
    old: LeaseObject | undefined,
    timeoutMs: number,
  ): Promise<LeaseObject> {
    const now = microTime(this.#deps.clock.wallMs());
    const mine = old?.spec.holderIdentity === this.#lease.identity;
    return await this.#api.request<LeaseObject>(method, path, {
      timeoutMs,
      body: {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: old?.metadata ?? { name: this.#lease.name, namespace: this.#lease.namespace },
        spec: {
          holderIdentity: this.#lease.identity,
          leaseDurationSeconds: Math.max(1, Math.ceil(this.#times.leaseDurationMs / 1000)),
          acquireTime: mine ? (old.spec.acquireTime ?? now) : now,
          renewTime: now,
          leaseTransitions: (old?.spec.leaseTransitions ?? 0) + (old === undefined || mine ? 0 : 1),
        },
      },
    });
  }

  async #release(): Promise<void> {
    const path = pathOf(RESOURCES.leases, this.#lease.namespace, this.#lease.name);
    const lease = await this.#api.request<LeaseObject>('GET', path, { timeoutMs: 2000 });
    if (lease.spec.holderIdentity !== this.#lease.identity) return;
    const spec = {
      ...lease.spec,
      holderIdentity: '',
      leaseDurationSeconds: 1,
      renewTime: microTime(this.#deps.clock.wallMs()),
    };
    await this.#api.request('PUT', path, { timeoutMs: 2000, body: { ...lease, spec } });
  }
}

/** MicroTime: RFC 3339 with six digits. */
function microTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace('Z', '000Z');
}

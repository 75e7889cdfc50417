import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { HoldBudget } from '../domain/hold-queue.ts';
import type { RequestQueue } from '../domain/request-queue.ts';
import type { DataPlaneMetrics } from '../http1/ports.ts';
import type { RequestLogEntry } from '../request-log/request-log-entry.ts';
import type { ApplicationDirectory } from '../routing/application-directory.ts';
import type { WakeOutcome } from '../wake/waker.ts';

/** The gauge of open connections of clients. */
export function registerClientConnections(registry: Registry, clientCount: () => number): void {
  new Gauge({
    name: 'nemesis_client_connections',
    help: 'Open connections of clients.',
    registers: [registry],
    collect() {
      this.set(clientCount());
    },
  });
}

/** The gauge of what held requests use of their budget. */
export function registerHeldBytes(registry: Registry, budget: Pick<HoldBudget, 'usedBytes'>): void {
  new Gauge({
    name: 'nemesis_held_bytes',
    help: 'Bytes of held requests in memory, at most NEMESIS_HOLD_BUDGET_MIB.',
    registers: [registry],
    collect() {
      this.set(budget.usedBytes);
    },
  });
}

interface ApplicationGauge {
  readonly name: string;
  readonly help: string;
  readonly value: (queue: RequestQueue) => number;
}

const APPLICATION_GAUGES: readonly ApplicationGauge[] = [
  {
    name: 'nemesis_held_requests',
    help: 'Requests held now, by application.',
    value: ({ queued }) => queued,
  },
  {
    name: 'nemesis_in_flight_requests',
    help: 'Requests that pods answer now, by application.',
    value: ({ inFlight }) => inFlight,
  },
  {
    name: 'nemesis_ejected_pods',
    help: 'Ready pods that get no requests for a time because they broke one connection after the other.',
    value: ({ pods }) => pods.filter(({ outlier }) => outlier.ejectedUntilMs !== 0).length,
  },
];

/** Counters of the data plane: the field, and what it counts. */
const COUNTERS = {
  nemesis_received_requests_total: ['requests', 'Requests whose head was read, whether they have ended or not.'],
  nemesis_upstream_connections_total: ['upstreamConnections', 'Connections opened to pods.'],
  nemesis_refused_connections_total: [
    'refusedConnections',
    'Client connections closed at once because too many are open.',
  ],
  nemesis_refused_connections_by_address_total: [
    'refusedConnectionsByAddress',
    'Client connections closed at once because too many of their address are open.',
  ],
  nemesis_recycled_connections_total: [
    'recycledConnections',
    'Idle client connections closed to make room for new ones.',
  ],
  nemesis_malformed_requests_total: ['malformedRequests', 'Requests refused because of their form.'],
  nemesis_malformed_responses_total: ['malformedResponses', 'Answers of pods cut off because of their form.'],
  nemesis_connect_failures_total: ['connectFailures', 'Connections to pods that failed.'],
  nemesis_retries_total: [
    'retries',
    'Requests sent again because a pod broke the connection before it answered anything.',
  ],
  nemesis_upgrades_total: ['upgrades', 'Connections upgraded to another protocol.'],
} as const;

/** The balancer's Prometheus metrics. The hot path only adds to plain numbers; they are read at each scrape. */
export class BalancerMetrics {
  readonly #wakes: Histogram<'outcome'>;
  readonly #byApplication = new Map<string, Map<number, number>>();

  constructor(registry: Registry, deps: { directory: ApplicationDirectory; plane: DataPlaneMetrics }) {
    this.#wakes = new Histogram({
      name: 'nemesis_wake_call_seconds',
      help: 'Duration of the scale calls that wake applications, by their outcome.',
      labelNames: ['outcome'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 3],
      registers: [registry],
    });
    registerRequests(registry, this.#byApplication, deps.directory);
    for (const gauge of APPLICATION_GAUGES) registerGauge(registry, gauge, deps.directory);
    for (const [name, [field, help]] of Object.entries(COUNTERS))
      registerCounter(registry, { name, help }, () => deps.plane[field]);
  }

  /** Counts a request that ended. */
  requestEnded(entry: RequestLogEntry): void {
    let statuses = this.#byApplication.get(entry.application);
    if (statuses === undefined) {
      statuses = new Map<number, number>();
      this.#byApplication.set(entry.application, statuses);
    }
    statuses.set(entry.status, (statuses.get(entry.status) ?? 0) + 1);
  }

  /** Counts a scale call. */
  wakeCalled(outcome: WakeOutcome, durationMs: number): void {
    this.#wakes.observe({ outcome }, durationMs / 1000);
  }
}

/** Counts of ended requests by application and status, for applications that exist. */
function registerRequests(
  registry: Registry,
  byApplication: Map<string, Map<number, number>>,
  directory: ApplicationDirectory,
): void {
  new Counter({
    name: 'nemesis_requests_total',
    help: 'Proxied requests by application and status; 499: the client went away.',
    labelNames: ['namespace', 'name', 'status'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [key, statuses] of byApplication) {
        // Applications that are gone are dropped; the empty key is that of requests without a route.
        if (key !== '' && directory.get(key) === undefined) {
          byApplication.delete(key);
          continue;
        }
        const [namespace = '', name = ''] = key.split('/');
        for (const [status, count] of statuses) this.inc({ namespace, name, status: String(status) }, count);
      }
    },
  });
}

function registerGauge(
  registry: Registry,
  { name, help, value }: ApplicationGauge,
  directory: ApplicationDirectory,
): void {
  new Gauge({
    name,
    help,
    labelNames: ['namespace', 'name'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { snapshot, queue } of directory.all()) {
        this.set({ namespace: snapshot.metadata.namespace, name: snapshot.metadata.name }, value(queue));
      }
    },
  });
}

function registerCounter(registry: Registry, named: { name: string; help: string }, value: () => number): void {
  new Counter({
    ...named,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(value());
    },
  });
}

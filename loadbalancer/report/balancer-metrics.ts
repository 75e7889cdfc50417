import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
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

/** The balancer's Prometheus metrics. The hot path only adds to plain numbers; they are read when somebody scrapes. */
export class BalancerMetrics {
  readonly #wakes: Histogram<'outcome'>;
  readonly #byApplication = new Map<string, Map<number, number>>();

  constructor(registry: Registry, deps: { directory: ApplicationDirectory; plane: DataPlaneMetrics }) {
    const registers = [registry];
    const byApplication = this.#byApplication;
    new Counter({
      name: 'nemesis_requests_total',
      help: 'Proxied requests by application and class of status; 499: the client went away.',
      labelNames: ['namespace', 'name', 'status'],
      registers,
      collect() {
        this.reset();
        for (const [key, statuses] of byApplication) {
          // What is gone is told no more; the empty key is that of requests without a route.
          if (key !== '' && deps.directory.get(key) === undefined) {
            byApplication.delete(key);
            continue;
          }
          const [namespace = '', name = ''] = key.split('/');
          for (const [status, count] of statuses) this.inc({ namespace, name, status: String(status) }, count);
        }
      },
    });
    this.#wakes = new Histogram({
      name: 'nemesis_wake_call_seconds',
      help: 'Duration of the scale calls that wake applications, by their outcome.',
      labelNames: ['outcome'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 3],
      registers,
    });
    new Gauge({
      name: 'nemesis_held_requests',
      help: 'Requests held now, by application.',
      labelNames: ['namespace', 'name'],
      registers,
      collect() {
        this.reset();
        for (const { snapshot, queue } of deps.directory.all()) {
          this.set({ namespace: snapshot.metadata.namespace, name: snapshot.metadata.name }, queue.queued);
        }
      },
    });
    new Gauge({
      name: 'nemesis_in_flight_requests',
      help: 'Requests that pods answer now, by application.',
      labelNames: ['namespace', 'name'],
      registers,
      collect() {
        this.reset();
        for (const { snapshot, queue } of deps.directory.all()) {
          this.set({ namespace: snapshot.metadata.namespace, name: snapshot.metadata.name }, queue.inFlight);
        }
      },
    });
    new Gauge({
      name: 'nemesis_ejected_pods',
      help: 'Ready pods that get no requests for a time because they broke one connection after the other.',
      labelNames: ['namespace', 'name'],
      registers,
      collect() {
        this.reset();
        for (const { snapshot, queue } of deps.directory.all()) {
          const ejected = queue.pods.filter(({ outlier }) => outlier.ejectedUntilMs !== 0).length;
          this.set({ namespace: snapshot.metadata.namespace, name: snapshot.metadata.name }, ejected);
        }
      },
    });
    const counters = {
      received_requests: ['requests', 'Requests whose head was read, whether they have ended or not.'],
      upstream_connections: ['upstreamConnections', 'Connections opened to pods.'],
      refused_connections: ['refusedConnections', 'Client connections closed at once because too many are open.'],
      refused_connections_by_address: [
        'refusedConnectionsByAddress',
        'Client connections closed at once because too many of their address are open.',
      ],
      recycled_connections: ['recycledConnections', 'Idle client connections closed to make room for new ones.'],
      malformed_requests: ['malformedRequests', 'Requests refused because of their form.'],
      malformed_responses: ['malformedResponses', 'Answers of pods cut off because of their form.'],
      connect_failures: ['connectFailures', 'Connections to pods that failed.'],
      retries: ['retries', 'Requests sent again because a pod broke the connection before it answered anything.'],
      upgrades: ['upgrades', 'Connections upgraded to another protocol.'],
    } as const;
    for (const [name, [field, help]] of Object.entries(counters)) {
      new Counter({
        name: `nemesis_${name}_total`,
        help,
        registers,
        collect() {
          this.reset();
          this.inc(deps.plane[field]);
        },
      });
    }
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

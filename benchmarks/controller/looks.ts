import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { Actuator } from '../../autoscaler/controllers/application/actuator.ts';
import { ApplicationController } from '../../autoscaler/controllers/application/controller.ts';
import { ControllerMetrics } from '../../autoscaler/metrics/controller-metrics.ts';
import { KeyedQueue } from '../../autoscaler/controllers/keyed-queue.ts';
import { AutomatonEvents } from '../../autoscaler/controllers/application/automaton-events.ts';
import { Observations } from '../../autoscaler/controllers/application/observations.ts';
import { ScalingSpecs } from '../../autoscaler/controllers/application/scaling-spec.ts';
import { StatusWriter } from '../../autoscaler/controllers/application/status-writer.ts';
import { ApplicationRecorder } from '../../autoscaler/controllers/application/record.ts';
import { Ticker } from '../../autoscaler/controllers/ticker.ts';
import { KubernetesSink } from '../../autoscaler/events/sinks/kubernetes.ts';
import { PrometheusSink } from '../../autoscaler/events/sinks/prometheus.ts';
import { createPublisher } from '../../autoscaler/events/publisher.ts';
import { StoreSink } from '../../autoscaler/events/sinks/store.ts';
import { UsageRecorder } from '../../autoscaler/controllers/usage/usage-recorder.ts';
import { MetricsCollector } from '../../autoscaler/domain/signals/metrics-collector.ts';
import { Balancers } from '../../autoscaler/signals/balancers.ts';
import { ResourceMetrics } from '../../autoscaler/signals/resource-metrics.ts';
import { Sidecars } from '../../autoscaler/signals/sidecars.ts';
import { allOf, measurementsOf } from '../../autoscaler/signals/signal-source.ts';
import { DEFAULT_SETTINGS } from '../../shared/api/load-balancer-settings.ts';
import type { ApplicationSnapshot } from '../../shared/kubernetes/application-watch.ts';
import type { KubeClient, KubeRequestOptions } from '../../shared/kubernetes/kube-api.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { makeApplication, PODS, trafficOf } from './applications.ts';

/**
 * A process of its own: the decisions about many applications, with everything they cost but the network. Prints what
 * it took as JSON. Arguments: applications, seconds of
 * measuring, seconds that averages are over. Before that come ten minutes of a sample a second from each pod and balancer.
 */
const COUNT = Number(process.argv[2] ?? 1000);
const SECONDS = Number(process.argv[3] ?? 60);
const WINDOW_S = Number(process.argv[4] ?? 15);
const HISTORY_S = 600;

const nothing = (): void => undefined;
const logger: Logger = { info: nothing, warn: nothing, error: nothing, debug: nothing };
const clock = systemClock;
const applications = new Map<string, ApplicationSnapshot>();
for (let index = 0; index < COUNT; index += 1) {
  const application = makeApplication(index, WINDOW_S);
  applications.set(application.key, application);
}
let statusWrites = 0;
let scaleWrites = 0;
let rows = 0;
const api: KubeClient = {
  request: <T>(_method: string, path: string, options?: KubeRequestOptions) => {
    const { status: written } = (options?.body ?? {}) as { status?: object };
    const [, , , , , namespace = '', , name = ''] = path.split('/');
    const key = `${namespace}/${name}`;
    const application = applications.get(key);
    if (path.endsWith('/status')) statusWrites += 1;
    else scaleWrites += 1;
    const resourceVersion = String(Number(application?.metadata.resourceVersion ?? 1) + 1);
    if (application?.resource !== undefined && written !== undefined) {
      const status = Object.fromEntries(Object.entries(written).filter(([, value]) => value !== null));
      applications.set(key, {
        ...application,
        metadata: { ...application.metadata, resourceVersion },
        resource: { ...application.resource, status },
      });
    }
    return Promise.resolve({ metadata: { resourceVersion } } as T);
  },
};
const watch = {
  get: (key: string) => applications.get(key),
  keys: () => [...applications.keys()],
  settings: DEFAULT_SETTINGS,
};
const isLeader = (): boolean => true;
const collector = new MetricsCollector();
const metrics = new ControllerMetrics(new Registry());
const publish = createPublisher(
  [new StoreSink({ append: () => (rows += 1) }), new KubernetesSink({ record: nothing }), new PrometheusSink(metrics)],
  { logger },
);
const actuator = new Actuator(api, { isLeader, publish, logger });
const usage = new UsageRecorder({ publish, clock });
const specs = new ScalingSpecs();
const balancer = { uid: 'lb', name: 'lb', address: '10.0.0.1' };
const { pods, traffic } = collector;
const measurements = (key: string): ReturnType<typeof measurementsOf> =>
  measurementsOf(applications.get(key)?.resource);
const sources = allOf([
  new Sidecars({ readings: pods, measurementsOf: measurements, clock }),
  new Balancers({ readings: traffic, measurementsOf: measurements, clock }),
  new ResourceMetrics({ api, readings: pods, podExists: () => true, clock, random: Math.random, logger }),
]);
const controller = new ApplicationController({
  watch,
  collector,
  balancers: () => [balancer],
  balancersMissing: () => false,
  otherScaler: () => undefined,
  isLeader,
  actuator,
  statusWriter: new StatusWriter(api, { isLeader, clock, logger }),
  recorder: new ApplicationRecorder({ publish, clock }),
  publish,
  specs,
  observations: new Observations({ watch, specs, usage, sources, metrics }),
  events: new AutomatonEvents(),
  metrics,
  clock,
  newId: () => 'id',
});
const queue: KeyedQueue = new KeyedQueue(
  (key) => controller.reconcile(key),
  (_key, error) => {
    throw error;
  },
);

const window = { windowMs: WINDOW_S * 1000, intervalMs: 1000 };
function measured(atMs: number, from: number, to: number): void {
  let index = 0;
  for (const { key } of applications.values()) {
    if (index >= from && index < to) {
      for (let pod = 0; pod < PODS; pod += 1) {
        // Between the thresholds, and never twice the same.
        const cpuUsage = 500 + 100 * Math.random();
        collector.pods.add(
          'sidecar',
          `${key}-${pod}`,
          { cpuUsage, memoryUsage: 500 + 50 * Math.random() },
          atMs,
          window,
        );
      }
      collector.traffic.add(key, balancer.uid, trafficOf(key), atMs, window.windowMs);
    }
    index += 1;
  }
}
const monotonicMs = clock.monotonicMs();
for (let second = HISTORY_S; second > 0; second -= 1) {
  measured(monotonicMs - second * 1000, 0, COUNT);
  // Ten minutes of samples come within seconds here; what they leave behind is collected as in ten minutes.
  globalThis.gc?.({ type: 'minor', execution: 'sync' });
}
collector.traffic.recordBalancer(balancer.uid, monotonicMs);

const SLICES = 20;
let slice = 0;
// Reports come all the time, not all at once.
setInterval(() => {
  const from = Math.floor((slice * COUNT) / SLICES);
  measured(clock.monotonicMs(), from, Math.floor(((slice + 1) * COUNT) / SLICES));
  slice = (slice + 1) % SLICES;
}, 1000 / SLICES);
new Ticker({ watch, isLeader, usage, enqueue: (key) => queue.add(key) }).start();

globalThis.gc?.();
await delay(5_000);
const loop = monitorEventLoopDelay({ resolution: 5 });
loop.enable();
const before = { cpu: process.cpuUsage(), atMs: performance.now(), statusWrites, scaleWrites, rows };
await delay(SECONDS * 1000);
const { user, system } = process.cpuUsage(before.cpu);
const elapsedS = (performance.now() - before.atMs) / 1000;
process.stdout.write(
  JSON.stringify({
    cpuPercent: (user + system) / 1e4 / elapsedS,
    longestBlockMs: loop.max / 1e6,
    heapMb: process.memoryUsage().heapUsed / 1e6,
    arrayBuffersMb: process.memoryUsage().arrayBuffers / 1e6,
    rssMb: process.memoryUsage().rss / 1e6,
    statusWritesPerSecond: (statusWrites - before.statusWrites) / elapsedS,
    scaleWrites: scaleWrites - before.scaleWrites,
    historyRowsPerSecond: (rows - before.rows) / elapsedS,
  }),
);
process.exit();

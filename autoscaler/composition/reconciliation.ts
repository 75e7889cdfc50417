import { randomUUID } from 'node:crypto';
import { EventRecorder } from '../../shared/kubernetes/event-recorder.ts';
import { Actuator } from '../controllers/application/actuator.ts';
import { BalancerPresence, existingBalancers } from '../controllers/application/balancers.ts';
import { ApplicationController } from '../controllers/application/controller.ts';
import { Observations } from '../controllers/application/observations.ts';
import { ApplicationRecorder } from '../controllers/application/record.ts';
import { ScalingSpecs } from '../controllers/application/scaling-spec.ts';
import { StatusWriter } from '../controllers/application/status-writer.ts';
import { KeyedQueue } from '../controllers/keyed-queue.ts';
import { Ticker } from '../controllers/ticker.ts';
import { UsageRecorder } from '../controllers/usage/usage-recorder.ts';
import { MetricsCollector, type BalancerRef } from '../domain/signals/metrics-collector.ts';
import { ReportPacing } from '../domain/signals/report-pacing.ts';
import type { Publish } from '../events/domain-event.ts';
import { KubernetesSink } from '../events/kubernetes-sink.ts';
import { LogSink } from '../events/log-sink.ts';
import { PrometheusSink } from '../events/prometheus-sink.ts';
import { createPublisher } from '../events/publisher.ts';
import { StoreSink } from '../events/store-sink.ts';
import { BalancerStream } from '../ingest/balancer-stream.ts';
import type { History } from '../store/history.ts';
import type { Cluster } from './cluster.ts';
import type { Foundation } from './foundation.ts';

/** What turns signals into decisions, and decisions into events. */
export interface Reconciliation {
  readonly collector: MetricsCollector;
  readonly pacing: ReportPacing;
  readonly controller: ApplicationController;
  readonly ticker: Ticker;
  /** Asks for a reconciliation of an application. */
  readonly enqueue: (key: string) => void;
  readonly publish: Publish;
  readonly stream: BalancerStream;
}

/** Builds the controller of applications and what it stands on; nothing is started. */
export function buildReconciliation(
  { settings, logger, lifecycle, clock, metrics, identity }: Foundation,
  { api, watch, otherScalers, balancerPods, isLeader }: Cluster,
  history: History,
): Reconciliation {
  const collector = new MetricsCollector();
  const events = new EventRecorder(api, 'nemesis-autoscaler', { logger, clock });
  const publish = createPublisher(
    [new StoreSink(history), new KubernetesSink(events), new LogSink(logger), new PrometheusSink(metrics)],
    { logger },
  );
  const actuator = new Actuator(api, { isLeader, publish, logger });
  const stream = new BalancerStream(identity);
  lifecycle.onStop('stream to the balancers', () => stream.close());

  const balancers = (): readonly BalancerRef[] =>
    existingBalancers(
      balancerPods.objects.values(),
      (uid) => collector.knowsBalancer(uid),
      collector.livingBalancers(clock.monotonicMs()),
    );
  const usage = new UsageRecorder({ publish, clock });
  const pacing = new ReportPacing();
  const specs = new ScalingSpecs();
  const presence = new BalancerPresence(settings.noBalancerSeconds * 1000, clock.monotonicMs());
  const controller = new ApplicationController({
    watch,
    collector,
    balancers,
    balancersMissing: (count) => presence.missing(count, clock.monotonicMs()),
    otherScaler: (target) => otherScalers.find(target),
    isLeader,
    actuator,
    statusWriter: new StatusWriter(api, { isLeader, clock, logger }),
    recorder: new ApplicationRecorder({ publish, clock }),
    publish,
    specs,
    observations: new Observations({ watch, specs, usage, pacing, metrics }),
    metrics,
    clock,
    newId: randomUUID,
  });
  const queue = new KeyedQueue(
    (key) => controller.reconcile(key),
    (application, error) => logger.error('an application could not be reconciled', { application, err: error }),
  );
  lifecycle.onStop('controller', () => queue.close());
  const enqueue = (key: string): void => queue.add(key);

  const ticker = new Ticker({ watch, isLeader, usage, enqueue });
  return { collector, pacing, controller, ticker, enqueue, publish, stream };
}

import { randomUUID } from 'node:crypto';
import { EventRecorder } from '../../shared/kubernetes/event-recorder.ts';
import {
  AutomatonEvents,
  type OutsideEvent,
  type OutsideEventResult,
} from '../controllers/application/automaton-events.ts';
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
import { MetricsCollector } from '../domain/signals/metrics-collector.ts';
import type { BalancerRef } from '../domain/signals/traffic-readings.ts';
import type { Publish } from '../events/domain-event.ts';
import { createPublisher } from '../events/publisher.ts';
import { EVENT_SINKS } from '../events/sinks/index.ts';
import { BalancerStream } from '../ingest/balancer-stream.ts';
import { allOf } from '../signals/signal-source.ts';
import type { History } from '../store/history.ts';
import type { Cluster } from './cluster.ts';
import type { Foundation } from './foundation.ts';
import { buildSources, type Sources } from './sources.ts';

/** What turns signals into decisions, and decisions into events. */
export interface Reconciliation {
  readonly collector: MetricsCollector;
  readonly sources: Sources;
  readonly controller: ApplicationController;
  readonly ticker: Ticker;
  /** The reconciliations that run and wait. */
  readonly queue: KeyedQueue;
  /** Asks for a reconciliation of an application. */
  readonly enqueue: (key: string) => void;
  /** Gives an event to the automaton of an application; tells what became of it once that is stored. */
  readonly handleEvent: (key: string, event: OutsideEvent) => Promise<OutsideEventResult>;
  readonly publish: Publish;
  readonly stream: BalancerStream;
}

/** Builds the controller of applications and what it stands on; nothing is started. */
export function buildReconciliation(foundation: Foundation, cluster: Cluster, history: History): Reconciliation {
  const { settings, logger, lifecycle, clock, metrics, identity } = foundation;
  const { api, watch, otherScalers, balancerPods, isLeader } = cluster;
  const collector = new MetricsCollector();
  const sources = buildSources(foundation, cluster, collector);
  const recorder = new EventRecorder(api, 'nemesis-autoscaler', { logger, clock });
  const sinks = EVENT_SINKS.map((createSink) => createSink({ history, recorder, logger, metrics }));
  const publish = createPublisher(sinks, { logger });
  const actuator = new Actuator(api, { isLeader, publish, logger });
  const stream = new BalancerStream(identity);
  lifecycle.onStop('stream to the balancers', () => stream.close());

  const balancers = (): readonly BalancerRef[] =>
    existingBalancers(
      balancerPods.objects.values(),
      (uid) => collector.traffic.knowsBalancer(uid),
      collector.traffic.livingBalancers(clock.monotonicMs()),
    );
  const usage = new UsageRecorder({ publish, clock });
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
    events: new AutomatonEvents(),
    specs,
    observations: new Observations({ watch, specs, usage, sources: allOf(Object.values(sources)), metrics }),
    metrics,
    clock,
    newId: randomUUID,
  });
  const queue = new KeyedQueue(
    (key) => controller.reconcile(key),
    (application, error) => logger.error('an application could not be reconciled', { application, err: error }),
  );
  const enqueue = (key: string): void => queue.add(key);
  const handleEvent = async (key: string, event: OutsideEvent): Promise<OutsideEventResult> => {
    const result = controller.handleEvent(key, event);
    enqueue(key);
    return await result;
  };

  const ticker = new Ticker({ watch, isLeader, usage, enqueue });
  return { collector, sources, controller, ticker, queue, enqueue, handleEvent, publish, stream };
}

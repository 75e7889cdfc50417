import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { hasTraffic, type Signals } from '../domain/signals/signals.ts';
import { PHASES } from '../../shared/model/lifecycle.ts';

interface Shown {
  readonly phase: string | undefined;
  readonly replicas: number;
  readonly ready: number;
  readonly inFlight: number | undefined;
  readonly queued: number | undefined;
}

/** The controller's Prometheus metrics. */
export class ControllerMetrics {
  readonly decisions: Counter<'reason'>;
  readonly scaleWrites: Counter<'result'>;
  readonly coldStart: Histogram<'outcome'>;
  readonly reports: Counter<'kind' | 'result'>;
  readonly refusals: Counter<'kind' | 'reason'>;
  readonly leader: Gauge;
  readonly #phase: Gauge<'namespace' | 'name' | 'phase'>;
  readonly #replicas: Gauge<'namespace' | 'name' | 'kind'>;
  readonly #requests: Gauge<'namespace' | 'name' | 'state'>;
  readonly #idleReplicas: Counter<'namespace' | 'name'>;
  /** What the gauges of each application show, so that only what changed is set: looking up a gauge costs more. */
  readonly #shown = new Map<string, Shown>();

  constructor(registry: Registry) {
    const registers = [registry];
    this.decisions = new Counter({
      name: 'nemesis_decisions_total',
      help: 'Decisions by their reason, counted when they change.',
      labelNames: ['reason'],
      registers,
    });
    this.scaleWrites = new Counter({
      name: 'nemesis_scale_writes_total',
      help: 'Writes of spec.replicas by their result: done, stale (409) or failed.',
      labelNames: ['result'],
      registers,
    });
    this.coldStart = new Histogram({
      name: 'nemesis_cold_start_seconds',
      help: 'Time from leaving 0 replicas to the first ready one.',
      labelNames: ['outcome'],
      buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640],
      registers,
    });
    this.reports = new Counter({
      name: 'nemesis_reports_total',
      help: 'Reports taken in or refused, by kind: metrics, traffic, announcement.',
      labelNames: ['kind', 'result'],
      registers,
    });
    this.refusals = new Counter({
      name: 'nemesis_report_refusals_total',
      help: 'Reports, announcements and streams that were refused, by kind and reason.',
      labelNames: ['kind', 'reason'],
      registers,
    });
    this.leader = new Gauge({ name: 'nemesis_leader', help: '1 while this controller leads.', registers });
    this.#phase = new Gauge({
      name: 'nemesis_application_phase',
      help: '1 for the phase that the application is in.',
      labelNames: ['namespace', 'name', 'phase'],
      registers,
    });
    this.#replicas = new Gauge({
      name: 'nemesis_application_replicas',
      help: 'Replicas: wanted by spec.replicas, and ready.',
      labelNames: ['namespace', 'name', 'kind'],
      registers,
    });
    this.#requests = new Gauge({
      name: 'nemesis_application_requests',
      help: 'Requests in flight and held, over all balancers.',
      labelNames: ['namespace', 'name', 'state'],
      registers,
    });
    this.#idleReplicas = new Counter({
      name: 'nemesis_observed_idle_replica_seconds_total',
      help: 'In mode Observe: replica-seconds during which the application would have slept.',
      labelNames: ['namespace', 'name'],
      registers,
    });
  }

  /** Counts a write of `spec.replicas`. */
  countScaleWrite(result: string): void {
    this.scaleWrites.inc({ result });
  }

  /** Sets an application's gauges. */
  observe(key: string, phase: string | undefined, replicas: number, ready: number, signals: Signals): void {
    const traffic = hasTraffic(signals.traffic) ? signals.traffic : undefined;
    const before = this.#shown.get(key);
    const shown = {
      phase,
      replicas,
      ready,
      inFlight: traffic?.inFlight ?? before?.inFlight,
      queued: traffic?.queued ?? before?.queued,
    };
    this.#shown.set(key, shown);
    const labels = labelsOf(key);
    if (before === undefined || before.phase !== phase) {
      for (const each of PHASES) this.#phase.set({ ...labels, phase: each }, each === phase ? 1 : 0);
    }
    if (before?.replicas !== replicas) this.#replicas.set({ ...labels, kind: 'spec' }, replicas);
    if (before?.ready !== ready) this.#replicas.set({ ...labels, kind: 'ready' }, ready);
    const { inFlight, queued } = shown;
    if (inFlight !== undefined && before?.inFlight !== inFlight) {
      this.#requests.set({ ...labels, state: 'in_flight' }, inFlight);
    }
    if (queued !== undefined && before?.queued !== queued) this.#requests.set({ ...labels, state: 'held' }, queued);
  }

  /** Counts what sleep would have saved where it is only observed. */
  idleReplicas(key: string, replicas: number, seconds: number): void {
    if (seconds > 0) this.#idleReplicas.inc(labelsOf(key), replicas * seconds);
  }

  /** Removes the gauges of an application that is gone. */
  forget(key: string): void {
    if (!this.#shown.delete(key)) return;
    const labels = labelsOf(key);
    this.#idleReplicas.remove(labels);
    for (const phase of PHASES) this.#phase.remove({ ...labels, phase });
    for (const kind of ['spec', 'ready']) this.#replicas.remove({ ...labels, kind });
    for (const state of ['in_flight', 'held']) this.#requests.remove({ ...labels, state });
  }
}

function labelsOf(key: string): { namespace: string; name: string } {
  const [namespace = '', name = ''] = key.split('/');
  return { namespace, name };
}

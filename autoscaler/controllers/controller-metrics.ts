import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { PHASES } from '../../shared/api/autoscaler.ts';
import { hasTraffic, type Signals } from '../domain/signals/signals.ts';

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
  }

  /** Sets an application's gauges. */
  observe(key: string, phase: string | undefined, replicas: number, ready: number, signals: Signals): void {
    const labels = labelsOf(key);
    for (const each of PHASES) this.#phase.set({ ...labels, phase: each }, each === phase ? 1 : 0);
    this.#replicas.set({ ...labels, kind: 'spec' }, replicas);
    this.#replicas.set({ ...labels, kind: 'ready' }, ready);
    if (!hasTraffic(signals.traffic)) return;
    this.#requests.set({ ...labels, state: 'in_flight' }, signals.traffic.inFlight);
    this.#requests.set({ ...labels, state: 'held' }, signals.traffic.queued);
  }

  /** Removes the gauges of an application that is gone. */
  forget(key: string): void {
    const labels = labelsOf(key);
    for (const phase of PHASES) this.#phase.remove({ ...labels, phase });
    for (const kind of ['spec', 'ready']) this.#replicas.remove({ ...labels, kind });
    for (const state of ['in_flight', 'held']) this.#requests.remove({ ...labels, state });
  }
}

function labelsOf(key: string): { namespace: string; name: string } {
  const [namespace = '', name = ''] = key.split('/');
  return { namespace, name };
}

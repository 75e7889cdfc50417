import { AutomatonEvents } from '../../../autoscaler/controllers/application/automaton-events.ts';
import { Actuator } from '../../../autoscaler/controllers/application/actuator.ts';
import { ApplicationController } from '../../../autoscaler/controllers/application/controller.ts';
import { existingBalancers } from '../../../autoscaler/controllers/application/balancers.ts';
import { KeyedQueue } from '../../../autoscaler/controllers/keyed-queue.ts';
import { Observations } from '../../../autoscaler/controllers/application/observations.ts';
import { ScalingSpecs } from '../../../autoscaler/controllers/application/scaling-spec.ts';
import { StatusWriter } from '../../../autoscaler/controllers/application/status-writer.ts';
import { ApplicationRecorder } from '../../../autoscaler/controllers/application/record.ts';
import { MetricsCollector } from '../../../autoscaler/domain/signals/metrics-collector.ts';
import { Balancers } from '../../../autoscaler/signals/balancers.ts';
import { measurementsOf } from '../../../autoscaler/signals/signal-source.ts';
import type { TrafficReport } from '../../../shared/contracts/traffic-report.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { ApiModel, type ScaleCall } from './api-model.ts';
import type { ClusterModel } from './cluster-model.ts';
import { KEY } from './cluster-objects.ts';
import { Process, type Simulation } from './simulation.ts';

/** The Lease, as the API server keeps it. */
export interface LeaseModel {
  holder: ControllerModel | undefined;
  changedMs: number;
}

const RENEW_DEADLINE_MS = 10_000;
const LEASE_MS = 15_000;
const RETRY_MS = 2_000;

const nothing = (): void => undefined;

/** A controller: the real controllers of an application over the model's API server, and a place in the election. */
export class ControllerModel {
  readonly process: Process;
  readonly #sim: Simulation;
  readonly #lease: LeaseModel;
  readonly #collector = new MetricsCollector();
  readonly #balancers: Balancers;
  readonly #controller: ApplicationController;
  readonly #queue: KeyedQueue;
  #renewedMs: number | undefined;
  #leads = false;
  #ids = 0;

  constructor(
    name: string,
    sim: Simulation,
    cluster: ClusterModel,
    lease: LeaseModel,
    onScaleCall: (call: ScaleCall | undefined) => void,
  ) {
    this.process = new Process(name);
    this.#sim = sim;
    this.#lease = lease;
    const { clock } = sim;
    const api = new ApiModel(sim, cluster, this.process, onScaleCall);
    const watch = cluster.watch(this.process, () => this.look());
    const isLeader = (): boolean => this.isLeader();
    const specs = new ScalingSpecs();
    const measurements = (): ReturnType<typeof measurementsOf> => measurementsOf(undefined);
    this.#balancers = new Balancers({ readings: this.#collector.traffic, measurementsOf: measurements, clock });
    const actuator = new Actuator(api, { isLeader, publish: nothing, logger: silentLogger });
    this.#controller = new ApplicationController({
      watch,
      collector: this.#collector,
      balancers: () =>
        existingBalancers(
          watch.balancers.values(),
          (uid) => this.#collector.traffic.knowsBalancer(uid),
          this.#collector.traffic.livingBalancers(clock.monotonicMs()),
        ),
      otherScaler: () => undefined,
      balancersMissing: () => false,
      isLeader,
      actuator,
      statusWriter: new StatusWriter(api, { isLeader, clock, logger: silentLogger }),
      recorder: new ApplicationRecorder({ publish: nothing, clock }),
      specs,
      observations: new Observations({
        watch,
        specs,
        usage: { sample: nothing, forget: nothing },
        sources: this.#balancers,
        metrics: { idleReplicas: nothing },
      }),
      metrics: { observe: nothing, forget: nothing, countScaleWrite: nothing },
      clock,
      publish: nothing,
      events: new AutomatonEvents(),
      newId: () => `${name}-${(this.#ids += 1)}`,
    });
    this.#queue = new KeyedQueue(
      (key) => this.#controller.reconcile(key),
      (_key, error) => sim.violate(`a look failed: ${String(error)}`),
      queueMicrotask,
    );
  }

  /** Begins to take part. */
  start(): void {
    this.#elect();
    const tick = (): void => {
      if (this.isLeader()) this.look();
      this.#sim.schedule(1000, tick, this.process);
    };
    this.#sim.schedule(1000, tick, this.process);
  }

  isLeader(): boolean {
    return this.#renewedMs !== undefined && this.#sim.nowMs - this.#renewedMs < RENEW_DEADLINE_MS;
  }

  look(): void {
    this.#queue.add(KEY);
  }

  /** What the ingest does with a balancer's report; false: not the leader. */
  take(report: TrafficReport): boolean {
    if (!this.isLeader()) return false;
    if (this.#balancers.take(report).length > 0) this.look();
    return true;
  }

  /** A balancer's pod is gone from this controller's watch. */
  forgetBalancer(uid: string): void {
    this.#collector.traffic.forgetBalancer(uid);
  }

  #elect(): void {
    const lease = this.#lease;
    const { nowMs } = this.#sim;
    if (lease.holder === undefined || lease.holder === this || nowMs - lease.changedMs > LEASE_MS) {
      lease.holder = this;
      lease.changedMs = nowMs;
      this.#renewedMs = nowMs;
    } else {
      this.#renewedMs = undefined;
    }
    if (this.#leads !== this.isLeader()) {
      this.#leads = this.isLeader();
      this.#sim.note(`${this.process.name} ${this.#leads ? 'leads' : 'leads no more'}`);
      this.#controller.reset();
      if (this.#leads) this.look();
    }
    this.#sim.schedule(RETRY_MS, () => this.#elect(), this.process);
  }
}

import type { TrafficReport } from '../../../shared/contracts/traffic-report.ts';
import type { ScaleCall } from './api-model.ts';
import { BalancerModel } from './balancer-model.ts';
import { ClusterModel } from './cluster-model.ts';
import { ControllerModel, type LeaseModel } from './controller-model.ts';
import { Simulation, type Process } from './simulation.ts';
import { SLEEP_TIMES } from '../../../shared/model/sleep-times.ts';

/** Something that happens in a schedule. */
export type Incident =
  | { readonly kind: 'arrive'; readonly afterMs: number; readonly which: number; readonly serviceMs: number }
  | { readonly kind: 'restartBalancer' | 'addBalancer'; readonly afterMs: number; readonly which: number }
  | { readonly kind: 'crashController' | 'stopController'; readonly afterMs: number; readonly which: number }
  | {
      readonly kind: 'freezeController' | 'freezeBalancer';
      readonly afterMs: number;
      readonly which: number;
      readonly forMs: number;
    };

/** A whole run: who is there, what happens, and the numbers that latencies are drawn from. */
export interface Schedule {
  readonly balancers: number;
  readonly controllers: number;
  readonly idleSeconds: number;
  readonly incidents: readonly Incident[];
  readonly choices: readonly number[];
}

/** After the last incident everything that was started must come to an end within so long. */
const SETTLE_MS = 45_000;
const SLEEPS_MS = 60_000;

/** Runs a schedule and returns what was violated, with the trace that led there. */
export async function runSchedule(
  schedule: Schedule,
): Promise<{ violations: string[]; trace: string[]; world: World }> {
  const world = new World(schedule);
  world.sim.install();
  try {
    await world.run(schedule);
  } finally {
    world.sim.uninstall();
  }
  // The run lives on promises alone; the test runner's own timers need a turn now and then.
  await new Promise((resolve) => setImmediate(resolve));
  return { violations: world.sim.violations, trace: world.sim.trace, world };
}

/** The cluster with its controllers and balancers. */
export class World {
  readonly sim: Simulation;
  readonly cluster: ClusterModel;
  readonly #lease: LeaseModel = { holder: undefined, changedMs: 0 };
  readonly #controllers: ControllerModel[] = [];
  readonly #balancers: BalancerModel[] = [];
  readonly #idleSeconds: number;
  #call: ScaleCall | undefined;
  #number = 0;
  /** Scale calls that landed so late that a hold may have expired meanwhile. */
  lateSleeps = 0;

  constructor({ idleSeconds, choices }: Schedule) {
    this.sim = new Simulation(choices);
    this.#idleSeconds = idleSeconds;
    this.cluster = new ClusterModel(this.sim, idleSeconds);
    this.cluster.onScale = (from, to) => this.#scaled(from, to);
  }

  async run({ balancers, controllers, incidents }: Schedule): Promise<void> {
    for (let count = 0; count < balancers; count += 1) this.#openBalancer(`lb-${count}`);
    for (let count = 0; count < controllers; count += 1) this.#startController();
    await this.sim.runUntil(2000);
    for (const incident of incidents) {
      await this.sim.runUntil(this.sim.nowMs + incident.afterMs);
      this.#happen(incident);
      await this.sim.flush();
    }
    // Nothing fails any more.
    this.sim.calm = true;
    await this.#runUntil(() => this.#living().every(({ requests }) => requests.size === 0), SETTLE_MS);
    for (const { uid, requests } of this.#living()) {
      if (requests.size > 0) this.sim.violate(`${requests.size} requests at ${uid} were not answered`);
    }
    await this.#runUntil(() => this.#asleep(), this.#idleSeconds * 1000 + SLEEPS_MS);
    const { replicas, status } = this.cluster;
    if (!this.#asleep()) {
      this.sim.violate(`idle, but it does not sleep: ${status.phase ?? '-'} with ${replicas} replicas`);
    }
  }

  #asleep(): boolean {
    return this.cluster.replicas === 0 && this.cluster.status.phase === 'Asleep';
  }

  async #runUntil(done: () => boolean, withinMs: number): Promise<void> {
    const endMs = this.sim.nowMs + withinMs;
    while (this.sim.nowMs < endMs && !done()) await this.sim.runUntil(this.sim.nowMs + 500);
  }

  #happen(incident: Incident): void {
    const { sim } = this;
    sim.note(`${incident.kind} ${incident.which}`);
    const controller = this.#controllers[incident.which % this.#controllers.length]!;
    const at = incident.which % this.#balancers.length;
    const balancer = this.#balancers[at]!;
    switch (incident.kind) {
      case 'arrive':
        if (balancer.process.frozenUntilMs > sim.nowMs) return;
        sim.as(balancer.process, () => balancer.arrive(incident.serviceMs));
        return;
      case 'restartBalancer':
        if (!balancer.process.alive) return;
        balancer.crash();
        this.cluster.setBalancer(balancer.uid, false);
        sim.schedule(200, () => {
          this.#balancers[at] = this.#openBalancer(balancer.uid, false);
        });
        return;
      case 'addBalancer':
        if (this.#balancers.length < 4) this.#openBalancer(`lb-${this.#balancers.length}`);
        return;
      case 'freezeBalancer':
        balancer.process.freeze(sim.nowMs + incident.forMs);
        return;
      case 'freezeController':
        controller.process.freeze(sim.nowMs + incident.forMs);
        return;
      case 'stopController':
        if (this.#lease.holder === controller) this.#lease.holder = undefined;
        this.#replace(controller);
        return;
      case 'crashController':
        this.#replace(controller);
        return;
    }
  }

  #replace(controller: ControllerModel): void {
    controller.process.alive = false;
    this.#controllers.splice(this.#controllers.indexOf(controller), 1);
    this.#startController();
  }

  #startController(): void {
    const controller = new ControllerModel(
      `controller-${(this.#number += 1)}`,
      this.sim,
      this.cluster,
      this.#lease,
      (call) => (this.#call = call),
    );
    this.#controllers.push(controller);
    this.sim.schedule(this.#controllers.length, () => controller.start(), controller.process);
  }

  #openBalancer(uid: string, add = true): BalancerModel {
    const balancer = new BalancerModel(uid, this.sim, this.cluster, {
      onScaleCall: (call) => (this.#call = call),
      send: (report, from) => this.#deliver(report, from),
    });
    if (add) this.#balancers.push(balancer);
    this.cluster.setBalancer(uid, false);
    balancer.start(() => this.cluster.setBalancer(uid, true));
    return balancer;
  }

  /** A report goes to whom the Service leads: the holder of the lease. It may be late or lost; so may its answer. */
  #deliver(report: TrafficReport, from: Process): Promise<boolean> {
    const { sim } = this;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    sim.schedule(2000, () => resolve(false), from);
    const fate = sim.calm ? 0 : sim.choose(16);
    const controller = this.#lease.holder;
    if (fate === 15 || controller === undefined) return promise;
    sim.schedule(
      sim.latencyMs(),
      () => {
        const taken = controller.take(report);
        if (fate !== 14) sim.schedule(1, () => resolve(taken), from);
      },
      controller.process,
    );
    return promise;
  }

  #living(): BalancerModel[] {
    return this.#balancers.filter(({ process }) => process.alive);
  }

  #scaled(from: number, to: number): void {
    const { sim } = this;
    const call = this.#call;
    if (to > 0 && from === 0) {
      const wanted = this.#balancers.some(({ process, plane }) => process.alive && plane.queued > 0);
      if (call?.manager === 'nemesis-loadbalancer' && !wanted && call.owner.alive && sim.nowMs - call.sentMs < 50) {
        sim.violate('a wake for nobody');
      }
      return;
    }
    if (to > 0) return;
    if (call?.manager !== 'nemesis-autoscaler') sim.violate(`${call?.manager ?? 'nobody'} scaled to 0`);
    // A call that was sent in time and then lay in the network: requests may be under way again, and the pods drain.
    const late = sim.nowMs - (call?.sentMs ?? 0) > SLEEP_TIMES.holdMs - SLEEP_TIMES.confirmMs;
    if (late) this.lateSleeps += 1;
    for (const { uid, plane, confirmed, isOpen, introduced } of this.#living()) {
      if (!isOpen || !introduced) continue;
      if (!late && plane.inFlight > 0) sim.violate(`to 0 with ${plane.inFlight} requests of ${uid} on pods`);
      const untilMs = confirmed.get(call?.drainId ?? '');
      if (untilMs === undefined) sim.violate(`to 0 without the word of ${uid} for ${call?.drainId ?? 'no drain'}`);
      else if (!late && untilMs < sim.nowMs) sim.violate(`to 0 after the hold of ${uid} had expired`);
    }
  }
}

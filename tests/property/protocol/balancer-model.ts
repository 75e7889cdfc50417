import type { RequestQueue } from '../../../loadbalancer/domain/request-queue.ts';
import { HoldBudget, HoldTicket, type Refusal } from '../../../loadbalancer/domain/hold-queue.ts';
import { PodSlot } from '../../../loadbalancer/domain/pod-slot.ts';
import { TrafficReporter } from '../../../loadbalancer/report/traffic-reporter.ts';
import { Announcements } from '../../../loadbalancer/routing/announcements.ts';
import { ApplicationDirectory } from '../../../loadbalancer/routing/application-directory.ts';
import { Waker } from '../../../loadbalancer/wake/waker.ts';
import type { TrafficReport } from '../../../shared/contracts/traffic-report.ts';
import { ApiModel, type ScaleCall } from './api-model.ts';
import type { ClusterModel } from './cluster-model.ts';
import { KEY } from './cluster-objects.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { Process, type Simulation } from './simulation.ts';
import { SLEEP_TIMES } from '../../../shared/model/sleep-times.ts';

/** A client's request; it is answered, or its balancer died, or something is wrong. */
export class SimRequest extends HoldTicket {
  state: 'waiting' | 'onPod' | 'answered' | 'balancerDied' = 'waiting';
  readonly serviceMs: number;
  readonly #balancer: BalancerModel;

  constructor(balancer: BalancerModel, serviceMs: number) {
    super();
    this.#balancer = balancer;
    this.serviceMs = serviceMs;
  }

  onGranted(pod: PodSlot): void {
    this.#balancer.forward(this, pod);
  }

  onRefused(refusal: Refusal): void {
    this.#balancer.refused(refusal);
  }
}

/** A balancer process: the real directory, hold, waker and reporter over the model's API server. */
export class BalancerModel {
  readonly process: Process;
  readonly uid: string;
  readonly requests = new Set<SimRequest>();
  readonly #sim: Simulation;
  readonly #cluster: ClusterModel;
  readonly #directory: ApplicationDirectory;
  readonly #waker: Waker;
  readonly #reporter: TrafficReporter;
  /** Drains that this process has confirmed, and until when it must hold for them. */
  readonly confirmed = new Map<string, number>();
  isOpen = false;
  /** False: it opened its port without the controller's answer, as it must when there is none. */
  introduced = false;
  #sweeping = false;

  constructor(
    uid: string,
    sim: Simulation,
    cluster: ClusterModel,
    deps: {
      onScaleCall: (call: ScaleCall | undefined) => void;
      send: (report: TrafficReport, from: Process) => Promise<boolean>;
    },
  ) {
    this.process = new Process(uid);
    this.uid = uid;
    this.#sim = sim;
    this.#cluster = cluster;
    const { clock, random } = sim;
    const watch = cluster.watch(this.process, () => this.#directory.update(KEY));
    this.#directory = new ApplicationDirectory({
      watch,
      announcements: new Announcements(),
      budget: new HoldBudget(2 ** 30),
      clock,
      random,
    });
    this.#directory.subscribe({
      onHeld: (application) => {
        this.#waker.wake(application);
        if (application.queue.queued === 1) this.#reporter.urgent(application.key);
        this.#sweep();
      },
      onIdle: (application) => {
        if (application.drain !== undefined) this.#reporter.urgent(application.key);
      },
      onUpdated: (application) => {
        this.#waker.wake(application);
        if (application.drain !== undefined) this.#reporter.urgent(application.key);
      },
    });
    this.#waker = new Waker(new ApiModel(sim, cluster, this.process, deps.onScaleCall), {
      clock,
      random,
      logger: silentLogger,
      onOutcome: () => undefined,
      onReachable: (reachable) => this.plane.freezeDeadlines(!reachable, sim.nowMs),
    });
    this.#reporter = new TrafficReporter({
      directory: this.#directory,
      self: { podName: uid, podUid: uid },
      send: (report) => {
        for (const { drained, drainId } of report.applications)
          if (drained && drainId !== undefined) this.#confirms(drainId);
        return deps.send(report, this.process);
      },
      clock,
    });
  }

  /** Everything was listed: reports begin, and the port opens when the controller knows of it. */
  start(onOpen: () => void): void {
    this.#sim.as(this.process, () => {
      this.#directory.update(KEY);
      this.#reporter.start();
      const beganMs = this.#sim.nowMs;
      void this.#reporter.introduced(2000).then(() => {
        if (!this.process.alive) return;
        this.isOpen = true;
        this.introduced = this.#sim.nowMs - beganMs < 2000;
        onOpen();
      });
    });
  }

  get plane(): RequestQueue {
    return this.#directory.get(KEY)!.queue;
  }

  /** Whether it holds a request, or a pod answers one for it. */
  get busy(): boolean {
    return this.plane.inFlight + this.plane.queued > 0;
  }

  /** A client sends a request. */
  arrive(serviceMs: number): void {
    if (!this.isOpen) return;
    const request = new SimRequest(this, serviceMs);
    this.requests.add(request);
    const answer = this.plane.acquire(request, 100, this.#sim.nowMs);
    if (answer instanceof PodSlot) this.forward(request, answer);
    else if (answer !== 'held') this.refused(answer);
  }

  refused(refusal: Refusal): void {
    this.#sim.violate(`a request was refused: ${refusal.code} ${refusal.detail}`);
  }

  /** A request goes to a pod: connect, wait for the answer. */
  forward(request: SimRequest, { uid }: PodSlot): void {
    const sim = this.#sim;
    for (const [drainId, untilMs] of this.confirmed) {
      const current = this.#directory.get(KEY)?.drain?.id === drainId;
      if (current && sim.nowMs < untilMs) sim.violate(`${this.uid} forwarded although it had confirmed ${drainId}`);
    }
    request.state = 'onPod';
    sim.schedule(
      1,
      () => {
        const client = { lost: (): void => sim.violate(`a request of ${this.uid} was on ${uid} when it ended`) };
        if (!this.#cluster.connect(uid, client)) {
          request.state = 'waiting';
          const answer = this.plane.requeue(request, 100, sim.nowMs);
          if (answer !== 'held') this.refused(answer);
          return;
        }
        sim.schedule(request.serviceMs, () => {
          this.#cluster.disconnect(uid, client);
          if (!this.process.alive) return;
          sim.as(this.process, () => {
            request.state = 'answered';
            this.requests.delete(request);
            this.plane.release(request, 'completed', sim.nowMs);
          });
        });
      },
      this.process,
    );
  }

  /** The process dies with all its sockets. */
  crash(): void {
    this.process.alive = false;
    for (const request of this.requests) request.state = 'balancerDied';
    this.requests.clear();
  }

  #confirms(drainId: string): void {
    const drain = this.#directory.get(KEY)?.drain;
    if (drain?.id === drainId) this.confirmed.set(drainId, drain.sinceMs + SLEEP_TIMES.holdMs);
  }

  /** As the data plane does while requests are held. */
  #sweep(): void {
    if (this.#sweeping) return;
    this.#sweeping = true;
    this.#sim.schedule(
      100,
      () => {
        this.#sweeping = false;
        this.plane.sweep(this.#sim.nowMs);
        if (this.plane.queued > 0) this.#sweep();
      },
      this.process,
    );
  }
}

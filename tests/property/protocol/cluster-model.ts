import { autoscalerSpecSchema, type AutoscalerStatus } from '../../../shared/api/autoscaler.ts';
import { DEFAULT_SETTINGS } from '../../../shared/api/load-balancer-settings.ts';
import type { ApplicationWatch } from '../../../shared/kubernetes/application-watch.ts';
import type { Deployment, Pod } from '../../../shared/kubernetes/objects.ts';
import {
  applicationOf,
  balancerPod,
  deploymentObject,
  KEY,
  NAME,
  podObject,
  type PodState,
  type View,
} from './cluster-objects.ts';
import type { Process, Simulation } from './simulation.ts';

/** preStop: at least so long, and at most. */
const DRAIN_MIN_MS = 1_000;
const DRAIN_MAX_MS = 25_000;

/** A request's place on a pod. */
export interface PodClient {
  /** The pod ended before it had answered. */
  lost(): void;
}

interface PodModel extends PodState {
  gone: boolean;
  readonly inFlight: Set<PodClient>;
}

/** What a program sees of the cluster. */
export interface ClusterView extends Pick<ApplicationWatch, 'get' | 'keys' | 'settings' | 'synced' | 'connected'> {
  readonly balancers: Map<string, Pod>;
}

interface Watcher {
  readonly owner: Process;
  readonly view: View;
  readonly onChange: () => void;
  /** Watches keep the order of each kind, but kinds are independent of each other. */
  readonly lastMs: Map<string, number>;
}

/** The API server with what it keeps, the controllers behind it and one application's pods. */
export class ClusterModel {
  readonly #sim: Simulation;
  readonly #watchers = new Set<Watcher>();
  readonly #pods = new Map<string, PodModel>();
  readonly #balancers = new Map<string, Pod>();
  readonly spec;
  rv = 100;
  status: AutoscalerStatus = {};
  statusRv = 100;
  replicas = 1;
  deploymentRv = 100;
  #generation = 1;
  #observed = 1;
  #manager: string | undefined;
  #podNumber = 0;
  /** Changes of spec.replicas: [ms, from, to, manager]. */
  readonly scales: [number, number, number, string][] = [];
  onScale: (from: number, to: number, manager: string) => void = () => undefined;

  constructor(sim: Simulation, idleSeconds: number) {
    this.#sim = sim;
    this.spec = autoscalerSpecSchema.parse({
      scaleTargetRef: { name: NAME },
      maxReplicas: 3,
      route: {},
      sleep: { idleSeconds },
      buffer: { holdSeconds: 86_400 },
    });
    this.#followReplicas();
  }

  /** A client's view of the cluster, listed now and then watched with delays. */
  watch(owner: Process, onChange: (kind: string) => void): ClusterView {
    const view: View = {
      autoscaler: { rv: this.statusRv, status: this.status },
      deployment: this.#deployment(),
      pods: new Map(
        [...this.#pods.values()].filter(({ gone }) => !gone).map((pod) => [pod.uid, podObject(pod, this.rv)]),
      ),
      balancers: new Map(this.#balancers),
    };
    this.#watchers.add({ owner, view, onChange: () => onChange(''), lastMs: new Map() });
    return {
      get: (key) => (key === KEY ? applicationOf(view, this.spec) : undefined),
      keys: () => [KEY],
      settings: DEFAULT_SETTINGS,
      synced: true,
      connected: true,
      balancers: view.balancers,
    };
  }

  /** Applies a fenced change of replicas. Returns false for 409. */
  scale(replicas: number, resourceVersion: string | undefined, manager: string): boolean {
    if (resourceVersion === undefined) this.#sim.violate(`${manager} wrote replicas without a fence`);
    if (resourceVersion !== String(this.deploymentRv)) return false;
    if (replicas === this.replicas) return true;
    const from = this.replicas;
    this.replicas = replicas;
    this.#manager = manager;
    this.#generation += 1;
    this.scales.push([this.#sim.nowMs, from, replicas, manager]);
    this.#sim.note(`replicas ${from} -> ${replicas} by ${manager}`);
    this.#deploymentChanged();
    this.onScale(from, replicas, manager);
    this.#sim.schedule(2, () => this.#followReplicas());
    return true;
  }

  /** Something else of the Deployment changes. */
  touch(): void {
    this.#sim.note('the Deployment is fenced');
    this.#deploymentChanged();
  }

  /** Applies a merge-patch of the status. Returns false for 409. */
  patchStatus(patch: Record<string, unknown>, resourceVersion: string): boolean {
    if (resourceVersion !== String(this.statusRv)) return false;
    const all: Record<string, unknown> = { ...this.status, ...patch };
    const merged = Object.fromEntries(Object.entries(all).filter(([, each]) => each !== null)) as AutoscalerStatus;
    if (merged.phase !== this.status.phase)
      this.#sim.note(`phase ${this.status.phase ?? '-'} -> ${merged.phase ?? '-'}`);
    this.status = merged;
    this.statusRv = this.rv += 1;
    const state = { rv: this.statusRv, status: this.status };
    this.#publish('autoscaler', (view) => (view.autoscaler = state));
    return true;
  }

  /** A balancer's pod appears, changes or goes. */
  setBalancer(uid: string, ready: boolean, gone = false): void {
    const pod = balancerPod(uid, ready, (this.rv += 1));
    if (gone) this.#balancers.delete(uid);
    else this.#balancers.set(uid, pod);
    this.#publish('balancers', (view) => {
      if (gone) view.balancers.delete(uid);
      else view.balancers.set(uid, pod);
    });
  }

  /** A connection to a pod; false when nobody listens there. */
  connect(uid: string, client: PodClient): boolean {
    const pod = this.#pods.get(uid);
    if (pod === undefined || pod.gone || !pod.ready) return false;
    pod.inFlight.add(client);
    return true;
  }

  /** The end of a connection to a pod. */
  disconnect(uid: string, client: PodClient): void {
    const pod = this.#pods.get(uid);
    pod?.inFlight.delete(client);
    if (pod?.terminatingSinceMs !== undefined) this.#tryEnd(pod);
  }

  #deployment(): Deployment {
    const count = [...this.#pods.values()].filter((pod) => !pod.gone && pod.terminatingSinceMs === undefined).length;
    return deploymentObject({
      rv: this.deploymentRv,
      generation: this.#generation,
      observed: this.#observed,
      replicas: this.replicas,
      count,
      manager: this.#manager,
    });
  }

  /** What the Deployment's own controller and the kubelet do. */
  #followReplicas(): void {
    const living = [...this.#pods.values()].filter((pod) => !pod.gone && pod.terminatingSinceMs === undefined);
    for (const pod of living.slice(this.replicas)) this.#terminate(pod);
    for (let count = living.length; count < this.replicas; count += 1) this.#start();
    this.#observed = this.#generation;
    this.#deploymentChanged();
  }

  #start(): void {
    const pod: PodModel = {
      uid: `pod-${(this.#podNumber += 1)}`,
      ready: false,
      terminatingSinceMs: undefined,
      gone: false,
      inFlight: new Set(),
    };
    this.#pods.set(pod.uid, pod);
    this.#podChanged(pod);
    this.#sim.schedule(100 + this.#sim.latencyMs(), () => {
      if (pod.terminatingSinceMs !== undefined) return;
      pod.ready = true;
      this.#podChanged(pod);
    });
  }

  #terminate(pod: PodModel): void {
    pod.terminatingSinceMs = this.#sim.nowMs;
    this.#podChanged(pod);
    this.#sim.schedule(DRAIN_MIN_MS, () => this.#tryEnd(pod));
    this.#sim.schedule(DRAIN_MAX_MS, () => this.#end(pod));
  }

  #tryEnd(pod: PodModel): void {
    const drained = pod.inFlight.size === 0 && this.#sim.nowMs - (pod.terminatingSinceMs ?? 0) >= DRAIN_MIN_MS;
    if (drained) this.#end(pod);
  }

  #end(pod: PodModel): void {
    if (pod.gone) return;
    pod.gone = true;
    for (const client of pod.inFlight) client.lost();
    this.#podChanged(pod);
  }

  #podChanged(pod: PodModel): void {
    this.rv += 1;
    const shown = podObject(pod, this.rv);
    const { uid, gone } = pod;
    this.#publish('pods', (view) => {
      if (gone) view.pods.delete(uid);
      else view.pods.set(uid, shown);
    });
  }

  #deploymentChanged(): void {
    this.deploymentRv = this.rv += 1;
    const deployment = this.#deployment();
    this.#publish('deployment', (view) => (view.deployment = deployment));
  }

  #publish(kind: string, change: (view: View) => void): void {
    for (const watcher of this.#watchers) {
      const { owner, view, onChange, lastMs } = watcher;
      if (!owner.alive) {
        this.#watchers.delete(watcher);
        continue;
      }
      const atMs = Math.max(lastMs.get(kind) ?? 0, this.#sim.nowMs + this.#sim.latencyMs());
      lastMs.set(kind, atMs);
      this.#sim.schedule(
        atMs - this.#sim.nowMs,
        () => {
          change(view);
          onChange();
        },
        owner,
      );
    }
  }
}

import type { Autoscaler } from '../../shared/api/autoscaler.ts';
import type {
  ApplicationSnapshot as WatchedApplication,
  ApplicationWatch,
} from '../../shared/kubernetes/application-watch.ts';
import { hostsOf } from '../../shared/rules/ownership.ts';
import { resolvePort } from '../../shared/rules/readiness.ts';
import { isForeignSleep } from '../../shared/rules/wake.ts';
import { RouteTable } from '../../shared/rules/routes.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { ExpectedStart } from '../domain/hold-refusals.ts';
import { RequestQueue } from '../domain/request-queue.ts';
import type { HoldBudget } from '../domain/hold-queue.ts';
import type { PodDescription } from '../domain/pod-slot.ts';
import type { RouteMatch, Router } from '../http1/ports.ts';
import type { Announcements } from './announcements.ts';
import { applicationSettings } from './application-settings.ts';
import { decideGate, wakeFacts, type Backend } from './backend.ts';

/** A longer one would fire at once, and so again and again. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What the directory needs. */
export interface ApplicationDirectoryDeps {
  readonly watch: Pick<ApplicationWatch, 'get' | 'settings' | 'synced' | 'connected'>;
  readonly announcements: Announcements;
  readonly budget: HoldBudget;
  readonly clock: Clock;
  readonly random: () => number;
}

/** What the directory reports about its applications. Called synchronously, so that waking loses no time. */
export interface DirectoryListener {
  /** A request was held. */
  onHeld?(backend: Backend): void;
  /** Nothing is in flight and nothing held any more. */
  onIdle?(backend: Backend): void;
  /** What is known of the application changed. */
  onUpdated?(backend: Backend): void;
  /** It is not routed any more. */
  onRemoved?(backend: Backend): void;
}

/** The applications of this balancer and the routes to them, kept as the cluster shows them. */
export class ApplicationDirectory implements Router {
  readonly #deps: ApplicationDirectoryDeps;
  readonly #applications = new Map<string, Backend>();
  /** Not routed any more, and requests are still on their pods: they count if the application comes back meanwhile. */
  readonly #leaving = new Map<string, Backend>();
  readonly #routes = new RouteTable<RequestQueue>();
  /** In the order in which they are called: a few parts of the program, registered once. */
  readonly #listeners: DirectoryListener[] = [];

  constructor(deps: ApplicationDirectoryDeps) {
    this.#deps = deps;
  }

  /** Registers a part of the program for what happens from now on. */
  subscribe(listener: DirectoryListener): void {
    this.#listeners.push(listener);
  }

  /** All applications. */
  all(): Iterable<Backend> {
    return this.#applications.values();
  }

  /** One application by `namespace/name`. */
  get(key: string): Backend | undefined {
    return this.#applications.get(key);
  }

  match(host: string, path: string): RouteMatch | 'unknown' | 'notSynced' {
    const found = this.#routes.match(host, path);
    if (found !== undefined) return { queue: found.target, forwardedPath: found.path };
    // With a broken watch it may exist and not be known yet, so there is no final 404 then.
    return this.#deps.watch.synced && this.#deps.watch.connected ? 'unknown' : 'notSynced';
  }

  /** Takes over what the cluster shows of an application now. */
  update(key: string): void {
    const watched = this.#deps.watch.get(key);
    const known = this.#applications.get(key);
    if (
      watched?.resource === undefined ||
      watched.conflict !== undefined ||
      watched.resource.spec.route === undefined
    ) {
      if (known !== undefined) this.#remove(known, watched);
    } else {
      const backend = known ?? this.#add(watched);
      backend.snapshot = watched;
      backend.queue.updateSettings(
        applicationSettings(watched.resource.spec, this.#deps.watch.settings),
        this.#deps.clock.monotonicMs(),
      );
      this.#noteDrain(backend);
      this.refreshPods(backend);
      this.refreshGate(backend);
      this.#setRoute(backend, watched.resource);
      this.#tell('onUpdated', backend);
    }
  }

  /** Takes over the pods, as Kubernetes and the announcements show them. */
  refreshPods(backend: Backend): void {
    const { clock, announcements } = this.#deps;
    const monotonicMs = clock.monotonicMs();
    const { resource, pods } = backend.snapshot;
    const descriptions: PodDescription[] = [];
    for (const pod of pods) {
      const port = resolvePort(pod, resource?.spec.route?.port);
      const address = announcements.addressOf(pod);
      if (port === undefined || address === undefined) continue;
      const terminating = pod.metadata.deletionTimestamp !== undefined;
      const state = terminating ? 'terminating' : announcements.isReady(pod, monotonicMs) ? 'ready' : 'notReady';
      descriptions.push({ uid: pod.metadata.uid, name: pod.metadata.name, address, port, state });
    }
    backend.queue.setPods(descriptions, monotonicMs);
  }

  /** Opens, holds or shuts the gate as the rules say now. */
  refreshGate(backend: Backend): void {
    const { clock } = this.#deps;
    clearTimeout(backend.timer);
    const { replicas, phase, replicasManager } = wakeFacts(backend.snapshot);
    if (!isForeignSleep({ replicas, phase, replicasManager })) backend.foreignZeroSinceMs = undefined;
    else backend.foreignZeroSinceMs ??= clock.monotonicMs();
    const { gate, againInMs } = decideGate(backend, { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() });
    backend.queue.expectedStart = expectedStart(backend.snapshot, clock);
    backend.queue.setGate(gate, clock.monotonicMs());
    if (againInMs === undefined) return;
    backend.timer = setTimeout(
      () => {
        this.refreshGate(backend);
        this.#tell('onUpdated', backend);
      },
      Math.min(againInMs, LONGEST_TIMER_MS),
    );
    backend.timer.unref();
  }

  #add(watched: WatchedApplication): Backend {
    const { resource } = watched;
    if (resource === undefined) throw new Error(`Application ${watched.key} has no valid resource.`);
    const back = this.#leaving.get(watched.key);
    if (back !== undefined) {
      this.#leaving.delete(watched.key);
      this.#applications.set(watched.key, back);
      return back;
    }
    const queue = new RequestQueue(watched.key, applicationSettings(resource.spec, this.#deps.watch.settings), {
      random: this.#deps.random,
      budget: this.#deps.budget,
      onHeld: () => this.#tell('onHeld', backend),
      onIdle: () => {
        this.#leaving.delete(watched.key);
        this.#tell('onIdle', backend);
      },
    });
    const backend: Backend = {
      key: watched.key,
      queue,
      snapshot: watched,
      drain: undefined,
      foreignZeroSinceMs: undefined,
      timer: undefined,
    };
    this.#applications.set(watched.key, backend);
    return backend;
  }

  #remove(backend: Backend, watched: WatchedApplication | undefined): void {
    this.#applications.delete(backend.key);
    this.#routes.delete(backend.key);
    clearTimeout(backend.timer);
    const why = watched?.conflict?.message ?? watched?.invalid.join('; ') ?? 'Its Autoscaler was deleted.';
    const detail = `Application ${backend.key} is not routed any more. ${why}`;
    backend.queue.setGate({ reject: { code: 'NoRoute', detail } }, this.#deps.clock.monotonicMs());
    backend.queue.setPods([], this.#deps.clock.monotonicMs());
    if (backend.queue.inFlight > 0) this.#leaving.set(backend.key, backend);
    this.#tell('onRemoved', backend);
  }

  #tell(event: keyof DirectoryListener, backend: Backend): void {
    for (const listener of this.#listeners) listener[event]?.(backend);
  }

  #noteDrain(backend: Backend): void {
    const status = backend.snapshot.resource?.status;
    const id = status?.phase === 'Draining' ? status.drainId : undefined;
    if (id === backend.drain?.id) return;
    backend.drain = id === undefined ? undefined : { id, sinceMs: this.#deps.clock.monotonicMs() };
  }

  #setRoute({ key, queue }: Backend, resource: Autoscaler): void {
    const { route } = resource.spec;
    if (route === undefined) return;
    const { pathPrefix, stripPrefix } = route;
    this.#routes.set(key, { hosts: hostsOf(resource), pathPrefix, stripPrefix, target: queue });
  }
}

/** When the controller expects a pod. An older one only says how long starts took. */
function expectedStart({ resource }: WatchedApplication, clock: Clock): ExpectedStart | undefined {
  const { phase, phaseSince, eta, startTimes, learnedStartSeconds } = resource?.status ?? {};
  const takesSeconds = startTimes?.ready.p50Seconds ?? learnedStartSeconds;
  const isWaking = phase === 'Waking' && phaseSince !== undefined;
  if (!isWaking) return takesSeconds === undefined ? undefined : { takesSeconds };
  const endsMs = eta !== undefined ? Date.parse(eta) : Date.parse(phaseSince) + (takesSeconds ?? Number.NaN) * 1000;
  return Number.isNaN(endsMs) ? undefined : { readyAtMs: clock.monotonicMs() + endsMs - clock.wallMs() };
}

import type { Autoscaler } from '../../shared/api/autoscaler.ts';
import type { Application as WatchedApplication, ApplicationWatch } from '../../shared/kubernetes/application-watch.ts';
import { hostsOf } from '../../shared/rules/ownership.ts';
import { resolvePort } from '../../shared/rules/readiness.ts';
import { isForeignSleep } from '../../shared/rules/wake.ts';
import { RouteTable } from '../../shared/rules/routes.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { Application } from '../domain/request-queue.ts';
import type { HoldBudget } from '../domain/hold-queue.ts';
import type { PodDescription } from '../domain/pod-slot.ts';
import type { RouteMatch, Router } from '../http1/ports.ts';
import type { Announcements } from './announcements.ts';
import { applicationSettings } from './application-settings.ts';
import { decideGate, wakeFacts, type RoutedApplication } from './backend.ts';

/** A longer one would fire at once, and so again and again. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What the directory needs and whom it tells. */
export interface ApplicationDirectoryDeps {
  readonly watch: ApplicationWatch;
  readonly announcements: Announcements;
  readonly budget: HoldBudget;
  readonly clock: Clock;
  readonly random: () => number;
  /** A request was held; called in the same turn, so that waking loses no time. */
  readonly onHeld: (application: RoutedApplication) => void;
  /** Nothing is in flight and nothing held any more. */
  readonly onIdle: (application: RoutedApplication) => void;
  /** What is known of the application changed. */
  readonly onUpdated: (application: RoutedApplication) => void;
  /** It is not routed any more. */
  readonly onRemoved?: (application: RoutedApplication) => void;
}

/** The applications of this balancer and the routes to them, kept as the cluster shows them. */
export class ApplicationDirectory implements Router {
  readonly #deps: ApplicationDirectoryDeps;
  readonly #applications = new Map<string, RoutedApplication>();
  /** Not routed any more, and requests are still on their pods: they count if the application comes back meanwhile. */
  readonly #leaving = new Map<string, RoutedApplication>();
  readonly #routes = new RouteTable<Application>();

  constructor(deps: ApplicationDirectoryDeps) {
    this.#deps = deps;
  }

  /** All applications. */
  all(): Iterable<RoutedApplication> {
    return this.#applications.values();
  }

  /** One application by `namespace/name`. */
  get(key: string): RoutedApplication | undefined {
    return this.#applications.get(key);
  }

  match(host: string, path: string): RouteMatch | 'unknown' | 'notSynced' {
    const found = this.#routes.match(host, path);
    if (found !== undefined) return { application: found.target, forwardedPath: found.path };
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
      const application = known ?? this.#add(watched);
      application.watched = watched;
      application.plane.updateSettings(
        applicationSettings(watched.resource.spec, this.#deps.watch.settings),
        this.#deps.clock.nowMs(),
      );
      this.#noteDrain(application);
      this.refreshPods(application);
      this.refreshGate(application);
      this.#setRoute(application, watched.resource);
      this.#deps.onUpdated(application);
    }
  }

  /** Takes over the pods, as Kubernetes and the announcements show them. */
  refreshPods(application: RoutedApplication): void {
    const { clock, announcements } = this.#deps;
    const nowMs = clock.nowMs();
    const { resource, pods } = application.watched;
    const descriptions: PodDescription[] = [];
    for (const pod of pods) {
      const port = resolvePort(pod, resource?.spec.route?.port);
      const address = announcements.addressOf(pod);
      if (port === undefined || address === undefined) continue;
      const terminating = pod.metadata.deletionTimestamp !== undefined;
      const state = terminating ? 'terminating' : announcements.isReady(pod, nowMs) ? 'ready' : 'notReady';
      descriptions.push({ uid: pod.metadata.uid, name: pod.metadata.name, address, port, state });
    }
    application.plane.setPods(descriptions, nowMs);
  }

  /** Opens, holds or shuts the gate as the rules say now. */
  refreshGate(application: RoutedApplication): void {
    const { clock } = this.#deps;
    clearTimeout(application.timer);
    const { replicas, phase, replicasManager } = wakeFacts(application.watched);
    if (!isForeignSleep({ replicas, phase, replicasManager })) application.foreignZeroSinceMs = undefined;
    else application.foreignZeroSinceMs ??= clock.nowMs();
    const { gate, againInMs } = decideGate(application, { nowMs: clock.nowMs(), wallMs: clock.wallMs() });
    application.plane.etaSeconds = etaSeconds(application.watched, clock.wallMs());
    application.plane.setGate(gate, clock.nowMs());
    if (againInMs === undefined) return;
    application.timer = setTimeout(
      () => {
        this.refreshGate(application);
        this.#deps.onUpdated(application);
      },
      Math.min(againInMs, LONGEST_TIMER_MS),
    );
    application.timer.unref();
  }

  #add(watched: WatchedApplication): RoutedApplication {
    const { resource } = watched;
    if (resource === undefined) throw new Error(`Application ${watched.key} has no valid resource.`);
    const back = this.#leaving.get(watched.key);
    if (back !== undefined) {
      this.#leaving.delete(watched.key);
      this.#applications.set(watched.key, back);
      return back;
    }
    const plane = new Application(watched.key, applicationSettings(resource.spec, this.#deps.watch.settings), {
      random: this.#deps.random,
      budget: this.#deps.budget,
      onHeld: () => this.#deps.onHeld(application),
      onIdle: () => {
        this.#leaving.delete(watched.key);
        this.#deps.onIdle(application);
      },
    });
    const application: RoutedApplication = {
      key: watched.key,
      plane,
      watched,
      drain: undefined,
      foreignZeroSinceMs: undefined,
      timer: undefined,
    };
    this.#applications.set(watched.key, application);
    return application;
  }

  #remove(application: RoutedApplication, watched: WatchedApplication | undefined): void {
    this.#applications.delete(application.key);
    this.#routes.delete(application.key);
    clearTimeout(application.timer);
    const why = watched?.conflict?.message ?? watched?.invalid.join('; ') ?? 'Its Autoscaler was deleted.';
    const detail = `Application ${application.key} is not routed any more. ${why}`;
    application.plane.setGate({ reject: { code: 'NoRoute', detail } }, this.#deps.clock.nowMs());
    application.plane.setPods([], this.#deps.clock.nowMs());
    if (application.plane.inFlight > 0) this.#leaving.set(application.key, application);
    this.#deps.onRemoved?.(application);
  }

  #noteDrain(application: RoutedApplication): void {
    const status = application.watched.resource?.status;
    const id = status?.phase === 'Draining' ? status.drainId : undefined;
    if (id === application.drain?.id) return;
    application.drain = id === undefined ? undefined : { id, sinceMs: this.#deps.clock.nowMs() };
  }

  #setRoute({ key, plane }: RoutedApplication, resource: Autoscaler): void {
    const { route } = resource.spec;
    if (route === undefined) return;
    const { pathPrefix, stripPrefix } = route;
    this.#routes.set(key, { hosts: hostsOf(resource), pathPrefix, stripPrefix, target: plane });
  }
}

/** What past starts let expect of the one under way; for Retry-After. */
function etaSeconds(watched: WatchedApplication, wallMs: number): number | undefined {
  const status = watched.resource?.status;
  const learned = status?.learnedStartSeconds;
  if (learned === undefined) return undefined;
  if (status?.phase !== 'Waking' || status.phaseSince === undefined) return Math.ceil(learned);
  const passed = (wallMs - Date.parse(status.phaseSince)) / 1000;
  return Math.max(1, Math.ceil(learned - passed));
}

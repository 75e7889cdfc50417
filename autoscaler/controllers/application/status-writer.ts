import type { AutoscalerStatus } from '../../../shared/api/autoscaler.ts';
import type { ApplicationSnapshot } from '../../../shared/kubernetes/application-watch.ts';
import { isKubeStatus, PATCH_TYPES, type KubeClient } from '../../../shared/kubernetes/kube-api.ts';
import { pathOf, RESOURCES } from '../../../shared/kubernetes/paths.ts';
import { FIELD_MANAGERS } from '../../../shared/rules/wake.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import { messageOf, type Logger } from '../../../shared/runtime/logger.ts';
import { TokenBucket } from '../../../shared/runtime/token-bucket.ts';
import type { ReconcileState } from './reconcile-state.ts';
import { buildStatus, isTransition, sameStatus, sameStatusInput, stamped, statusPatch } from './status.ts';
import type { WantedCondition } from './conditions.ts';
import type { StatusInput } from './status.ts';

/** Minimum time between two writes of one application that change only reasons and messages. */
const QUIET_MS = 5_000;
/** Writes per second that change only reasons and messages, over all applications; the rest is written later. */
const MINOR_WRITES_PER_SECOND = 5;

/**
 * Writes statuses: transitions at once, reasons and sentences within a budget of {@link MINOR_WRITES_PER_SECOND}, each
 * fenced by the resourceVersion it was decided on.
 */
export class StatusWriter {
  readonly #api: KubeClient;
  readonly #deps: { isLeader: () => boolean; clock: Clock; logger: Logger };
  readonly #minorWrites: TokenBucket;

  constructor(api: KubeClient, deps: { isLeader: () => boolean; clock: Clock; logger: Logger }) {
    this.#api = api;
    this.#deps = deps;
    const monotonicMs = deps.clock.monotonicMs();
    this.#minorWrites = new TokenBucket(
      { perSecond: MINOR_WRITES_PER_SECOND, burst: MINOR_WRITES_PER_SECOND },
      monotonicMs,
    );
  }

  /** Returns whether the status stands as wanted, so that it may be acted on. */
  async write(application: ApplicationSnapshot, state: ReconcileState, wanted: StatusInput): Promise<boolean> {
    const monotonicMs = this.#deps.clock.monotonicMs();
    // Another leader's last write may have landed after this one began; what the watch shows now is what stands.
    const shown =
      newer(state.resourceVersion, application.metadata.resourceVersion) === application.metadata.resourceVersion;
    if (shown && application.resource !== undefined) state.status = application.resource.status;
    // Most reconciliations change nothing, and building a status costs more than seeing that.
    const { settled } = state;
    if (settled !== undefined && settled.status === state.status && sameStatusInput(settled.input, wanted)) return true;
    const status = buildStatus(wanted, this.#deps.clock.wallMs());
    const transition = isTransition(state.status, status);
    if (!transition) {
      if (sameStatus(state.status, status)) {
        state.settled = { input: wanted, status: state.status };
        return true;
      }
      if (monotonicMs - state.statusWrittenMs < QUIET_MS) return true;
      if (!this.#minorWrites.take(monotonicMs)) return true;
    }
    return (await this.#patch(application, state, statusPatch(status), status)) || !transition;
  }

  /** Writes the conditions of a resource for which nothing is done. */
  async writeInert(
    application: ApplicationSnapshot,
    state: ReconcileState,
    conditions: readonly WantedCondition[],
  ): Promise<void> {
    const now = new Date(this.#deps.clock.wallMs()).toISOString();
    const { learnedStartSeconds, startTimes, templateHash, automaton, conditions: known = [] } = state.status ?? {};
    const before = new Map(known.map((each) => [each.type, each]));
    // Of a resource that cannot be read not even that is known.
    const generation = application.resource?.metadata.generation;
    const status: AutoscalerStatus = {
      ...(state.lastDecision === undefined ? {} : { lastDecision: state.lastDecision }),
      // What was learned of its starts holds again once it is valid.
      ...(learnedStartSeconds === undefined ? {} : { learnedStartSeconds }),
      ...(startTimes === undefined ? {} : { startTimes }),
      ...(templateHash === undefined ? {} : { templateHash }),
      // Its automaton goes on from there as well.
      ...(automaton === undefined ? {} : { automaton }),
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      conditions: conditions.map((each) => stamped(each, before.get(each.type), generation, now)),
    };
    const told = state.status?.conditions?.map(({ message }) => message).join('\n');
    const sentence = status.conditions?.map(({ message }) => message).join('\n');
    if (!isTransition(state.status, status) && told === sentence) return;
    await this.#patch(application, state, statusPatch(status), status);
  }

  async #patch(
    application: ApplicationSnapshot,
    state: ReconcileState,
    patch: Record<string, unknown>,
    status: AutoscalerStatus,
  ): Promise<boolean> {
    if (!this.#deps.isLeader()) return false;
    const { namespace, name } = application.metadata;
    const resourceVersion = newer(state.resourceVersion, application.metadata.resourceVersion);
    try {
      const written = await this.#api.request<{ metadata: { resourceVersion: string } }>(
        'PATCH',
        pathOf(RESOURCES.autoscalers, namespace, name, 'status'),
        {
          query: { fieldManager: FIELD_MANAGERS.autoscaler },
          contentType: PATCH_TYPES.merge,
          timeoutMs: 5000,
          body: { metadata: { resourceVersion }, status: patch },
        },
      );
      state.resourceVersion = written.metadata.resourceVersion;
      state.status = status;
      state.statusWrittenMs = this.#deps.clock.monotonicMs();
      return true;
    } catch (error) {
      // 409: somebody edited the resource; the watch brings it, and the next reconciliation decides on that.
      if (isKubeStatus(error, 409)) state.resourceVersion = application.metadata.resourceVersion;
      else if (!isKubeStatus(error, 404)) {
        this.#deps.logger.warn('a status could not be written', {
          application: application.key,
          reason: messageOf(error),
        });
      }
      return false;
    }
  }
}

/**
 * Our own write is often answered before the watch shows it. Resource versions of one collection may be compared since
 * Kubernetes 1.35 and always were ordered in practice; a wrong guess only costs a 409 and another reconciliation.
 */
function newer(a: string, b: string): string {
  return BigInt(a) > BigInt(b) ? a : b;
}

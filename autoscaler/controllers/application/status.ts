import { isDeepStrictEqual } from 'node:util';
import {
  autoscalerStatusSchema,
  type Autoscaler,
  type AutoscalerCondition,
  type AutoscalerStatus,
  type StartTimes,
} from '../../../shared/api/autoscaler.ts';
import { isAutomatonTransition, toAutomatonStatus } from './automaton-status.ts';
import type { AutomatonState } from '../../domain/automaton/state.ts';
import { UNKNOWN_LIFECYCLE, type LifecycleState } from '../../domain/lifecycle/lifecycle.ts';
import type { WantedCondition } from './conditions.ts';
import { sameStarts } from './learned-status.ts';

/** What the status is made of. */
export interface StatusInput {
  readonly resource: Autoscaler;
  readonly lifecycle: LifecycleState;
  readonly replicas: number;
  readonly desiredReplicas: number;
  readonly readyReplicas: number;
  readonly lastDecision: AutoscalerStatus['lastDecision'];
  readonly lastScaleTime: string | undefined;
  readonly learnedStartSeconds: number | undefined;
  /** The same object until something was learned. */
  readonly startTimes: StartTimes | undefined;
  /** RFC 3339; while waking. */
  readonly eta: string | undefined;
  readonly templateHash: string | undefined;
  readonly automaton: AutomatonState | undefined;
  readonly conditions: readonly WantedCondition[];
}

/**
 * The lifecycle that a status describes. A drain of an earlier leader is not continued but decided again, and the start
 * deadline begins again: how long nobody looked, because the API server or the leader was away, is not known.
 *
 * @param wallMs - epoch ms
 */
export function fromStatus(status: AutoscalerStatus | undefined, wallMs: number): LifecycleState {
  if (status?.phase === undefined) return UNKNOWN_LIFECYCLE;
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  return {
    phase: status.phase === 'Draining' ? 'Active' : status.phase,
    sinceMs: status.phase === 'Waking' ? wallMs : Date.parse(status.phaseSince ?? '') || wallMs,
    targetUid: status.targetUid,
    drainId: undefined,
    wakeId: status.wakeId,
    startAttempts: status.startAttempts ?? 0,
    retryAfterMs: status.retryAfter === undefined ? undefined : Date.parse(status.retryAfter),
    reason: ready?.reason ?? 'Unknown',
    message: ready?.message ?? '',
  };
}

/** The status to write. Times of conditions move only when their status changes, as Kubernetes wants it. */
export function buildStatus(input: StatusInput, wallMs: number): AutoscalerStatus {
  const { lifecycle, resource } = input;
  const now = new Date(wallMs).toISOString();
  const before = new Map(resource.status?.conditions?.map((each) => [each.type, each]));
  return {
    ...(lifecycle.phase === undefined
      ? {}
      : { phase: lifecycle.phase, phaseSince: new Date(lifecycle.sinceMs).toISOString() }),
    ...optional('targetUid', lifecycle.targetUid),
    replicas: input.replicas,
    desiredReplicas: input.desiredReplicas,
    readyReplicas: input.readyReplicas,
    ...optional('drainId', lifecycle.drainId),
    ...optional('wakeId', lifecycle.wakeId),
    startAttempts: lifecycle.startAttempts,
    ...optional(
      'retryAfter',
      lifecycle.retryAfterMs === undefined ? undefined : new Date(lifecycle.retryAfterMs).toISOString(),
    ),
    ...optional('learnedStartSeconds', input.learnedStartSeconds),
    ...optional('startTimes', input.startTimes),
    ...optional('eta', input.eta),
    ...optional('templateHash', input.templateHash),
    ...optional('lastDecision', input.lastDecision),
    ...optional('lastScaleTime', input.lastScaleTime),
    ...optional('automaton', input.automaton === undefined ? undefined : toAutomatonStatus(input.automaton)),
    observedGeneration: resource.metadata.generation,
    conditions: input.conditions.map((wanted) =>
      stamped(wanted, before.get(wanted.type), resource.metadata.generation, now),
    ),
  };
}

/** A condition with its time, which only moves with its status, and the generation that it was found for. */
export function stamped(
  wanted: WantedCondition,
  before: AutoscalerCondition | undefined,
  observedGeneration: number | undefined,
  now: string,
): AutoscalerCondition {
  const lastTransitionTime = before?.status === wanted.status ? before.lastTransitionTime : now;
  const condition = { ...wanted, message: wanted.message.slice(0, 4096), lastTransitionTime };
  return observedGeneration === undefined ? condition : { ...condition, observedGeneration };
}

/** A merge-patch that leaves exactly this status: what is not there any more is null. */
export function statusPatch(status: AutoscalerStatus): Record<string, unknown> {
  const absent = Object.fromEntries(Object.keys(autoscalerStatusSchema.shape).map((key) => [key, null]));
  const { automaton, startTimes } = status;
  // Objects are merged, so what is gone from within one is null, too.
  return {
    ...absent,
    ...status,
    ...(automaton === undefined ? {} : { automaton: { ...ABSENT_OF_AUTOMATON, ...automaton } }),
    ...(startTimes === undefined ? {} : { startTimes: { scheduled: null, started: null, ...startTimes } }),
  };
}

const ABSENT_OF_AUTOMATON = { lastMoment: null, stopped: null };

/**
 * Whether two statuses differ in something that must be written at once: what a new leader goes on from, and the states
 * of conditions. Reasons and sentences may wait.
 */
export function isTransition(before: AutoscalerStatus | undefined, after: AutoscalerStatus): boolean {
  if (before === undefined) return true;
  if (TOLD_AT_ONCE.some((field) => before[field] !== after[field])) return true;
  if (isAutomatonTransition(before.automaton, after.automaton)) return true;
  if (!sameStarts(before.startTimes, after.startTimes)) return true;
  return !sameConditions(before.conditions, after.conditions, (a, b) => a.status === b.status);
}

/** Whether a status says the same, apart from when its conditions changed. */
export function sameStatus(before: AutoscalerStatus | undefined, after: AutoscalerStatus): boolean {
  if (before === undefined || isTransition(before, after)) return false;
  return (
    before.templateHash === after.templateHash &&
    before.eta === after.eta &&
    before.lastScaleTime === after.lastScaleTime &&
    isDeepStrictEqual(before.automaton, after.automaton) &&
    before.lastDecision?.time === after.lastDecision?.time &&
    before.lastDecision?.reason === after.lastDecision?.reason &&
    before.lastDecision?.message === after.lastDecision?.message &&
    sameConditions(before.conditions, after.conditions, (a, b) => a.reason === b.reason && a.message === b.message)
  );
}

/** Whether the same status would be made of both. */
export function sameStatusInput(before: StatusInput, after: StatusInput): boolean {
  return (
    OTHER_INPUT.every((field) => before[field] === after[field]) &&
    LIFECYCLE_FIELDS.every((field) => before.lifecycle[field] === after.lifecycle[field]) &&
    sameConditions(before.conditions, after.conditions, sameCondition)
  );
}

const LIFECYCLE_FIELDS = Object.keys(UNKNOWN_LIFECYCLE) as (keyof LifecycleState)[];
/** Every field but lifecycle and conditions; the type refuses a list that forgets one. */
const OTHER_INPUT = Object.keys({
  resource: true,
  replicas: true,
  desiredReplicas: true,
  readyReplicas: true,
  lastDecision: true,
  lastScaleTime: true,
  learnedStartSeconds: true,
  startTimes: true,
  eta: true,
  templateHash: true,
  automaton: true,
} satisfies Record<Exclude<keyof StatusInput, 'lifecycle' | 'conditions'>, true>) as (keyof StatusInput)[];

function sameCondition(a: WantedCondition, b: WantedCondition): boolean {
  return a === b || (a.status === b.status && a.reason === b.reason && a.message === b.message);
}

const TOLD_AT_ONCE = [
  'phase', 'phaseSince', 'targetUid', 'replicas', 'desiredReplicas', 'readyReplicas', 'drainId', 'wakeId',
  'startAttempts', 'retryAfter', 'observedGeneration', 'learnedStartSeconds',
] as const; // prettier-ignore

function sameConditions<C extends WantedCondition | AutoscalerCondition>(
  before: readonly C[] | undefined,
  after: readonly C[] | undefined,
  isSame: (a: C, b: C) => boolean,
): boolean {
  if (before?.length !== after?.length) return false;
  return (after ?? []).every((each, index) => {
    const other = before?.[index];
    return other?.type === each.type && isSame(other, each);
  });
}

function optional<K extends string, V>(key: K, value: V | undefined): Record<K, V> | Record<string, never> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}

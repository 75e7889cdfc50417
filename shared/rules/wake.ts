import type { Mode, Phase } from '../model/lifecycle.ts';

/** Field managers of our two writers of `spec.replicas`. */
export const FIELD_MANAGERS = { autoscaler: 'nemesis-autoscaler', loadbalancer: 'nemesis-loadbalancer' } as const;

/** What is known about an application at the moment when a request is held for it. */
export interface WakeFacts {
  readonly mode: Mode;
  readonly phase: Phase | undefined;
  /** The controller has seen the spec as it is now (`observedGeneration`). */
  readonly statusIsCurrent: boolean;
  /** Why the phase is what it is; quoted to the client. */
  readonly phaseMessage: string | undefined;
  /** With phase Failed: epoch milliseconds before which no start is tried. */
  readonly retryAfterMs: number | undefined;
  readonly minReplicas: number;
  /** `spec.replicas` of the Deployment; undefined when there is none. */
  readonly replicas: number | undefined;
  /** Who wrote `spec.replicas` last; undefined: somebody whose name Kubernetes did not keep. */
  readonly replicasManager: string | undefined;
}

/** What to do for a held request. */
export type WakeDecision =
  | { readonly kind: 'wake'; readonly replicas: number }
  /** Replicas are there or coming: go on holding. */
  | { readonly kind: 'wait' }
  | {
      readonly kind: 'refuse';
      readonly code: 'TargetMissing' | 'Paused' | 'Observed' | 'StartFailed' | 'DisabledByOther';
      readonly detail: string;
      readonly retryAfterSeconds?: number;
    };

/**
 * Whether a held request may start the application, must wait, or is refused at once. Controller and balancers share
 * this rule, so that both tell the same story.
 *
 * Only a change N -> 0 by somebody else disables waking: zero that we wrote, zero that the controller has accepted as
 * Asleep, and zero that was there before the first status all wake.
 *
 * @param wallMs - epoch milliseconds
 */
export function decideWake(facts: WakeFacts, wallMs: number): WakeDecision {
  const { phase, replicas } = facts;
  if (replicas === undefined) {
    return { kind: 'refuse', code: 'TargetMissing', detail: 'The Deployment that this route leads to does not exist.' };
  }
  if (facts.mode === 'Paused') {
    return replicas > 0
      ? { kind: 'wait' }
      : { kind: 'refuse', code: 'Paused', detail: 'The application is paused (spec.mode) and has no replica.' };
  }
  if (phase === 'Failed' && facts.retryAfterMs !== undefined && wallMs < facts.retryAfterMs) {
    return {
      kind: 'refuse',
      code: 'StartFailed',
      detail: facts.phaseMessage ?? 'The application did not start.',
      retryAfterSeconds: Math.max(1, Math.ceil((facts.retryAfterMs - wallMs) / 1000)),
    };
  }
  if (replicas > 0) return { kind: 'wait' };
  if (phase === 'Paused') {
    // Its spec was changed since, perhaps to resume it: the controller says within moments whether it did.
    if (!facts.statusIsCurrent) return { kind: 'wait' };
    return { kind: 'refuse', code: 'Paused', detail: facts.phaseMessage ?? 'The application is paused.' };
  }
  if (facts.mode === 'Observe') {
    const detail = 'The application is only observed (spec.mode) and has no replica; nothing here may start it.';
    return { kind: 'refuse', code: 'Observed', detail };
  }
  if (isForeignSleep(facts)) {
    const detail = `${otherWriterName(facts.replicasManager)} scaled the application to 0; scale it up to resume.`;
    return { kind: 'refuse', code: 'DisabledByOther', detail };
  }
  return { kind: 'wake', replicas: Math.max(1, facts.minReplicas) };
}

/** Whether `replicas: 0` was written by somebody else while the application was running for us. */
export function isForeignSleep(facts: Pick<WakeFacts, 'phase' | 'replicas' | 'replicasManager'>): boolean {
  const running = facts.phase === 'Active' || facts.phase === 'Waking' || facts.phase === 'Draining';
  return running && facts.replicas === 0 && !isOurManager(facts.replicasManager);
}

/**
 * Whether a field manager is one of ours. Our controller's writes always keep its name, so a change to 0 or between
 * numbers whose writer is not known is somebody else's.
 */
export function isOurManager(manager: string | undefined): boolean {
  return manager === FIELD_MANAGERS.autoscaler || manager === FIELD_MANAGERS.loadbalancer;
}

/** A name for sentences about another writer; "kubectl scale --replicas=0" leaves none. */
export function otherWriterName(manager: string | undefined): string {
  return manager ?? 'Somebody else (perhaps "kubectl scale")';
}

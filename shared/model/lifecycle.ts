/** Phases of an application's lifecycle, in `status.phase`. */
export const PHASES = ['Observing', 'Asleep', 'Waking', 'Active', 'Draining', 'Failed', 'Paused'] as const;
/** One of {@link PHASES}. */
export type Phase = (typeof PHASES)[number];

/** What is done for an application: `Observe` decides and records but changes nothing, `Paused` does nothing. */
export const MODES = ['Active', 'Observe', 'Paused'] as const;
/** One of {@link MODES}. */
export type Mode = (typeof MODES)[number];

/** Types of the conditions in the status of an Autoscaler. */
export const CONDITION_TYPES = [
  'Ready',
  'ScalingActive',
  'AbleToScale',
  'SignalsFresh',
  'SoleWriter',
  'Conflicted',
  'SleepBlocked',
  'Accepted',
  'AutomatonHealthy',
] as const;
/** One of {@link CONDITION_TYPES}. */
export type ConditionType = (typeof CONDITION_TYPES)[number];

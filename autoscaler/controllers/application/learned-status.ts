import type { AutoscalerStatus, StartTimes } from '../../../shared/api/autoscaler.ts';
import type { Spread, StartTime } from '../../domain/learned/start-times.ts';
import type { ColdStarts } from './cold-starts.ts';

/** An expectation that moves by less than this is not told again, in ms. */
const ETA_STEP_MS = 1000;
/** The same, as a share of the time that is left. */
const ETA_STEP_SHARE = 0.1;

const made = new WeakMap<readonly StartTime[], StartTimes | undefined>();

/** What was learned of starts as the status says it; the same object until a start is added or forgotten. */
export function startTimesOf({ starts, learned }: Pick<ColdStarts, 'starts' | 'learned'>): StartTimes | undefined {
  if (made.has(starts)) return made.get(starts);
  const times = learned === undefined ? undefined : {
    ...(learned.scheduled === undefined ? {} : { scheduled: roundedSpread(learned.scheduled) }),
    ...(learned.started === undefined ? {} : { started: roundedSpread(learned.started) }),
    ready: roundedSpread(learned.ready),
    recent: starts.map(({ scheduledSeconds, startedSeconds, readySeconds }) => ({
      ...(scheduledSeconds === undefined ? {} : { scheduled: roundedSeconds(scheduledSeconds) }),
      ...(startedSeconds === undefined ? {} : { started: roundedSeconds(startedSeconds) }),
      ready: roundedSeconds(readySeconds),
    })),
  }; // prettier-ignore
  made.set(starts, times);
  return times;
}

/** The starts that a status remembers, oldest first. An older controller left one number only. */
export function startsOf(status: AutoscalerStatus | undefined): readonly StartTime[] {
  const { startTimes, learnedStartSeconds } = status ?? {};
  if (startTimes === undefined) return learnedStartSeconds === undefined ? [] : [{ readySeconds: learnedStartSeconds }];
  return startTimes.recent.map(({ scheduled, started, ready }) => ({
    scheduledSeconds: scheduled,
    startedSeconds: started,
    readySeconds: ready,
  }));
}

/**
 * When a start under way is expected to be over, epoch ms. It moves only when it has to by more than
 * {@link ETA_STEP_MS} and {@link ETA_STEP_SHARE} of what is left, so that a status is not written each second.
 *
 * @param beforeMs - what was told last
 * @param remainingSeconds - what is expected now; undefined: nobody knows, and what was told stands
 */
export function nextEtaMs(
  beforeMs: number | undefined,
  remainingSeconds: number | undefined,
  wallMs: number,
): number | undefined {
  if (remainingSeconds === undefined) return beforeMs;
  const etaMs = Math.round(wallMs + remainingSeconds * 1000);
  const stepMs = Math.max(ETA_STEP_MS, remainingSeconds * 1000 * ETA_STEP_SHARE);
  return beforeMs !== undefined && Math.abs(etaMs - beforeMs) <= stepMs ? beforeMs : etaMs;
}

/** Whether no start was added or forgotten; the watch brings the same starts as other objects. */
export function sameStarts(before: StartTimes | undefined, after: StartTimes | undefined): boolean {
  if (before === after) return true;
  const starts = after?.recent ?? [];
  return (
    before?.recent.length === starts.length &&
    starts.every(({ scheduled, started, ready }, index) => {
      const other = before.recent[index];
      return other?.ready === ready && other.started === started && other.scheduled === scheduled;
    })
  );
}

/** To hundredths of a second. */
export function roundedSeconds(seconds: number): number;
export function roundedSeconds(seconds: number | undefined): number | undefined;
export function roundedSeconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 100) / 100;
}

function roundedSpread({ p50Seconds, p95Seconds }: Spread): Spread {
  return { p50Seconds: roundedSeconds(p50Seconds), p95Seconds: roundedSeconds(p95Seconds) };
}

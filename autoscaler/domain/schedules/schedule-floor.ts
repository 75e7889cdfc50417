import type { Floor } from '../lifecycle/floor.ts';
import { readSchedule, type Calendar, type Schedule } from './schedule.ts';

/** A schedule as a rule of an application. */
export interface ScheduleRule extends Schedule {
  /** Name of the rule. */
  readonly name: string;
  /** Whether replicas start earlier by what starts have taken. */
  readonly isAhead: boolean;
}

const calendars = new WeakMap<ScheduleRule, Calendar>();

/**
 * The highest floor of the schedules that hold now, or that hold once a start that begins now would be over. Undefined where
 * none does.
 *
 * @param startMs - how long a start takes; undefined: not known
 * @throws RangeError where a schedule cannot be read, which is checked when it is written
 */
export function scheduleFloor(
  rules: readonly ScheduleRule[],
  wallMs: number,
  startMs: number | undefined,
): Floor | undefined {
  let floor: Floor | undefined;
  for (const rule of rules) {
    const why = holds(rule, wallMs, rule.isAhead ? (startMs ?? 0) : 0);
    if (why === undefined || (floor !== undefined && floor.minReplicas >= rule.minReplicas)) continue;
    floor = { minReplicas: rule.minReplicas, why };
  }
  return floor;
}

function holds(rule: ScheduleRule, wallMs: number, aheadMs: number): string | undefined {
  let calendar = calendars.get(rule);
  if (calendar === undefined) calendars.set(rule, (calendar = readSchedule(rule)));
  const { isActive, changesAtMs } = calendar.at(wallMs);
  const kept = `Schedule ${rule.name} keeps ${rule.minReplicas} replica${rule.minReplicas === 1 ? '' : 's'}`;
  if (isActive) return changesAtMs === undefined ? kept : `${kept} until ${new Date(changesAtMs).toISOString()}`;
  if (changesAtMs === undefined || changesAtMs - wallMs > aheadMs) return undefined;
  return `${kept} from ${new Date(changesAtMs).toISOString()} on, and a start takes ${Math.round(aheadMs / 1000)} s`;
}

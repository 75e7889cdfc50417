import { timestamp, type Condition } from '../model/objects.ts';

/** Sets a condition; its transition time moves only when its status changes. */
export function withCondition(
  conditions: readonly Condition[] | undefined,
  next: Pick<Condition, 'type' | 'status'> & { reason?: string | undefined; message?: string | undefined },
  options: { updateTime?: boolean } = {},
): Condition[] {
  const before = conditions?.find(({ type }) => type === next.type);
  const same = before?.status === next.status;
  const condition: Condition = {
    type: next.type,
    status: next.status,
    lastTransitionTime: same && before.lastTransitionTime ? before.lastTransitionTime : timestamp(),
    ...(next.reason === undefined ? {} : { reason: next.reason }),
    ...(next.message === undefined ? {} : { message: next.message }),
  };
  if (options.updateTime) {
    const told = same && before.reason === next.reason && before.message === next.message;
    condition.lastUpdateTime = told && before.lastUpdateTime ? before.lastUpdateTime : timestamp();
  }
  const others = (conditions ?? []).filter(({ type }) => type !== next.type);
  const index = conditions?.findIndex(({ type }) => type === next.type) ?? -1;
  return index < 0 ? [...others, condition] : [...others.slice(0, index), condition, ...others.slice(index)];
}

/** The conditions without one of them. */
export function withoutCondition(conditions: readonly Condition[] | undefined, type: string): Condition[] {
  return (conditions ?? []).filter((condition) => condition.type !== type);
}

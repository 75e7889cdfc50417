import { UNDECLARED_REFUSALS, type UndeclaredRefusal } from '../../shared/http/refusal-check.ts';

const seen = new Map<string, UndeclaredRefusal>();

/** Notes from now on what routes refuse with and do not declare. */
export function watchUndeclaredRefusals(): void {
  UNDECLARED_REFUSALS.subscribe((message) => void seen.set(JSON.stringify(message), message as UndeclaredRefusal));
}

/** What was noted, which is forgotten then. */
export function takeUndeclaredRefusals(): UndeclaredRefusal[] {
  const taken = [...seen.values()];
  seen.clear();
  return taken;
}

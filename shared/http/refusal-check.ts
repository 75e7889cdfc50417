import { channel } from 'node:diagnostics_channel';
import type { ErrorCode } from '../model/errors.ts';

/** What a route says it refuses with. */
export interface DeclaredRefusals {
  /** Method and path. */
  readonly action: string;
  readonly refusals: ReadonlySet<ErrorCode>;
}

/** A refusal that the route does not declare, so that the docs do not have it. */
export interface UndeclaredRefusal {
  readonly action: string;
  readonly code: ErrorCode;
}

/** Where undeclared refusals are published; the tests listen, and fail. */
export const UNDECLARED_REFUSALS = channel('k8s-nemesis.undeclared-refusal');

/** Publishes a refusal that its route does not declare. `Internal` needs no declaration: every operation may fail. */
export function checkRefusal({ action, refusals }: DeclaredRefusals, code: ErrorCode): void {
  if (code === 'Internal' || refusals.has(code)) return;
  UNDECLARED_REFUSALS.publish({ action, code } satisfies UndeclaredRefusal);
}

import { channel } from 'node:diagnostics_channel';
import type { Response } from 'express';
import type { ErrorCode } from '../errors/registry.ts';

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

const DECLARED = 'declaredRefusals';

/** Remembers with an answer what its route says it refuses with. */
export function declareRefusals(response: Response, declared: DeclaredRefusals): void {
  response.locals[DECLARED] = declared;
}

/** Publishes a refusal that its route does not declare. `Internal` needs no declaration: every operation may fail. */
export function checkRefusal(response: Response, code: ErrorCode): void {
  const declared = response.locals[DECLARED] as DeclaredRefusals | undefined;
  if (declared === undefined || code === 'Internal' || declared.refusals.has(code)) return;
  UNDECLARED_REFUSALS.publish({ action: declared.action, code } satisfies UndeclaredRefusal);
}

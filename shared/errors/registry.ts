import type { ErrorCode } from '../model/errors.ts';

/** An error with a stable code and a sentence for the user. It knows no HTTP; the edge maps it once. */
export class NemesisError extends Error {
  readonly code: ErrorCode;
  readonly extra: Readonly<Record<string, unknown>>;
  /** When trying again may help; becomes the header `Retry-After`. */
  readonly retryAfterSeconds: number | undefined;

  /**
   * @param detail - what is wrong, where, what was expected and what to do
   * @param extra - further members of the problem document, for instance `errors`
   */
  constructor(
    code: ErrorCode,
    detail: string,
    options: { cause?: unknown; extra?: Record<string, unknown>; retryAfterSeconds?: number } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'NemesisError';
    this.code = code;
    this.extra = options.extra ?? {};
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

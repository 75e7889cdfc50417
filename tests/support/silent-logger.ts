import type { Logger } from '../../shared/runtime/logger.ts';

const nothing = (): void => undefined;
/** A logger that says nothing. */
// The programs use these four of winston's many methods.
export const silentLogger = { info: nothing, warn: nothing, error: nothing, debug: nothing } as unknown as Logger;

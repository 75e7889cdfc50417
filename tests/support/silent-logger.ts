import type { Logger } from '../../shared/runtime/logger.ts';

const nothing = (): void => undefined;
/** A logger that says nothing. */
export const silentLogger: Logger = { info: nothing, warn: nothing, error: nothing, debug: nothing };

const LEVELS = { error: 0, warn: 1, info: 2, debug: 3 } as const;

/** A level of a log line. */
export type LogLevel = keyof typeof LEVELS;
/** Writes one log line. */
export type Log = (level: LogLevel, message: string, fields?: Record<string, unknown>) => void;

/**
 * One JSON object a line on stdout, in the form of the other programs. Of its own, because a logging library is a tenth
 * of what the sidecar may use of every pod's memory.
 */
export function createLog(least: LogLevel, fixed: Record<string, unknown>): Log {
  return (level, message, fields = {}) => {
    if (LEVELS[level] > LEVELS[least]) return;
    const line = { ...fixed, ...fields, level, message, timestamp: new Date().toISOString() };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  };
}

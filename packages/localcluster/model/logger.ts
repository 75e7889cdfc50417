/** Where the cluster tells what it does. */
export interface Logger {
  info: (message: string) => void;
  warn: (message: string) => void;
}

/** Says nothing. */
export const silentLogger: Logger = { info: () => undefined, warn: () => undefined };

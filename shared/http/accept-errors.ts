const EVERY_MS = 1_000;

/**
 * Tells of errors at most once a second: a process with too many open files meets thousands. The first one is told at once,
 * those of the second after it together, as the newest of them. Keeps one error.
 *
 * @param tell - is given the error, and how many before it were left out
 */
export function atMostEachSecond(tell: (error: Error, omitted: number) => void): (error: Error) => void {
  let newest: Error | undefined;
  let count = 0;
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    timer = undefined;
    if (newest === undefined) return;
    tell(newest, count - 1);
    [newest, count] = [undefined, 0];
    timer = setTimeout(flush, EVERY_MS).unref();
  };
  return (error) => {
    newest = error;
    count += 1;
    if (timer === undefined) flush();
  };
}

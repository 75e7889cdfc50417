/** Calls per minute of one application in a recorded trace. */
export interface TraceRow {
  /** The id columns of the row, by name. */
  readonly ids: Readonly<Record<string, string>>;
  /** Name of the application: the id columns joined by `-`. */
  readonly application: string;
  /** Calls in minute 0, 1, 2 ... */
  readonly callsPerMinute: readonly number[];
}

/** One request of a replay. */
export interface PlannedRequest {
  /** When it is sent, ms after the begin of the replay. */
  readonly atMs: number;
  readonly application: string;
  readonly ids: Readonly<Record<string, string>>;
}

/** What of a trace is replayed, and how fast. */
export interface PlanOptions {
  /** First minute of the trace that is replayed. @defaultValue 0 */
  readonly startMinute?: number;
  /** So many minutes of it. @defaultValue all that follow */
  readonly minutes?: number;
  /** A minute of the trace takes `60 s / speedUp`. @defaultValue 1 */
  readonly speedUp?: number;
  /** Numbers of the rows that are replayed, from 0. @defaultValue all */
  readonly rows?: readonly number[];
  /** The same seed gives the same plan. @defaultValue 1 */
  readonly seed?: number;
}

const MINUTE_COLUMN = /^(\d+)(?:_minute)?$/;

/**
 * Reads a trace: a CSV whose header has id columns and then one column for each minute, named `1_minute`, `2_minute` ...
 * or just `1`, `2` ...
 *
 * @throws Error that names the line and what was expected there
 */
export function parseTrace(csv: string): TraceRow[] {
  const [header = '', ...lines] = csv.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'));
  const columns = header.split(',').map((name) => name.trim());
  const minutes = columns.flatMap((name, column) => (MINUTE_COLUMN.test(name) ? [column] : []));
  if (minutes.length === 0) {
    throw new Error(
      `The header is "${header.slice(0, 80)}", but expected columns such as 1_minute or 1 for the minutes.`,
    );
  }
  return lines.map((line, index) => {
    const cells = line.split(',').map((cell) => cell.trim());
    const ids = Object.fromEntries(
      columns.flatMap((name, column) => (MINUTE_COLUMN.test(name) ? [] : [[name, cells[column] ?? '']])),
    );
    const callsPerMinute = minutes.map((column) => {
      const text = cells[column] ?? '';
      const calls = text === '' ? 0 : Number(text);
      if (!Number.isInteger(calls) || calls < 0) {
        const where = `row ${index}, column ${columns[column] ?? ''}`;
        throw new Error(`In ${where} is "${text}", but expected a whole number of calls from 0 on.`);
      }
      return calls;
    });
    const application = Object.values(ids).join('-') || `row-${index}`;
    return { ids, application, callsPerMinute };
  });
}

/**
 * Makes the plan: the calls of each minute are spread over it by a seeded random, since traces tell only the minute.
 * Sorted by time.
 *
 * @throws RangeError for options that make no sense
 */
export function planReplay(trace: readonly TraceRow[], options: PlanOptions = {}): PlannedRequest[] {
  const { startMinute = 0, speedUp = 1, seed = 1 } = options;
  if (!(speedUp > 0)) throw new RangeError(`The speed-up is ${speedUp}, but expected more than 0.`);
  if (!Number.isInteger(startMinute) || startMinute < 0) {
    throw new RangeError(`The start minute is ${startMinute}, but expected a whole number from 0 on.`);
  }
  const minuteMs = 60_000 / speedUp;
  const rows = options.rows ?? trace.map((_, index) => index);
  const plan: PlannedRequest[] = [];
  for (const index of rows) {
    const row = trace[index];
    if (row === undefined) throw new RangeError(`Row ${index} is asked for, but the trace has ${trace.length} rows.`);
    // Of its own for each row, so that leaving rows out does not change the others.
    const random = seededRandom(seed * 1_000_003 + index);
    const end = options.minutes === undefined ? row.callsPerMinute.length : startMinute + options.minutes;
    const drawn = row.callsPerMinute.slice(0, end);
    for (const [minute, calls] of drawn.entries()) {
      for (let call = 0; call < calls; call += 1) {
        const within = random();
        if (minute < startMinute) continue;
        const atMs = (minute - startMinute + within) * minuteMs;
        plan.push({ atMs, application: row.application, ids: row.ids });
      }
    }
  }
  return plan.sort((a, b) => a.atMs - b.atMs);
}

/** mulberry32: small, fast, and good enough to spread requests. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

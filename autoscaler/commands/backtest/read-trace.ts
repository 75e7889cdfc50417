import { open } from 'node:fs/promises';
import { z } from 'zod';
import { messageOf } from '../../../shared/runtime/message-of.ts';
import { arrivalsOfMinutes, arrivalsOfRequests, type Arrivals } from '../../domain/backtest/arrivals.ts';

/** Minutes that a row may have: 31 days. */
const MAX_MINUTES = 44_640;
/** Single requests that are read; they are all in memory, in some 30 bytes each. */
const MAX_REQUESTS = 5_000_000;

/** Recorded requests. */
export interface Trace {
  readonly lengthSeconds: number;
  readonly applications: AsyncIterable<Arrivals> | Iterable<Arrivals>;
}

/** What is wrong with a file, as a sentence. */
export class TraceError extends Error {
  override readonly name = 'TraceError';
}

interface ReadOptions {
  readonly seed: number;
  readonly requestSeconds: number;
}

/**
 * Reads calls per minute (CSV with columns `1_minute`, `2_minute` …) row by row, or single requests (a JSON object a line).
 *
 * @throws TraceError
 */
export async function readTrace(file: string, options: ReadOptions): Promise<Trace> {
  const lines = linesOf(file);
  const { value: first = '' } = await lines.next();
  if (first.trimStart().startsWith('{')) return await readRequests(file, first, lines);
  const names = first.split(',').map((name) => name.trim().replaceAll('"', ''));
  const from = names.indexOf('1_minute');
  const minutes = names.length - from;
  const expected = `${file}, line 1: expected columns 1_minute, 2_minute … up to the last one, with or without others before them, or a JSON object in each line`;
  if (from === -1) throw new TraceError(`${expected}.`);
  const wrong = names.findIndex((name, index) => index >= from && name !== `${index - from + 1}_minute`);
  if (wrong !== -1) throw new TraceError(`${expected}; column ${wrong + 1} is "${names[wrong]}".`);
  if (minutes > MAX_MINUTES) throw new TraceError(`${file} has ${minutes} minutes; at most ${MAX_MINUTES} are read.`);
  return { lengthSeconds: minutes * 60, applications: rowsOf(file, lines, { from, minutes, ...options }) };
}

async function* rowsOf(
  file: string,
  lines: AsyncIterable<string>,
  { from, minutes, seed, requestSeconds }: ReadOptions & { readonly from: number; readonly minutes: number },
): AsyncGenerator<Arrivals> {
  let number = 1;
  for await (const line of lines) {
    number += 1;
    if (line.trim() === '') continue;
    const fields = line.split(',');
    if (fields.length !== from + minutes) {
      throw new TraceError(`${file}, line ${number}: expected ${from + minutes} columns, but it has ${fields.length}.`);
    }
    const calls = fields.slice(from).map((field, index) => {
      const count = Number(field);
      if (Number.isSafeInteger(count) && count >= 0) return count;
      throw new TraceError(`${file}, line ${number}, ${index + 1}_minute: "${field}" is no number of calls.`);
    });
    yield arrivalsOfMinutes(fields.slice(0, from).join('/'), calls, { seed: seed + number, requestSeconds });
  }
}

const requestSchema = z.object({
  timestamp: z.union([z.iso.datetime({ offset: true }), z.number()]),
  durationMs: z.number().min(0),
  application: z.string().default(''),
});

async function readRequests(file: string, first: string, rest: AsyncIterable<string>): Promise<Trace> {
  const byApplication = new Map<string, { atSeconds: number; durationSeconds: number }[]>();
  let number = 0;
  let earliest = Number.POSITIVE_INFINITY;
  let latest = Number.NEGATIVE_INFINITY;
  const note = (line: string): void => {
    number += 1;
    if (line.trim() === '') return;
    if (number > MAX_REQUESTS)
      throw new TraceError(`${file} has more than ${MAX_REQUESTS} requests; give it in parts.`);
    const { timestamp, durationMs, application } = requestOf(line, `${file}, line ${number}`);
    const atSeconds = (typeof timestamp === 'number' ? timestamp : Date.parse(timestamp)) / 1000;
    earliest = Math.min(earliest, atSeconds);
    latest = Math.max(latest, atSeconds);
    const known = byApplication.get(application);
    const request = { atSeconds, durationSeconds: durationMs / 1000 };
    if (known === undefined) byApplication.set(application, [request]);
    else known.push(request);
  };
  note(first);
  for await (const line of rest) note(line);
  const applications = [...byApplication].map(([name, requests]) =>
    arrivalsOfRequests(name, requests.map((each) => ({ ...each, atSeconds: each.atSeconds - earliest }))),
  ); // prettier-ignore
  return { lengthSeconds: latest - earliest + 1, applications };
}

function requestOf(line: string, where: string): z.output<typeof requestSchema> {
  try {
    return requestSchema.parse(JSON.parse(line));
  } catch {
    throw new TraceError(
      `${where}: expected an object such as {"timestamp":"2026-01-01T00:00:00Z","durationMs":120}, timestamp as RFC 3339 or in epoch milliseconds.`,
    );
  }
}

async function* linesOf(file: string): AsyncGenerator<string, undefined> {
  try {
    await using handle = await open(file);
    yield* handle.readLines();
  } catch (error) {
    throw new TraceError(`${file} cannot be read: ${messageOf(error)}.`);
  }
  return undefined;
}

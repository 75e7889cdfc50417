import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { History, type HistoryState } from '../../../../autoscaler/store/history.ts';
import { systemClock } from '../../../../shared/runtime/clock.ts';
import { silentLogger } from '../../../support/silent-logger.ts';
import { everyTable } from '../../store/factories.ts';

/** Runs on a file system of its own of a few MiB: fills it, writes history, makes room again. Prints what was seen as JSON. */
const [, , directory = ''] = process.argv;
const retention = everyTable(90);
const states: HistoryState[] = [];
const history = new History(
  { file: join(directory, 'history.sqlite'), retention },
  { logger: silentLogger, clock: systemClock, onState: (state) => states.push(state) },
);
const append = (from: number, count: number): void => {
  for (let number = from; number < from + count; number += 1) {
    const message = `number ${number} ${'x'.repeat(500)}`;
    history.append('audit', { timeMs: number, application: 'n/a', actor: 'a', action: 'b', message });
  }
};

append(0, 100);
await history.flush();
const filler = join(directory, 'filler');
let filled = 0;
for (const size of [65_536, 4_096, 512]) {
  try {
    for (;;) {
      writeFileSync(filler, Buffer.alloc(size), { flag: 'a' });
      filled += size;
    }
  } catch {
    // Full, for pieces of this size.
  }
}
// More than what the log beside the database had room for.
append(100, 2_000);
while (states.length === 0) await delay(20);
const full = { ...history.state, ...history.figures };
rmSync(filler);
while (states.length === 1) await delay(20);
await history.flush();
const rows = [];
let cursor: string | undefined;
do {
  const page = await history.query('audit', { cursor, limit: 1000 });
  rows.push(...page.items.map(({ timeMs }) => timeMs));
  cursor = page.nextCursor;
} while (cursor !== undefined);
const after = { ...history.state, ...history.figures };
await history.close();
process.stdout.write(JSON.stringify({ filled, full, after, rows: rows.length, distinct: new Set(rows).size }));

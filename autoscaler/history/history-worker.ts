import { parentPort, workerData } from 'node:worker_threads';
import type { HistoryQuery, HistoryTable } from './records.ts';
import { SqliteStore, type PendingRecord } from './sqlite-store.ts';

/** A request to the worker. */
export type WorkerRequest =
  | { readonly kind: 'append'; readonly id: number; readonly records: readonly PendingRecord[] }
  | { readonly kind: 'query'; readonly id: number; readonly table: HistoryTable; readonly query: HistoryQuery }
  | { readonly kind: 'prune'; readonly id: number; readonly before: Readonly<Record<HistoryTable, number>> }
  | { readonly kind: 'close'; readonly id: number };

/** Its answer. */
export interface WorkerAnswer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

const store = new SqliteStore((workerData as { file: string }).file);
const port = parentPort;
if (port === null) throw new Error('The history worker runs in a worker thread.');

port.on('message', (request: WorkerRequest) => {
  let answer: WorkerAnswer;
  try {
    answer = { id: request.id, result: handle(request) };
  } catch (error) {
    answer = { id: request.id, error: error instanceof Error ? error.message : String(error) };
  }
  port.postMessage(answer);
  if (request.kind === 'close') port.close();
});

function handle(request: WorkerRequest): unknown {
  switch (request.kind) {
    case 'append':
      store.append(request.records);
      return undefined;
    case 'query':
      return store.query(request.table, request.query);
    case 'prune':
      return Object.entries(request.before).reduce(
        (sum, [table, ms]) => sum + store.prune(table as HistoryTable, ms),
        0,
      );
    case 'close':
      store.close();
      return undefined;
  }
}

import { setImmediate as immediate } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../shared/runtime/message-of.ts';
import type { PendingRecord } from './pending-records.ts';
import { PostgresDatabase } from './postgres-database.ts';
import type { HistoryQuery, HistoryTable } from './records.ts';
import { SqliteFile } from './sqlite-file.ts';
import { StoreError, type Keep, type Store } from './store.ts';

/** What the worker is started with. */
export interface WorkerOptions {
  /** Path of the database, or `:memory:`. Not used with a URL. */
  readonly file: string;
  /** URL of PostgreSQL, with its password. */
  readonly databaseUrl?: string | undefined;
  readonly maxBytes: number;
}

/** A request to the worker. */
export type WorkerRequest =
  | { readonly kind: 'append'; readonly id: number; readonly records: readonly PendingRecord[] }
  | { readonly kind: 'query'; readonly id: number; readonly table: HistoryTable; readonly query: HistoryQuery }
  | { readonly kind: 'maintain'; readonly id: number; readonly keep: Keep }
  | { readonly kind: 'close'; readonly id: number };

/** Its answer; or, without an id, that the file was replaced by a new one. */
export interface WorkerAnswer {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly problem: string; readonly message: string };
  readonly replaced?: string;
}

const port = parentPort;
if (port === null) throw new Error('The worker of the store runs in a worker thread.');
const { file, maxBytes, databaseUrl } = workerData as WorkerOptions;
const say = (answer: WorkerAnswer): void => port.postMessage(answer);
const store: Store =
  databaseUrl === undefined
    ? new SqliteFile(file, maxBytes, (replaced) => say({ replaced }))
    : new PostgresDatabase(databaseUrl);
let maintaining = false;

port.on('message', (request: WorkerRequest) => {
  const { id } = request;
  handle(request).then(
    (result) => say({ id, result }),
    (error: unknown) => say({ id, error: asError(error) }),
  );
});

async function handle(request: WorkerRequest): Promise<unknown> {
  switch (request.kind) {
    case 'append':
      return store.write(request.records);
    case 'query':
      return store.query(request.table, request.query);
    case 'maintain':
      return maintain(request.keep);
    case 'close':
      await store.close();
      port?.close();
      return undefined;
  }
}

/** Slice by slice, so that what is asked meanwhile comes in between. Answers with the bytes in use. */
async function maintain(keep: Keep): Promise<number | undefined> {
  if (maintaining) return undefined;
  maintaining = true;
  try {
    while (await store.maintainSlice(keep)) await immediate();
    return await store.usedBytes();
  } finally {
    maintaining = false;
  }
}

function asError(error: unknown): { problem: string; message: string } {
  return { problem: error instanceof StoreError ? error.problem : 'CannotWrite', message: messageOf(error) };
}

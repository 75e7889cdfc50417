import { parentPort, workerData } from 'node:worker_threads';
import { HistoryFile, HistoryFileError } from './sqlite-file.ts';
import type { PendingRecord } from './pending-records.ts';
import type { HistoryQuery, HistoryTable } from './records.ts';
import { maintainSlice, type Keep } from './sqlite-maintenance.ts';

/** What the worker is started with. */
export interface WorkerOptions {
  /** Path of the database, or `:memory:`. */
  readonly file: string;
  readonly maxBytes: number;
}

/** A request to the worker. */
export type WorkerRequest =
  | { readonly kind: 'append'; readonly id: number; readonly records: readonly PendingRecord[] }
  | { readonly kind: 'query'; readonly id: number; readonly table: HistoryTable; readonly query: HistoryQuery }
  | { readonly kind: 'maintain'; readonly id: number; readonly keep: Keep }
  | { readonly kind: 'close'; readonly id: number };

/** Its answer; or, without an id, that the file was begun anew. */
export interface WorkerAnswer {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly problem: string; readonly message: string };
  readonly replaced?: string;
}

const port = parentPort;
if (port === null) throw new Error('The history worker runs in a worker thread.');
const { file, maxBytes } = workerData as WorkerOptions;
const say = (answer: WorkerAnswer): void => port.postMessage(answer);
const history = new HistoryFile(file, maxBytes, (replaced) => say({ replaced }));
let maintaining = false;

port.on('message', (request: WorkerRequest) => {
  const { id } = request;
  if (request.kind === 'maintain') {
    maintain(id, request.keep);
    return;
  }
  try {
    say({ id, result: handle(request) });
  } catch (error) {
    say({ id, error: asError(error) });
  }
  if (request.kind === 'close') port.close();
});

function handle(request: Exclude<WorkerRequest, { kind: 'maintain' }>): unknown {
  switch (request.kind) {
    case 'append':
      return history.run((store) => {
        store.append(request.records);
        return store.usedBytes;
      });
    case 'query':
      return history.run((store) => store.query(request.table, request.query));
    case 'close':
      history.close();
      return undefined;
  }
}

/** Slice by slice, so that what is asked meanwhile comes in between. */
function maintain(id: number, keep: Keep): void {
  if (maintaining) {
    say({ id });
    return;
  }
  maintaining = true;
  const slice = (): void => {
    try {
      if (history.run((store) => maintainSlice(store, keep))) {
        setImmediate(slice);
        return;
      }
      say({ id });
    } catch (error) {
      say({ id, error: asError(error) });
    }
    maintaining = false;
  };
  slice();
}

function asError(error: unknown): { problem: string; message: string } {
  return error instanceof HistoryFileError
    ? { problem: error.problem, message: error.message }
    : { problem: 'CannotWrite', message: error instanceof Error ? error.message : String(error) };
}

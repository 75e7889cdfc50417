// Made by "npm run generate" from the files in this folder; do not edit.
import type { CreateSink } from '../sink-parts.ts';
import { createSink as kubernetesSink } from './kubernetes.ts';
import { createSink as logSink } from './log.ts';
import { createSink as prometheusSink } from './prometheus.ts';
import { createSink as storeSink } from './store.ts';

/** Makes each sink of events, in alphabetical order. */
export const EVENT_SINKS: readonly CreateSink[] = [
  kubernetesSink,
  logSink,
  prometheusSink,
  storeSink,
];

import type { RequestLogEntry } from './request-log-entry.ts';

// eslint-disable-next-line no-control-regex -- JSON forbids raw control characters
const NEEDS_ESCAPE = /["\\\x00-\x1f\x7f-\uffff]/;

function quoted(text: string): string {
  return NEEDS_ESCAPE.test(text) ? JSON.stringify(text) : `"${text}"`;
}
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** Writes times as RFC 3339 in UTC; keeps the last second's text, since thousands of lines share it. */
export class TimestampWriter {
  #second = -1;
  #text = '';

  /** @param epochMs ms since the epoch */
  write(epochMs: number): string {
    const whole = Math.floor(epochMs);
    const second = Math.floor(whole / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = new Date(second * 1000).toISOString().slice(0, 20);
    }
    return `${this.#text}${String(whole - second * 1000).padStart(3, '0')}Z`;
  }
}

/** One entry as JSON with a line feed; put together by hand, at a fifth of what JSON.stringify costs. */
export function logLine(entry: RequestLogEntry, times: TimestampWriter): string {
  let line = `{"timestamp":"${times.write(entry.timestampMs)}","request_id":${quoted(entry.requestId)}`;
  line += `,"application":${quoted(entry.application)},"target_url":${quoted(entry.targetUrl)},"pod":${quoted(entry.pod)}`;
  line += `,"status":${entry.status},"client_ip":${quoted(entry.clientIp)},"http_method":${quoted(entry.method)}`;
  line += `,"path":${quoted(entry.path)},"latency_ms":${rounded(entry.latencyMs)},"held_ms":${rounded(entry.heldMs)}`;
  line += `,"bytes_in":${entry.bytesIn},"bytes_out":${entry.bytesOut}`;
  return entry.error === undefined ? `${line}}\n` : `${line},"error":${quoted(entry.error)}}\n`;
}

/** An entry as the API shows it: the same fields as a log line. */
export interface RequestLogRecord {
  readonly timestamp: string;
  readonly request_id: string;
  readonly application: string;
  readonly target_url: string;
  readonly pod: string;
  readonly status: number;
  readonly client_ip: string;
  readonly http_method: string;
  readonly path: string;
  readonly latency_ms: number;
  readonly held_ms: number;
  readonly bytes_in: number;
  readonly bytes_out: number;
  readonly error?: string;
}

/** The entry with the names and units of the wire. */
export function logRecord(entry: RequestLogEntry): RequestLogRecord {
  return {
    timestamp: new Date(entry.timestampMs).toISOString(),
    request_id: entry.requestId,
    application: entry.application,
    target_url: entry.targetUrl,
    pod: entry.pod,
    status: entry.status,
    client_ip: entry.clientIp,
    http_method: entry.method,
    path: entry.path,
    latency_ms: rounded(entry.latencyMs),
    held_ms: rounded(entry.heldMs),
    bytes_in: entry.bytesIn,
    bytes_out: entry.bytesOut,
    ...(entry.error === undefined ? {} : { error: entry.error }),
  };
}

/** One proxied request as it is logged; the field names are those of `GET /proxy/logs`. */
export interface RequestLogEntry {
  /** When the request's head was complete; ms since the epoch in memory, RFC 3339 on the wire. */
  readonly timestampMs: number;
  readonly requestId: string;
  /** `namespace/name`; empty when no route matched. */
  readonly application: string;
  /** `http://address:port/path` that was asked of the pod, or of the client's host when none was reached. */
  readonly targetUrl: string;
  /** Name of the pod; empty without one. */
  readonly pod: string;
  /** Status sent to the client; 499 when it went away before one was sent. */
  readonly status: number;
  readonly clientIp: string;
  readonly method: string;
  /** Path and query as matched. */
  readonly path: string;
  /** From the complete head to the end of the answer, time in the hold included. */
  readonly latencyMs: number;
  readonly heldMs: number;
  /** Head and body received from the client. */
  readonly bytesIn: number;
  /** Head and body sent to the client. */
  readonly bytesOut: number;
  /** What went wrong, as a stable code. */
  readonly error?: string;
}

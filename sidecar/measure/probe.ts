import { request } from 'node:http';
import { connect } from 'node:net';
import { probePath } from '../../shared/rules/probe-path.ts';

/** Result of asking the application once. */
export interface ProbeResult {
  readonly passed: boolean;
  /** Nothing listens on the port. */
  readonly refused: boolean;
  readonly latencyMs: number;
}

/**
 * Asks the application on the pod's address: `GET path` must answer 200 to 399, as for the kubelet; without a path a
 * connection is enough. Never throws.
 */
export function probe(host: string, port: number, path: string, timeoutMs: number): Promise<ProbeResult> {
  const beganMs = performance.now();
  const { promise, resolve } = Promise.withResolvers<ProbeResult>();
  const end = (passed: boolean, error?: NodeJS.ErrnoException): void =>
    resolve({ passed, refused: error?.code === 'ECONNREFUSED', latencyMs: performance.now() - beganMs });
  if (path === '') {
    const socket = connect({ host, port });
    socket.setTimeout(timeoutMs, () => socket.destroy());
    socket.once('connect', () => {
      end(true);
      socket.destroy();
    });
    socket.once('error', (error) => end(false, error));
    socket.once('close', () => end(false));
  } else {
    const headers = { 'user-agent': 'nemesis-probe', connection: 'close' };
    const outgoing = request({ host, port, path: probePath(path), agent: false, timeout: timeoutMs, headers });
    outgoing.once('response', (response) => {
      const status = response.statusCode ?? 0;
      end(status >= 200 && status < 400);
      response.destroy();
    });
    outgoing.once('timeout', () => outgoing.destroy());
    outgoing.once('error', (error) => end(false, error));
    outgoing.once('close', () => end(false));
    outgoing.end();
  }
  return promise;
}

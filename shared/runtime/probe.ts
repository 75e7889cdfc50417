import { request } from 'node:http';
import { connect } from 'node:net';
import { probePath } from '../rules/probe-path.ts';

/** What asking an application once has shown. */
export interface ProbeResult {
  /** `refused`: nothing listens on the port. `failed`: another status, or no answer in time. */
  readonly outcome: 'passed' | 'refused' | 'failed';
  /** From the call to the outcome, in ms. */
  readonly latencyMs: number;
}

/** Where and what is asked. */
export interface ProbeTarget {
  readonly host: string;
  readonly port: number;
  /** The path of an HTTP probe, in any text that Kubernetes takes; undefined: a connection is enough. */
  readonly path: string | undefined;
}

/** Asks an application once: `GET path` must answer 200 to 399, as for the kubelet. Never throws. */
export function probe({ host, port, path }: ProbeTarget, timeoutMs: number): Promise<ProbeResult> {
  const beganMs = performance.now();
  const { promise, resolve } = Promise.withResolvers<ProbeResult>();
  const end = (outcome: ProbeResult['outcome']): void => resolve({ outcome, latencyMs: performance.now() - beganMs });
  const onError = ({ code }: NodeJS.ErrnoException): void => end(code === 'ECONNREFUSED' ? 'refused' : 'failed');
  if (path === undefined) {
    const socket = connect({ host, port });
    socket.setTimeout(timeoutMs, () => socket.destroy());
    socket.once('connect', () => {
      end('passed');
      socket.destroy();
    });
    socket.once('error', onError);
    socket.once('close', () => end('failed'));
  } else {
    const headers = { 'user-agent': 'nemesis-probe', connection: 'close' };
    const outgoing = request({ host, port, path: probePath(path), agent: false, timeout: timeoutMs, headers });
    outgoing.once('response', (response) => {
      const status = response.statusCode ?? 0;
      end(status >= 200 && status < 400 ? 'passed' : 'failed');
      response.destroy();
    });
    outgoing.once('timeout', () => outgoing.destroy());
    outgoing.once('error', onError);
    outgoing.once('close', () => end('failed'));
    outgoing.end();
  }
  return promise;
}

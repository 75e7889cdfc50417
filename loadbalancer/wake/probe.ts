import { request } from 'node:http';
import { connect } from 'node:net';
import { probePath } from '../../shared/rules/probe-path.ts';
import type { ReadinessCheck } from '../../shared/rules/readiness.ts';
import type { ProbeResult } from '../domain/probe-schedule.ts';

/** Probes a pod once: connects, and for HTTP asks for a status from 200 to 399, as the kubelet does. Never throws. */
export function probe(
  address: string,
  check: Exclude<ReadinessCheck, { kind: 'kubernetes' }>,
  timeoutMs: number,
): Promise<ProbeResult> {
  return check.kind === 'tcp' ? probeTcp(address, check.port, timeoutMs) : probeHttp(address, check, timeoutMs);
}

function probeTcp(host: string, port: number, timeoutMs: number): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, noDelay: true });
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('timeout')));
    socket.once('connect', () => {
      resolve('passed');
      socket.destroy();
    });
    socket.once('error', (error) => resolve(resultOf(error)));
    socket.once('close', () => resolve('failed'));
  });
}

function probeHttp(host: string, check: { port: number; path: string }, timeoutMs: number): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const outgoing = request({
      host,
      port: check.port,
      path: probePath(check.path),
      agent: false,
      timeout: timeoutMs,
      headers: { 'user-agent': 'nemesis-probe', connection: 'close' },
    });
    outgoing.once('response', (response) => {
      const status = response.statusCode ?? 0;
      resolve(status >= 200 && status < 400 ? 'passed' : 'failed');
      response.destroy();
    });
    outgoing.once('timeout', () => outgoing.destroy(new Error('timeout')));
    outgoing.once('error', (error) => resolve(resultOf(error)));
    outgoing.once('close', () => resolve('failed'));
    outgoing.end();
  });
}

function resultOf(error: NodeJS.ErrnoException): ProbeResult {
  return error.code === 'ECONNREFUSED' ? 'refused' : 'failed';
}

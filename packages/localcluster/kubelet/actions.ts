import { spawn } from 'node:child_process';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Action, Container } from '../model/workloads.ts';
import type { CommandLine } from './container-process.ts';
import { signalGroup } from './process-records.ts';

/** Where an action runs: the container it is about, the pod's address, and how to run a command in it. */
export interface ActionTarget {
  container: Container;
  podIP: string;
  commandLine: (command: string[]) => CommandLine;
}

/** Whether an action succeeded, and if not, why in the kubelet's words. */
export type ActionResult = { ok: true } | { ok: false; message: string };

function portNumber(container: Container, port: number | string): number {
  if (typeof port === 'number') return port;
  return container.ports?.find(({ name }) => name === port)?.containerPort ?? Number(port);
}

function httpGet(
  target: ActionTarget,
  action: NonNullable<Action['httpGet']>,
  signal: AbortSignal,
): Promise<ActionResult> {
  const port = portNumber(target.container, action.port);
  const host = action.host ?? target.podIP;
  const secure = action.scheme === 'HTTPS';
  const path = (action.path ?? '/').startsWith('/') ? (action.path ?? '/') : `/${action.path ?? ''}`;
  const url = `${secure ? 'https' : 'http'}://${host}:${port}${path}`;
  const headers: Record<string, string> = { 'user-agent': 'kube-probe/1.34', accept: '*/*', connection: 'close' };
  for (const { name, value } of action.httpHeaders ?? []) headers[name.toLowerCase()] = value;
  return new Promise((resolve) => {
    const fail = (message: string): void => resolve({ ok: false, message: `Get "${url}": ${message}` });
    // Certificates are not checked, as by the real kubelet.
    const request = (secure ? httpsRequest : httpRequest)(
      url,
      { headers, agent: false, signal, rejectUnauthorized: false },
      (response) => {
        const status = response.statusCode ?? 0;
        response.resume();
        response.on('error', () => undefined);
        resolve(
          status >= 200 && status < 400
            ? { ok: true }
            : { ok: false, message: `HTTP probe failed with statuscode: ${status}` },
        );
      },
    );
    request.on('error', (error) =>
      fail(
        signal.aborted ? 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)' : error.message,
      ),
    );
    request.end();
  });
}

function tcpConnect(
  target: ActionTarget,
  action: NonNullable<Action['tcpSocket']>,
  signal: AbortSignal,
): Promise<ActionResult> {
  const host = action.host ?? target.podIP;
  const port = portNumber(target.container, action.port);
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal });
    socket.once('connect', () => {
      socket.destroy();
      resolve({ ok: true });
    });
    socket.once('error', (error) =>
      resolve({ ok: false, message: `dial tcp ${host}:${port}: ${signal.aborted ? 'i/o timeout' : error.message}` }),
    );
  });
}

function execute(target: ActionTarget, command: string[], signal: AbortSignal): Promise<ActionResult> {
  const { command: line, env, workingDirectory } = target.commandLine(command);
  const [file = '', ...args] = line;
  return new Promise((resolve) => {
    const child = spawn(file, args, { cwd: workingDirectory, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (chunk: Buffer): void => void (output = (output + chunk.toString()).slice(0, 10_240));
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    const abort = (): void => {
      if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
      resolve({ ok: false, message: 'command timed out' });
    };
    signal.addEventListener('abort', abort, { once: true });
    child.once('error', (error) => resolve({ ok: false, message: error.message }));
    child.once('exit', (code) => {
      signal.removeEventListener('abort', abort);
      resolve(
        code === 0
          ? { ok: true }
          : { ok: false, message: output.trim() === '' ? `command exited with ${code ?? 'a signal'}` : output.trim() },
      );
    });
  });
}

/** Does what a probe or a hook says. Never rejects; an aborted one failed. */
export async function perform(action: Action, target: ActionTarget, signal: AbortSignal): Promise<ActionResult> {
  try {
    if (action.httpGet) return await httpGet(target, action.httpGet, signal);
    if (action.tcpSocket) return await tcpConnect(target, action.tcpSocket, signal);
    if (action.exec) return await execute(target, action.exec.command, signal);
    if (action.sleep) {
      await sleep(action.sleep.seconds * 1000, undefined, { signal });
      return { ok: true };
    }
    return { ok: false, message: 'this kind of action is not supported here' };
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}

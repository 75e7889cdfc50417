import { existsSync, readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { ApiError, badRequest, notFound } from '../apiserver/api-error.ts';
import type { Registry } from '../apiserver/registry.ts';
import type { Pod } from '../model/workloads.ts';
import type { Kubelet } from './kubelet.ts';

function lastLines(text: string, count: number): string {
  if (count <= 0) return '';
  const lines = text.split('\n');
  const ended = lines.at(-1) === '';
  if (ended) lines.pop();
  return lines.slice(-count).join('\n') + (ended ? '\n' : '');
}

/** Serves pods/log: `container`, `tailLines`, `limitBytes`, `previous` and `follow`. @throws ApiError 400, 404 */
export function serveLog(
  registry: Registry,
  kubelet: Kubelet,
  namespace: string,
  name: string,
  query: URLSearchParams,
  response: ServerResponse,
): void {
  const type = registry.types.named('Pod');
  const pod = registry.get(type, namespace, name) as Pod;
  const names = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].map((container) => container.name);
  const asked = query.get('container') ?? pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'];
  if (asked === undefined && pod.spec.containers.length > 1) {
    throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${names.join(' ')}]`);
  }
  const container = asked ?? names[0] ?? '';
  if (!names.includes(container)) throw badRequest(`container ${container} is not valid for pod ${name}`);
  const runner = kubelet.runner(namespace, name, container);
  if (!runner)
    throw pod.spec.nodeName === undefined
      ? badRequest(`pod ${name} does not have a host assigned`)
      : notFound(type, name);
  const previous = query.get('previous') === 'true';
  if (previous && !runner.restarted) {
    throw badRequest(`previous terminated container "${container}" in pod "${name}" not found`);
  }
  const path = runner.logPath(previous);
  const status = runner.status();
  if (!existsSync(path) && status.state.waiting) {
    throw new ApiError(
      400,
      'BadRequest',
      `container "${container}" in pod "${name}" is waiting to start: ${status.state.waiting.reason}`,
    );
  }
  let text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const tail = query.get('tailLines');
  if (tail !== null) text = lastLines(text, Number(tail));
  const limit = query.get('limitBytes');
  if (limit !== null) text = Buffer.from(text).subarray(0, Number(limit)).toString();
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
  if (query.get('follow') !== 'true' || !runner.running || previous) {
    response.end(text);
    return;
  }
  response.write(text);
  const unsubscribe = runner.onOutput((chunk) => void response.write(chunk));
  const ended = runner.onExit(() => response.end());
  response.once('close', () => {
    unsubscribe();
    ended();
  });
}

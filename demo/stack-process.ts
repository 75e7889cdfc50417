import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { KubeConfig } from '@kubernetes/client-node';
import { KubeApi } from '../shared/kubernetes/kube-api.ts';

/** A stack that runs in a process of its own. */
export interface StackProcess {
  readonly api: KubeApi;
  readonly kubeconfig: string;
  readonly dataUrl: string;
  readonly balancerUrl: string;
  readonly autoscalerUrl: string;
  stop(): Promise<void>;
}

/** Starts a stack in another process, so that what measures it does not share an event loop with the API server. */
export async function startStackProcess(directory: string): Promise<StackProcess> {
  // A roomy young generation: pauses of the stand-in's garbage collector are not what is measured.
  const child = spawn(
    process.execPath,
    ['--max-semi-space-size=64', join(import.meta.dirname, 'stack-main.ts'), '--directory', directory],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const lines = createInterface(child.stdout);
  const first = await Promise.race([once(lines, 'line'), once(child, 'exit')]);
  if (typeof first[0] !== 'string') throw new Error('The stack ended before it was ready.');
  const where = JSON.parse(first[0]) as { kubeconfig: string; data: string; balancer: string; autoscaler: string };
  const config = new KubeConfig();
  config.loadFromFile(where.kubeconfig);
  const api = new KubeApi(config, 'nemesis-bench');
  return {
    api,
    kubeconfig: where.kubeconfig,
    dataUrl: where.data,
    balancerUrl: where.balancer,
    autoscalerUrl: where.autoscaler,
    stop: async () => {
      api.close();
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}

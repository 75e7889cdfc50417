import type { KubeApi } from '../../shared/kubernetes/kube-api.ts';
import type { Pod } from '../../shared/kubernetes/objects.ts';

/** A scale call of a balancer, as it logged it. */
export interface Wake {
  /** Name of the Autoscaler. */
  readonly name: string;
  /** When it was answered, epoch ms. */
  readonly atMs: number;
  /** From the arrival of the request until the call left. */
  readonly heldMs: number;
  /** What the API server took. */
  readonly tookMs: number;
}

/** The wakes that the balancers have logged. */
export async function wakesOf(api: KubeApi): Promise<Wake[]> {
  const pods = '/api/v1/namespaces/nemesis-system/pods';
  const { items } = await api.request<{ items: Pod[] }>('GET', pods, {
    query: { labelSelector: 'app.kubernetes.io/component=loadbalancer' },
  });
  const logs = await Promise.all(items.map(({ metadata }) => api.text(`${pods}/${metadata.name}/log`)));
  return logs
    .join('\n')
    .split('\n')
    .filter((line) => line.includes('"message":"waking"'))
    .map((line) => {
      const logged = JSON.parse(line) as { application: string; timestamp: string; heldMs: number; tookMs: number };
      const name = logged.application.split('/')[1] ?? '';
      return { name, atMs: Date.parse(logged.timestamp), heldMs: logged.heldMs, tookMs: logged.tookMs };
    });
}

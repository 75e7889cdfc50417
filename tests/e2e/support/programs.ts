import type { Stack } from '../../../demo/stack.ts';
import { waitFor } from '../../../demo/wait-for.ts';
import { isPodReady, type Pod } from '../../../shared/kubernetes/objects.ts';
import { PATCH_TYPES } from '../../../shared/kubernetes/kube-api.ts';

const SYSTEM = 'nemesis-system';

/** The pods of a program, those that go included. */
export async function programPods(stack: Stack, component: 'autoscaler' | 'loadbalancer'): Promise<Pod[]> {
  const { items } = await stack.api.request<{ items: Pod[] }>('GET', `/api/v1/namespaces/${SYSTEM}/pods`, {
    query: { labelSelector: `app.kubernetes.io/component=${component}` },
  });
  return items;
}

/** Name of the leading controller's pod; undefined while none is ready. */
export async function leaderOf(stack: Stack): Promise<string | undefined> {
  const pods = await programPods(stack, 'autoscaler');
  const leaders = pods.filter((pod) => pod.metadata.labels?.['nemesis.io/leader'] === 'true');
  return leaders.length === 1 ? leaders[0]?.metadata.name : undefined;
}

/** Signals the first pod of a program. */
export async function signal(
  stack: Stack,
  component: 'autoscaler' | 'loadbalancer',
  name: NodeJS.Signals,
  pod?: string,
): Promise<string> {
  const target = pod ?? (await programPods(stack, component))[0]?.metadata.name;
  if (target === undefined) throw new Error(`There is no pod of ${component}.`);
  stack.cluster.faults.signalContainer(SYSTEM, target, component, name);
  return target;
}

/** Waits until every pod of both programs is ready and a controller leads. */
export async function waitUntilSettled(stack: Stack): Promise<void> {
  await waitFor('the programs to be ready again', 40_000, async () => {
    const pods = [...(await programPods(stack, 'autoscaler')), ...(await programPods(stack, 'loadbalancer'))];
    if (!pods.every(isPodReady) || (await leaderOf(stack)) === undefined) return false;
    const answer = await fetch(`${stack.autoscalerUrl()}/api/v1/applications`);
    // A balancer whose watches are broken answers 503 instead.
    const unknown = await fetch(`${stack.dataUrl()}/nobody-has-this-path`);
    return answer.ok && unknown.status === 404;
  });
}

/** Changes how many controllers there are. */
export async function scaleControllers(stack: Stack, replicas: number): Promise<void> {
  await stack.api.request('PATCH', `/apis/apps/v1/namespaces/${SYSTEM}/deployments/nemesis-autoscaler/scale`, {
    contentType: PATCH_TYPES.merge,
    body: { spec: { replicas } },
  });
  await waitFor(`${replicas} controllers`, 30_000, async () => {
    const pods = await programPods(stack, 'autoscaler');
    return pods.length === replicas && pods.every(isPodReady);
  });
}

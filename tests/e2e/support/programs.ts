import { onCluster, type Installation } from './installation.ts';
import { waitFor } from '../../../demo/wait-for.ts';
import { isPodReady, type Pod } from '../../../shared/kubernetes/objects.ts';
import { PATCH_TYPES } from '../../../shared/kubernetes/kube-api.ts';

/** Times of the lease on a local cluster; short, so that a change of leader takes seconds. */
export const LEASE_SECONDS = { duration: 4, renewDeadline: 3, retry: 1 } as const;

/** A kubelet that has restarted a container before lets it wait, for 10 s and longer each time. */
export const SETTLE_MS = onCluster ? 120_000 : 40_000;

/** Namespace of the product. */
export const SYSTEM = 'nemesis-system';

/** The pods of a program, those that go included. */
export async function programPods(
  installation: Installation,
  component: 'autoscaler' | 'loadbalancer',
): Promise<Pod[]> {
  const { items } = await installation.api.request<{ items: Pod[] }>('GET', `/api/v1/namespaces/${SYSTEM}/pods`, {
    query: { labelSelector: `app.kubernetes.io/component=${component}` },
  });
  return items;
}

/** Name of the leading controller's pod; undefined while none is ready. */
export async function leaderOf(installation: Installation): Promise<string | undefined> {
  const pods = await programPods(installation, 'autoscaler');
  const leaders = pods.filter((pod) => pod.metadata.labels?.['nemesis.io/leader'] === 'true');
  return leaders.length === 1 ? leaders[0]?.metadata.name : undefined;
}

/** Kills the first pod of a program. */
export async function kill(
  installation: Installation,
  component: 'autoscaler' | 'loadbalancer',
  pod?: string,
): Promise<void> {
  await signal(installation, component, 'SIGKILL', pod);
}

/** How often the containers of a program were started again. */
export async function restartsOf(
  installation: Installation,
  component: 'autoscaler' | 'loadbalancer',
): Promise<number> {
  const pods = await programPods(installation, component);
  return pods
    .flatMap(({ status }) => status?.containerStatuses ?? [])
    .reduce((sum, each) => sum + each.restartCount, 0);
}

/** Signals the first pod of a program. */
export async function signal(
  installation: Installation,
  component: 'autoscaler' | 'loadbalancer',
  name: NodeJS.Signals,
  pod?: string,
): Promise<void> {
  await installation.signal(SYSTEM, pod ?? (await firstPod(installation, component)), component, name);
}

async function firstPod(installation: Installation, component: 'autoscaler' | 'loadbalancer'): Promise<string> {
  const name = (await programPods(installation, component))[0]?.metadata.name;
  if (name === undefined) throw new Error(`There is no pod of ${component}.`);
  return name;
}

/** Waits until every pod of both programs is ready and a controller leads. */
export async function waitUntilSettled(installation: Installation): Promise<void> {
  await waitFor('the programs to be ready again', SETTLE_MS, async () => {
    const pods = [
      ...(await programPods(installation, 'autoscaler')),
      ...(await programPods(installation, 'loadbalancer')),
    ];
    if (!pods.every(isPodReady) || (await leaderOf(installation)) === undefined) return false;
    const answer = await installation.autoscaler(`/api/v1/applications`);
    // A balancer whose watches are broken answers 503 instead.
    const unknown = await fetch(`${installation.dataUrl()}/nobody-has-this-path`);
    return answer.status === 200 && unknown.status === 404;
  });
}

/** Changes how many controllers there are. */
export async function scaleControllers(installation: Installation, replicas: number): Promise<void> {
  await installation.api.request('PATCH', `/apis/apps/v1/namespaces/${SYSTEM}/deployments/nemesis-autoscaler/scale`, {
    contentType: PATCH_TYPES.merge,
    body: { spec: { replicas } },
  });
  await waitFor(`${replicas} controllers`, 30_000, async () => {
    const pods = await programPods(installation, 'autoscaler');
    return pods.length === replicas && pods.every(isPodReady);
  });
}

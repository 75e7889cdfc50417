import { setTimeout as delay } from 'node:timers/promises';
import { autoscalerSchema, type Autoscaler } from '../../shared/api/autoscaler.ts';
import { isKubeStatus, PATCH_TYPES, type KubeClient } from '../../shared/kubernetes/kube-api.ts';
import { replicasManager, type Deployment, type KubernetesObject } from '../../shared/kubernetes/objects.ts';
import { pathOf, RESOURCES } from '../../shared/kubernetes/paths.ts';
import { writeScale } from '../../shared/kubernetes/scale.ts';
import { decideOwnership } from '../../shared/rules/ownership.ts';
import { decideWake } from '../../shared/rules/wake.ts';
import { messageOf } from '../../shared/runtime/logger.ts';
import { readSettings } from '../../shared/runtime/settings.ts';
import { CLUSTER_OPTIONS, connect } from './cluster-options.ts';
import { defineCommand } from './command.ts';
import { commandSettings } from './command-settings.ts';

const CONTROLLER = 'nemesis-autoscaler';
const CONTROLLER_PODS = 'app.kubernetes.io/name=nemesis,app.kubernetes.io/component=autoscaler';
const CONTROLLER_STOPS_WITHIN_MS = 120_000;
const LOOK_EVERY_MS = 500;
const TRIES = 5;

/** What the removal did with one application, and whether that is what it should have done. */
interface Outcome {
  readonly text: string;
  readonly failed?: boolean;
}

/**
 * Prepares the removal of the product: stops the controllers, then wakes every application that sleeps, since nobody
 * would wake it later. Whoever scaled to zero on purpose is left alone. Run again, it does what is still to do.
 *
 * @returns 0; 1 when an application that sleeps could not be woken
 * @throws Error when the controllers could not be stopped or the applications could not be read
 */
export const uninstall = defineCommand({
  name: 'uninstall',
  description: `Stops the controllers and wakes every application that sleeps, before the product is removed. Run again, it does what is
still to do. NEMESIS_SYSTEM_NAMESPACE names the namespace of the product, NEMESIS_WATCH_NAMESPACE the only one that it watches.`,
  options: CLUSTER_OPTIONS,
  run: async (options, io) => {
    const settings = readSettings(commandSettings, process.env);
    const api = connect(options, settings.token, 'nemesis-uninstall');
    try {
      return await wakeAll(api, { ...settings, say: (line) => void io.stdout.write(`${line}\n`) });
    } finally {
      api.close();
    }
  },
});

/** The removal itself. */
export async function wakeAll(
  api: KubeClient,
  options: { systemNamespace: string; watchNamespace: string; say: (line: string) => void },
): Promise<number> {
  const { systemNamespace, watchNamespace, say } = options;
  await stopControllers(api, systemNamespace, say);
  const resources = await readAutoscalers(api, watchNamespace, say);
  const conflicts = decideOwnership(resources);
  let failures = 0;
  for (const resource of resources) {
    const { namespace, name } = resource.metadata;
    // Another Autoscaler owns this Deployment, and decides about it.
    if (conflicts.get(resource.metadata.uid)?.reason === 'TargetClaimed') continue;
    const outcome = await wake(api, resource);
    if (outcome.failed === true) failures += 1;
    say(`${namespace}/${name}: ${outcome.text}`);
  }
  say(
    failures === 0 ? 'Nothing sleeps any more because of nemesis.' : `${failures} could not be woken; run this again.`,
  );
  return failures === 0 ? 0 : 1;
}

/** A controller that still runs could put to sleep what was just woken. */
async function stopControllers(api: KubeClient, namespace: string, say: (line: string) => void): Promise<void> {
  try {
    await api.request('PATCH', pathOf(RESOURCES.deployments, namespace, CONTROLLER, 'scale'), {
      contentType: PATCH_TYPES.merge,
      body: { spec: { replicas: 0 } },
    });
  } catch (error) {
    if (!isKubeStatus(error, 404)) {
      throw new Error(`The controllers could not be stopped: ${messageOf(error)}`, { cause: error });
    }
  }
  for (let waitedMs = 0; ; waitedMs += LOOK_EVERY_MS) {
    const { items } = await api.request<{ items: KubernetesObject[] }>('GET', pathOf(RESOURCES.pods, namespace), {
      query: { labelSelector: CONTROLLER_PODS },
    });
    if (items.length === 0) break;
    if (waitedMs >= CONTROLLER_STOPS_WITHIN_MS) {
      const names = items.map(({ metadata }) => metadata.name).join(', ');
      throw new Error(`The controllers did not stop within ${CONTROLLER_STOPS_WITHIN_MS / 1000} s: ${names}.`);
    }
    await delay(LOOK_EVERY_MS);
  }
  say('The controllers are stopped.');
}

async function readAutoscalers(api: KubeClient, namespace: string, say: (line: string) => void): Promise<Autoscaler[]> {
  const path = pathOf(RESOURCES.autoscalers, namespace === '' ? undefined : namespace);
  let items: KubernetesObject[];
  try {
    ({ items } = await api.request<{ items: KubernetesObject[] }>('GET', path));
  } catch (error) {
    if (isKubeStatus(error, 404)) return [];
    throw new Error(`The applications could not be read: ${messageOf(error)}`, { cause: error });
  }
  const resources: Autoscaler[] = [];
  for (const item of items) {
    const parsed = autoscalerSchema.safeParse(item);
    if (parsed.success) resources.push(parsed.data);
    else say(`${item.metadata.namespace ?? ''}/${item.metadata.name}: left alone, since the resource is not valid.`);
  }
  return resources;
}

async function wake(api: KubeClient, resource: Autoscaler): Promise<Outcome> {
  const { namespace } = resource.metadata;
  const { name } = resource.spec.scaleTargetRef;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const deployment = await api.request<Deployment>('GET', pathOf(RESOURCES.deployments, namespace, name));
      const replicas = deployment.spec.replicas ?? 1;
      if (replicas > 0) return { text: 'awake.' };
      const decision = decideWake(
        {
          mode: resource.spec.mode,
          phase: resource.status?.phase,
          statusIsCurrent: true,
          phaseMessage: resource.status?.conditions?.find(({ type }) => type === 'Ready')?.message,
          // A start that failed is no reason to leave it at zero for good.
          retryAfterMs: undefined,
          minReplicas: resource.spec.minReplicas,
          replicas,
          replicasManager: replicasManager(deployment),
        },
        Date.now(),
      );
      if (decision.kind === 'refuse') return { text: `left at 0. ${decision.detail}` };
      const wanted = decision.kind === 'wake' ? decision.replicas : 1;
      await writeScale(api, {
        namespace,
        name,
        replicas: wanted,
        resourceVersion: deployment.metadata.resourceVersion,
        fieldManager: 'nemesis-uninstall',
      });
      return { text: `scaled from 0 to ${wanted}.` };
    } catch (error) {
      if (isKubeStatus(error, 404)) return { text: `left alone, since there is no Deployment ${name}.` };
      if (isKubeStatus(error, 409) && attempt < TRIES) continue;
      return { text: `could not be scaled from 0: ${messageOf(error)}`, failed: true };
    }
  }
}

import { createHash } from 'node:crypto';
import { clone, deepEqual } from '../model/json.ts';
import { asJson, controllerOf, controllerReference } from '../model/objects.ts';
import { isPodFinished, type Deployment, type Pod, type PodTemplate, type ReplicaSet } from '../model/workloads.ts';
import { controllerManager, splitKey, type ClusterContext } from './cluster-context.ts';
import { deploymentStatus } from './deployment-status.ts';
import { rollingStep } from './rolling-update.ts';
import { WorkQueue } from './work-queue.ts';

const component = 'deployment-controller';
const revisionKey = 'deployment.kubernetes.io/revision';
const hashLabel = 'pod-template-hash';

function withoutHash(template: PodTemplate): PodTemplate {
  const copy = clone(template);
  if (copy.metadata?.labels) Reflect.deleteProperty(copy.metadata.labels, hashLabel);
  return copy;
}

function templateHash(template: PodTemplate, collisions: number): string {
  const digest = createHash('sha256').update(JSON.stringify(template)).update(String(collisions)).digest('hex');
  const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
  return [...Buffer.from(digest.slice(0, 20), 'hex')].map((byte) => alphabet[byte % alphabet.length]).join('');
}

function revisionOf(set: ReplicaSet): number {
  return Number(set.metadata.annotations?.[revisionKey] ?? 0);
}

/** Rolls Deployments out: a ReplicaSet for each template, RollingUpdate and Recreate, pause, history and status. */
export class DeploymentController {
  readonly #context: ClusterContext;
  readonly #queue: WorkQueue;
  readonly #subscriptions: (() => void)[];

  constructor(context: ClusterContext) {
    this.#context = context;
    this.#queue = new WorkQueue((key) => this.#sync(key), context.logger);
    const { store } = context.registry;
    this.#subscriptions = [
      store.subscribe('deployments.apps', ({ object }) =>
        this.#queue.add(`${object.metadata.namespace ?? ''}/${object.metadata.name}`),
      ),
      store.subscribe('replicasets.apps', ({ object }) => {
        const owner = controllerOf(object);
        if (owner?.kind === 'Deployment') this.#queue.add(`${object.metadata.namespace ?? ''}/${owner.name}`);
      }),
      store.subscribe('pods', ({ object, type }) => {
        // Recreate waits for the last old pod to be gone.
        const owner = type === 'DELETED' ? controllerOf(object) : undefined;
        const set = owner && store.get('replicasets.apps', object.metadata.namespace, owner.name);
        const deployment = set && controllerOf(set);
        if (deployment) this.#queue.add(`${object.metadata.namespace ?? ''}/${deployment.name}`);
      }),
    ];
  }

  /** Ends all work. */
  stop(): void {
    for (const unsubscribe of this.#subscriptions) unsubscribe();
    this.#queue.stop();
  }

  #sync(key: string): void {
    const [namespace, name] = splitKey(key);
    const { store } = this.#context.registry;
    const deployment = store.get('deployments.apps', namespace, name) as Deployment | undefined;
    if (!deployment || deployment.metadata.deletionTimestamp !== undefined) return;
    const owned = (): ReplicaSet[] =>
      (store.list('replicasets.apps', namespace) as ReplicaSet[]).filter(
        (set) => controllerOf(set)?.uid === deployment.metadata.uid,
      );
    const template = withoutHash(deployment.spec.template);
    const findCurrent = (): ReplicaSet | undefined =>
      owned()
        .sort((a, b) => a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp))
        .find((set) => deepEqual(withoutHash(set.spec.template), template));
    const current = findCurrent();
    const old = owned().filter((set) => set.metadata.uid !== current?.metadata.uid);
    if (deployment.spec.paused) this.#scalePaused(deployment, current, old);
    else if (deployment.spec.strategy.type === 'Recreate') this.#recreate(deployment, current, old);
    else this.#roll(deployment, current ?? this.#createSet(deployment, old, 0), old);
    this.#writeStatus(deployment, findCurrent(), owned());
  }

  #scalePaused(deployment: Deployment, current: ReplicaSet | undefined, old: readonly ReplicaSet[]): void {
    const active = [...(current ? [current] : []), ...old].filter((set) => set.spec.replicas > 0);
    const only = active.length === 0 ? (current ?? old[0]) : active.length === 1 ? active[0] : undefined;
    if (only) this.#resize(deployment, only, deployment.spec.replicas);
  }

  #recreate(deployment: Deployment, current: ReplicaSet | undefined, old: readonly ReplicaSet[]): void {
    for (const set of old) this.#resize(deployment, set, 0);
    const oldIds = new Set(old.map((set) => set.metadata.uid));
    const pods = this.#context.registry.store.list('pods', deployment.metadata.namespace) as Pod[];
    if (pods.some((pod) => oldIds.has(controllerOf(pod)?.uid ?? '') && !isPodFinished(pod))) return;
    this.#resize(deployment, current ?? this.#createSet(deployment, old, 0), deployment.spec.replicas);
    this.#cleanUp(deployment, old);
  }

  #roll(deployment: Deployment, current: ReplicaSet, old: readonly ReplicaSet[]): void {
    const latest = Math.max(0, ...old.map(revisionOf));
    if (revisionOf(current) < latest) this.#annotate(current, latest + 1);
    const revision = String(Math.max(revisionOf(current), latest + (revisionOf(current) < latest ? 1 : 0)));
    if (deployment.metadata.annotations?.[revisionKey] !== revision) this.#markRevision(deployment, revision);
    for (const { set, replicas } of rollingStep(
      deployment,
      current,
      old.filter((item) => item.spec.replicas > 0),
    )) {
      this.#resize(deployment, set, replicas);
    }
    this.#cleanUp(deployment, old);
  }

  #createSet(deployment: Deployment, old: readonly ReplicaSet[], replicas: number): ReplicaSet {
    const { registry } = this.#context;
    const { namespace, name } = deployment.metadata;
    const type = registry.types.named('ReplicaSet');
    const template = clone(deployment.spec.template);
    let collisions = deployment.status.collisionCount ?? 0;
    while (registry.store.get(type.collection, namespace, `${name}-${templateHash(template, collisions)}`))
      collisions += 1;
    const hash = templateHash(template, collisions);
    const labels = { ...template.metadata?.labels, [hashLabel]: hash };
    const revision = String(Math.max(0, ...old.map(revisionOf)) + 1);
    const { minReadySeconds, selector } = deployment.spec;
    const set = {
      metadata: {
        name: `${name}-${hash}`,
        labels,
        annotations: { ...deployment.metadata.annotations, [revisionKey]: revision },
        ownerReferences: [controllerReference(deployment)],
      },
      spec: {
        replicas,
        ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
        selector: { ...clone(selector), matchLabels: { ...selector.matchLabels, [hashLabel]: hash } },
        template: { ...template, metadata: { ...template.metadata, labels } },
      },
    };
    Reflect.deleteProperty(set.metadata.annotations, 'kubectl.kubernetes.io/last-applied-configuration');
    return registry.create(type, namespace, asJson(set), { manager: controllerManager }) as ReplicaSet;
  }

  #resize(deployment: Deployment, set: ReplicaSet, replicas: number): void {
    if (set.spec.replicas === replicas) return;
    const { registry, events } = this.#context;
    const { namespace, name } = set.metadata;
    registry.modify(registry.types.named('ReplicaSet'), namespace, name, { manager: controllerManager }, (object) => ({
      ...object,
      spec: { ...(object as ReplicaSet).spec, replicas },
    }));
    const direction = replicas > set.spec.replicas ? 'up' : 'down';
    const message = `Scaled ${direction} replica set ${name} from ${set.spec.replicas} to ${replicas}`;
    events.record(deployment, { reason: 'ScalingReplicaSet', message, component });
  }

  #annotate(set: ReplicaSet, revision: number): void {
    const { registry } = this.#context;
    const { namespace, name } = set.metadata;
    registry.modify(registry.types.named('ReplicaSet'), namespace, name, { manager: controllerManager }, (object) => ({
      ...object,
      metadata: {
        ...object.metadata,
        annotations: { ...object.metadata.annotations, [revisionKey]: String(revision) },
      },
    }));
  }

  #markRevision(deployment: Deployment, revision: string): void {
    const { registry } = this.#context;
    const { namespace, name } = deployment.metadata;
    registry.modify(registry.types.named('Deployment'), namespace, name, { manager: controllerManager }, (object) => ({
      ...object,
      metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, [revisionKey]: revision } },
    }));
  }

  #cleanUp(deployment: Deployment, old: readonly ReplicaSet[]): void {
    const { registry } = this.#context;
    const idle = old
      .filter((set) => set.spec.replicas === 0 && set.status.replicas === 0)
      .sort((a, b) => revisionOf(a) - revisionOf(b));
    for (const set of idle.slice(0, Math.max(0, idle.length - (deployment.spec.revisionHistoryLimit ?? 10)))) {
      registry.delete(registry.types.named('ReplicaSet'), set.metadata.namespace, set.metadata.name, {});
    }
  }

  #writeStatus(deployment: Deployment, current: ReplicaSet | undefined, sets: readonly ReplicaSet[]): void {
    const { registry } = this.#context;
    const { namespace, name } = deployment.metadata;
    const status = deploymentStatus(deployment, current, sets);
    const options = { manager: controllerManager, subresource: 'status' };
    registry.modify(registry.types.named('Deployment'), namespace, name, options, (object) => ({ ...object, status }));
    const progressing = status.conditions?.find(({ type }) => type === 'Progressing');
    if (
      progressing?.status === 'True' &&
      progressing.reason !== 'NewReplicaSetAvailable' &&
      progressing.lastUpdateTime
    ) {
      const due = Date.parse(progressing.lastUpdateTime) + (deployment.spec.progressDeadlineSeconds ?? 600) * 1000;
      this.#queue.addAfter(`${namespace ?? ''}/${name}`, Math.max(1000, due - Date.now()));
    }
  }
}

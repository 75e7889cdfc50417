import type { Clock } from '../../../shared/runtime/clock.ts';
import type { Logger } from '../../../shared/runtime/logger.ts';
import type { KubeWatchClient } from '../../../shared/kubernetes/kube-api.ts';
import type { ScaleTargetHolder } from '../../../shared/kubernetes/objects.ts';
import { RESOURCES } from '../../../shared/kubernetes/paths.ts';
import { keyOf, Reflector } from '../../../shared/kubernetes/reflector.ts';

const KEDA_SCALED_OBJECTS = { prefix: '/apis/keda.sh/v1alpha1', plural: 'scaledobjects' };

/** Watches for others that scale Deployments: HorizontalPodAutoscalers, and KEDA's ScaledObjects where there are any. */
export class OtherScalers {
  readonly #reflectors: { kind: string; reflector: Reflector<ScaleTargetHolder> }[];
  /** Who scales a target: target -> name, in the order of their coming. */
  readonly #byTarget = new Map<string, Set<string>>();

  constructor(
    api: KubeWatchClient,
    options: { namespace?: string | undefined },
    deps: { logger: Logger; clock: Clock; random: () => number },
  ) {
    this.#reflectors = [
      { kind: 'HorizontalPodAutoscaler', resource: RESOURCES.horizontalPodAutoscalers },
      { kind: 'ScaledObject', resource: KEDA_SCALED_OBJECTS },
    ].map(({ kind, resource }) => ({
      kind,
      reflector: new Reflector<ScaleTargetHolder>(
        api,
        { resource, optional: true, namespace: options.namespace, transform: trimScaler },
        deps,
      ),
    }));
  }

  /** Begins to watch. Nobody is told: they write their status all the time, and every application asks each second. */
  start(): void {
    for (const { kind, reflector } of this.#reflectors) {
      reflector.onEvent((event) => {
        const name = `${kind} ${keyOf(event.object)}`;
        if (event.type === 'set' && event.previous !== undefined) this.#drop(event.previous, name);
        if (event.type === 'delete') this.#drop(event.object, name);
        else this.#add(event.object, name);
      });
      reflector.start();
    }
  }

  /** Who scales this Deployment, as `Kind namespace/name`. */
  find(target: string): string | undefined {
    const [first] = this.#byTarget.get(target) ?? [];
    return first;
  }

  /** Ends the watches. */
  stop(): void {
    for (const { reflector } of this.#reflectors) reflector.stop();
  }

  #add(object: ScaleTargetHolder, name: string): void {
    if ((object.spec.scaleTargetRef.kind ?? 'Deployment') !== 'Deployment') return;
    const target = targetOf(object);
    this.#byTarget.set(target, (this.#byTarget.get(target) ?? new Set()).add(name));
  }

  #drop(object: ScaleTargetHolder, name: string): void {
    const target = targetOf(object);
    const names = this.#byTarget.get(target);
    names?.delete(name);
    if (names?.size === 0) this.#byTarget.delete(target);
  }
}

/** Their status, metrics and managedFields are many times of what is read here. */
function trimScaler({ metadata, spec }: ScaleTargetHolder): ScaleTargetHolder {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
  return {
    metadata: { name, uid, resourceVersion, creationTimestamp, ...(namespace === undefined ? {} : { namespace }) },
    spec: { scaleTargetRef: spec.scaleTargetRef },
  };
}

function targetOf(object: ScaleTargetHolder): string {
  return `${object.metadata.namespace ?? ''}/${object.spec.scaleTargetRef.name}`;
}

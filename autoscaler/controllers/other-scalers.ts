import type { Clock } from '../../shared/runtime/clock.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import type { KubeApi } from '../../shared/kubernetes/kube-api.ts';
import type { ScaleTargetHolder } from '../../shared/kubernetes/objects.ts';
import { RESOURCES } from '../../shared/kubernetes/paths.ts';
import { keyOf, Reflector } from '../../shared/kubernetes/reflector.ts';

const KEDA_SCALED_OBJECTS = { prefix: '/apis/keda.sh/v1alpha1', plural: 'scaledobjects' };

/** Watches for others that scale Deployments: HorizontalPodAutoscalers, and KEDA's ScaledObjects where there are any. */
export class OtherScalers {
  readonly #reflectors: { kind: string; reflector: Reflector<ScaleTargetHolder> }[];

  constructor(
    api: KubeApi,
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
        { resource, optional: true, namespace: options.namespace },
        deps,
      ),
    }));
  }

  /** Begins to watch; `onChange` gets the target as `namespace/name`. */
  start(onChange: (target: string) => void): void {
    for (const { reflector } of this.#reflectors) {
      reflector.onEvent(({ object }) => onChange(targetOf(object)));
      reflector.start();
    }
  }

  /** Who scales this Deployment, as `Kind namespace/name`. */
  find(target: string): string | undefined {
    for (const { kind, reflector } of this.#reflectors) {
      for (const object of reflector.objects.values()) {
        const deployment = (object.spec.scaleTargetRef.kind ?? 'Deployment') === 'Deployment';
        if (deployment && targetOf(object) === target) return `${kind} ${keyOf(object)}`;
      }
    }
    return undefined;
  }

  /** Ends the watches. */
  stop(): void {
    for (const { reflector } of this.#reflectors) reflector.stop();
  }
}

function targetOf(object: ScaleTargetHolder): string {
  return `${object.metadata.namespace ?? ''}/${object.spec.scaleTargetRef.name}`;
}

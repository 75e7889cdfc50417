import { randomBytes } from 'node:crypto';
import { Counter, type Registry } from 'prom-client';
import type { ApplicationWatch } from '../../shared/kubernetes/application-watch.ts';
import { messageOf, type Logger } from '../../shared/runtime/logger.ts';
import type { KnownApplication } from './application-target.ts';
import { inject } from './injection.ts';
import { patchBetween } from './json-patch.ts';
import type { PodDocument } from './pod-document.ts';
import { answerTo, podOf, type AdmissionAnswer, type AdmissionReview } from './review.ts';

/** What the injector needs. */
export interface InjectorDeps {
  readonly image: string;
  readonly controllerUrl: string;
  readonly version: string;
  readonly systemNamespace: string;
  /** PEM bundle of now. */
  readonly ca: () => string;
  /** Whether the cluster has native sidecars. */
  readonly native: () => boolean;
  readonly applicationOf: (pod: PodDocument, namespace: string) => KnownApplication | undefined;
  readonly registry: Registry;
  readonly logger: Logger;
}

/** Answers the API server's questions about new pods. It never refuses one: a pod without a sidecar is better than none. */
export class Injector {
  readonly #deps: InjectorDeps;
  readonly #results: Counter<'result'>;

  constructor(deps: InjectorDeps) {
    this.#deps = deps;
    this.#results = new Counter({
      name: 'nemesis_injection_total',
      help: 'Pods that the webhook was asked about: injected, skipped or failed.',
      labelNames: ['result'],
      registers: [deps.registry],
    });
  }

  /** The answer to one question. Never throws. */
  answer(review: AdmissionReview): AdmissionAnswer {
    const { uid, namespace = '' } = review.request;
    const { logger } = this.#deps;
    try {
      const pod = podOf(review);
      if (pod === undefined || namespace === this.#deps.systemNamespace) {
        this.#results.inc({ result: 'skipped' });
        return answerTo(uid);
      }
      const { image, controllerUrl, version } = this.#deps;
      const {
        pod: after,
        skipped,
        warnings,
      } = inject(pod, {
        image,
        controllerUrl,
        version,
        ca: this.#deps.ca(),
        native: this.#deps.native(),
        deployed: deploymentOf(pod) !== undefined,
        application: this.#deps.applicationOf(pod, namespace),
        drainToken: randomBytes(16).toString('base64url'),
      });
      this.#results.inc({ result: skipped === undefined ? 'injected' : 'skipped' });
      const name = pod.metadata?.name ?? pod.metadata?.generateName;
      // Controllers that make pods show warnings to nobody.
      if (warnings.length > 0)
        logger.info('a pod was injected with warnings, or not', { namespace, name, skipped, warnings });
      else logger.debug('a pod was looked at', { namespace, name, skipped });
      return answerTo(uid, patchBetween(pod, after), warnings);
    } catch (error) {
      this.#results.inc({ result: 'failed' });
      logger.error('a pod could not be injected and is let through as it is', { namespace, err: error });
      return answerTo(uid, [], [`nemesis: this pod gets no sidecar: ${messageOf(error)}`]);
    }
  }
}

/** What the Autoscaler says that targets the pod's Deployment. */
export function applicationOfPod(
  watch: Pick<ApplicationWatch, 'applicationOfTarget'>,
  pod: PodDocument,
  namespace: string,
): KnownApplication | undefined {
  const deployment = deploymentOf(pod);
  const spec =
    deployment === undefined ? undefined : watch.applicationOfTarget(`${namespace}/${deployment}`)?.resource?.spec;
  return spec === undefined ? undefined : { port: spec.route?.port, announceProbe: spec.startup?.announceProbe };
}

/** The Deployment's name: that of the ReplicaSet without the hash that its pods carry as a label. */
function deploymentOf({ metadata }: PodDocument): string | undefined {
  const owner = metadata?.ownerReferences?.find(({ kind, controller }) => kind === 'ReplicaSet' && controller === true);
  const hash = metadata?.labels?.['pod-template-hash'];
  if (owner === undefined || hash === undefined || !owner.name.endsWith(`-${hash}`)) return undefined;
  return owner.name.slice(0, -hash.length - 1);
}

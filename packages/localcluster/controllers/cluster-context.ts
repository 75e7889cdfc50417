import type { Admission } from '../apiserver/admission.ts';
import type { Registry } from '../apiserver/registry.ts';
import type { Logger } from '../model/logger.ts';
import type { EventRecorder } from './event-recorder.ts';

/** What controllers and the kubelet work with. */
export interface ClusterContext {
  registry: Registry;
  admission: Admission;
  events: EventRecorder;
  logger: Logger;
}

/** The field manager and user agent of the controllers. */
export const controllerManager = 'kube-controller-manager';

/** Splits a key `namespace/name`. */
export function splitKey(key: string): [namespace: string, name: string] {
  const slash = key.indexOf('/');
  return [key.slice(0, slash), key.slice(slash + 1)];
}

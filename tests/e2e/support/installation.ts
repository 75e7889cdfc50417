import type { KubeApi } from '../../../shared/kubernetes/kube-api.ts';
import type { Ask } from './send.ts';

/** The product as the end-to-end tests meet it: on a cluster inside this process, or on that of KUBECONFIG. */
export interface Installation {
  readonly kind: 'localcluster' | 'cluster';
  readonly api: KubeApi;
  /** An image that has `node` on its PATH. */
  readonly image: string;
  /** Base URL of the data plane. */
  dataUrl(): string;
  /** The balancer's management API. */
  readonly balancer: Ask;
  /** The autoscaler's API. */
  readonly autoscaler: Ask;
  /** Sends a signal to a container's process; on a cluster only in pods that share their processes. */
  signal(namespace: string, pod: string, container: string, name: NodeJS.Signals): Promise<void>;
  /** Takes the API server away and gives it back; undefined where that cannot be done. */
  readonly outage: { begin(): Promise<void>; end(): Promise<void> } | undefined;
  stop(): Promise<void>;
}

/** Whether this run is about the cluster of KUBECONFIG. */
export const onCluster = process.env['E2E_TARGET'] === 'cluster';

/** Whether the API server can be taken away in this run. */
export const hasOutage = !onCluster || (process.env['E2E_FAULT_COMMAND'] ?? '') !== '';

/** Defines a test that needs several controllers, or a process that no liveness probe ends; elsewhere there is none. */
export const itLocally: (title: string, test: Mocha.AsyncFunc) => void = (title, test) => {
  if (!onCluster) it(title, test);
};

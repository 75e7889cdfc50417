import { ApplicationWatch } from '../../shared/kubernetes/application-watch.ts';
import { KubeApi } from '../../shared/kubernetes/kube-api.ts';
import { LeaseElector } from '../../shared/kubernetes/lease-elector.ts';
import type { KubernetesObject, Pod } from '../../shared/kubernetes/objects.ts';
import { RESOURCES } from '../../shared/kubernetes/paths.ts';
import { Reflector } from '../../shared/kubernetes/reflector.ts';
import { BALANCER_SELECTOR } from '../controllers/application/balancers.ts';
import { OtherScalers } from '../controllers/application/other-scalers.ts';
import type { Foundation } from './foundation.ts';

/** What this program sees of the cluster, and who leads. */
export interface Cluster {
  readonly api: KubeApi;
  readonly watch: ApplicationWatch;
  readonly otherScalers: OtherScalers;
  readonly balancerPods: Reflector<Pod>;
  /** Systems that applications may ask; a cluster that does not know the kind has none. */
  readonly systems: Reflector<KubernetesObject>;
  readonly elector: LeaseElector;
  readonly isLeader: () => boolean;
}

/** Builds what looks at the cluster; nothing is started. */
export function buildCluster({ settings, logger, lifecycle, clock, identity }: Foundation): Cluster {
  const random = Math.random;
  const api = KubeApi.fromDefault('nemesis-autoscaler', (what) =>
    logger.error('a right is missing: RBAC does not allow what this program needs', { reason: what }),
  );
  lifecycle.onStop('kubernetes client', () => api.close());
  const namespace = settings.watchNamespace === '' ? undefined : settings.watchNamespace;
  const watchDeps = { logger, clock, random };
  const watch = new ApplicationWatch(api, { systemNamespace: settings.systemNamespace, namespace }, watchDeps);
  const otherScalers = new OtherScalers(api, { namespace }, watchDeps);
  const balancerPods = new Reflector<Pod>(
    api,
    { resource: RESOURCES.pods, namespace: settings.systemNamespace, labelSelector: BALANCER_SELECTOR },
    watchDeps,
  );
  const systems = new Reflector<KubernetesObject>(
    api,
    { resource: RESOURCES.observabilitySystems, namespace: settings.systemNamespace, optional: true },
    watchDeps,
  );
  const elector = new LeaseElector(
    api,
    { namespace: settings.systemNamespace, name: 'nemesis-autoscaler', identity },
    {
      leaseDurationMs: settings.leaseDurationSeconds * 1000,
      renewDeadlineMs: settings.leaseRenewDeadlineSeconds * 1000,
      retryPeriodMs: settings.leaseRetrySeconds * 1000,
    },
    watchDeps,
  );
  return { api, watch, otherScalers, balancerPods, systems, elector, isLeader: () => elector.isLeader() };
}

import { ApplicationWatch } from '../../shared/kubernetes/application-watch.ts';
import { KubeApi } from '../../shared/kubernetes/kube-api.ts';
import { HoldBudget } from '../domain/hold-queue.ts';
import { Announcements } from '../routing/announcements.ts';
import { ApplicationDirectory } from '../routing/application-directory.ts';
import type { Foundation } from './foundation.ts';

const MIB = 2 ** 20;

/** What this program sees of the cluster, and the routes to applications that follow from it. */
export interface Routing {
  readonly api: KubeApi;
  readonly watch: ApplicationWatch;
  readonly budget: HoldBudget;
  readonly announcements: Announcements;
  readonly directory: ApplicationDirectory;
}

/** Builds what knows applications; nothing is started. */
export function buildRouting({ settings, logger, lifecycle, clock, random }: Foundation): Routing {
  const api = KubeApi.fromDefault('nemesis-loadbalancer', (what) =>
    logger.error('a right is missing: RBAC does not allow what this program needs', { reason: what }),
  );
  lifecycle.onStop('kubernetes client', () => api.close());
  const namespace = settings.watchNamespace === '' ? undefined : settings.watchNamespace;
  const watch = new ApplicationWatch(
    api,
    { systemNamespace: settings.systemNamespace, namespace },
    { logger, clock, random },
  );
  const budget = new HoldBudget(settings.holdBudgetMib * MIB);
  const announcements = new Announcements();
  const directory = new ApplicationDirectory({ watch, announcements, budget, clock, random });
  return { api, watch, budget, announcements, directory };
}

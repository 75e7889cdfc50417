import type { RequestListener } from 'node:http';
import { ClusterAccess, openAccess } from '../../shared/http/access.ts';
import { AuditLog } from '../../shared/http/audit-log.ts';
import { createManagementApp } from '../../shared/http/management-app.ts';
import { isLoopback, TokenGuard } from '../../shared/kubernetes/token-guard.ts';
import { close, listen } from '../../shared/http/listen.ts';
import { autoscalerOpenapi } from '../api/openapi.ts';
import { publishRefusal } from '../api/publish-refusal.ts';
import { managementRoutes } from '../api/routes.ts';
import { BALANCER_ACCOUNT } from '../controllers/application/balancers.ts';
import { createIngest } from '../ingest/ingest.ts';
import { ProgramTokens } from '../ingest/program-tokens.ts';
import { Rejections } from '../ingest/rejections.ts';
import type { ReportLimits } from '../ingest/report-limits.ts';
import type { History } from '../store/history.ts';
import type { Cluster } from './cluster.ts';
import type { Foundation } from './foundation.ts';
import type { Reconciliation } from './reconciliation.ts';
import type { Trust } from './trust.ts';

/** The audience of our programs' own tokens. */
const PROGRAMS_AUDIENCE = 'nemesis';

/** Opens the port for people and tools, and the one for programs. */
export async function startServers(
  foundation: Foundation,
  cluster: Cluster,
  reconciliation: Reconciliation,
  { certificates }: Trust,
  history: History,
  limits: ReportLimits,
): Promise<void> {
  const { settings, lifecycle, logger } = foundation;
  const { bindAddress: host, port, programsPort } = settings;
  const management = buildManagement(foundation, cluster, reconciliation, history);
  const programs = buildPrograms(foundation, cluster, reconciliation, limits);
  const options = { stopping: lifecycle.signal, logger };
  const servers = [
    await listen(management, { host, port }, options),
    await listen(programs, { host, port: programsPort }, { ...options, tls: certificates }),
  ];
  lifecycle.onStop('servers', async () => {
    reconciliation.stream.close();
    await Promise.all(servers.map((server) => close(server)));
  });
}

function buildManagement(
  { settings, logger, lifecycle, clock, registry }: Foundation,
  { api, watch }: Cluster,
  { collector, controller, publish }: Reconciliation,
  history: History,
): RequestListener {
  const namespaces = { everywhere: settings.watchNamespace, systemNamespace: settings.systemNamespace };
  return createManagementApp(
    {
      access: isGuarded(settings) ? new ClusterAccess(api, namespaces, { clock }) : openAccess(namespaces),
      audit: new AuditLog({ logger, clock, registry }, (entry) => publishRefusal(publish, entry, clock)),
      logger,
      registry,
      openapi: autoscalerOpenapi(),
      notReadyReason: () => (watch.synced ? undefined : 'waiting for the first sync'),
      stopping: lifecycle.signal,
    },
    managementRoutes({
      api,
      watch,
      collector,
      signalsOf: (each) => controller.signalsOf(each),
      explain: (key) => controller.explain(key),
      history,
      publish,
      clock,
    }),
  );
}

function buildPrograms(
  { settings, logger, clock, registry, metrics }: Foundation,
  { api, watch, balancerPods, isLeader }: Cluster,
  { sources, enqueue, stream }: Reconciliation,
  limits: ReportLimits,
): RequestListener {
  const review = new TokenGuard(api, [PROGRAMS_AUDIENCE], { clock });
  return createIngest(
    { logger, registry, notReadyReason: () => undefined },
    {
      watch,
      sidecars: sources.sidecars,
      balancers: sources.balancers,
      limits,
      stream,
      isLeader,
      metrics,
      rejections: new Rejections({ metrics, logger, clock }),
      tokens: isGuarded(settings) ? new ProgramTokens(api, PROGRAMS_AUDIENCE, { review, clock, logger }) : undefined,
      balancerAccount: { namespace: settings.systemNamespace, name: BALANCER_ACCOUNT },
      isBalancerPod: (uid) => [...balancerPods.objects.values()].some(({ metadata }) => metadata.uid === uid),
      clock,
      enqueue,
    },
  );
}

/** Whether callers must show who they are. */
function isGuarded({ bindAddress, openManagement }: Foundation['settings']): boolean {
  return !isLoopback(bindAddress) && !openManagement;
}

import '../shared/runtime/without-undici.ts';
import { collectDefaultMetrics, Registry } from 'prom-client';
import product from '../package.json' with { type: 'json' };
import { keyOf } from '../shared/kubernetes/reflector.ts';
import { systemClock } from '../shared/runtime/clock.ts';
import { createLifecycle, runProgram, type Lifecycle } from '../shared/runtime/lifecycle.ts';
import { createLogger } from '../shared/runtime/logger.ts';
import { readSettings } from '../shared/runtime/settings.ts';
import { startWebhooks } from './admission/start-webhooks.ts';
import { buildCluster, type Cluster } from './composition/cluster.ts';
import type { Foundation } from './composition/foundation.ts';
import { buildReconciliation, type Reconciliation } from './composition/reconciliation.ts';
import { startServers } from './composition/servers.ts';
import { stopLeadingFirst } from './composition/stop-leading.ts';
import { buildHistory } from './composition/store.ts';
import { buildTrust, type Trust } from './composition/trust.ts';
import { autoscalerSettings, checkAutoscalerSettings } from './config.ts';
import { ControllerMetrics } from './metrics/controller-metrics.ts';
import { LeaderLabel } from './controllers/leadership/leader-label.ts';
import { Orphans } from './controllers/orphans/orphans.ts';
import { ReportLimits } from './ingest/report-limits.ts';

/** The parts are built from the bottom up; each registers how it stops, and the last one built stops first. */
async function start(): Promise<Lifecycle> {
  const foundation = buildFoundation();
  const { settings, logger, lifecycle, registry } = foundation;
  const cluster = buildCluster(foundation);
  const history = buildHistory(foundation, cluster);
  const reconciliation = buildReconciliation(foundation, cluster, history);
  const trust = await buildTrust(foundation, cluster);
  const limits = new ReportLimits();
  startWatches(foundation, cluster, reconciliation, trust, limits);
  await startServers(foundation, cluster, reconciliation, trust, history, limits);

  const { api, watch, balancerPods } = cluster;
  await Promise.all([watch.firstSync(), balancerPods.firstSync]);
  const { certificates, distributor } = trust;
  if (certificates !== undefined) {
    await startWebhooks(settings, { api, version: product.version, certificates, watch, registry, logger, lifecycle });
  }
  distributor?.start();
  reconciliation.sources.resourceMetrics.start();
  reconciliation.sources.outside.start();
  startLeading(foundation, cluster, reconciliation, trust);
  stopLeadingFirst(lifecycle, { elector: cluster.elector, history, ...reconciliation });
  logger.info('ready', { port: settings.port, programsPort: settings.programsPort, identity: foundation.identity });
  return lifecycle;
}

function buildFoundation(): Foundation {
  const settings = readSettings(autoscalerSettings, process.env);
  checkAutoscalerSettings(settings);
  const logger = createLogger({ program: 'autoscaler', level: settings.logLevel, pod: settings.podName });
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return {
    settings,
    logger,
    lifecycle: createLifecycle({ logger, deadlineMs: settings.stopDeadlineSeconds * 1000 }),
    clock: systemClock,
    registry,
    metrics: new ControllerMetrics(registry),
    self: { namespace: settings.systemNamespace, podName: settings.podName },
    identity: `${settings.podName}_${settings.podUid}`,
  };
}

/** Starts the watches, and forgets what is gone. */
function startWatches(
  { logger, lifecycle }: Foundation,
  { api, watch, otherScalers, balancerPods, systems, isLeader }: Cluster,
  { collector, enqueue }: Reconciliation,
  { distributor }: Trust,
  limits: ReportLimits,
): void {
  balancerPods.onEvent(({ type, object }) => {
    if (type === 'delete') collector.traffic.forgetBalancer(object.metadata.uid);
    else distributor?.look(keyOf(object), object);
  });
  watch.pods.onEvent(({ type, object }) => {
    if (type === 'delete') {
      collector.pods.forget(keyOf(object));
      limits.forget(keyOf(object));
    } else {
      distributor?.look(keyOf(object), object);
    }
  });
  const orphans = new Orphans(api, { watch, isLeader, logger });
  orphans.start();
  watch.start(enqueue);
  otherScalers.start();
  balancerPods.start();
  systems.start();
  lifecycle.onStop('watches', () => {
    orphans.stop();
    watch.stop();
    otherScalers.stop();
    balancerPods.stop();
    systems.stop();
  });
}

/** Takes part in the election, and acts while this controller leads. */
function startLeading(
  { logger, lifecycle, metrics, self, identity }: Foundation,
  { api, elector, isLeader }: Cluster,
  { controller, ticker, stream }: Reconciliation,
  { distributor }: Trust,
): void {
  const leaderLabel = new LeaderLabel(api, self, { isLeader, logger });
  lifecycle.onStop('label of the leader', () => leaderLabel.stop());
  elector.start((leads) => {
    logger.info(leads ? 'leading' : 'not leading any more', { identity });
    metrics.leader.set(leads ? 1 : 0);
    controller.reset();
    leaderLabel.set(leads);
    if (leads) {
      ticker.enqueueAll();
      void distributor?.lookAtAll();
    } else {
      stream.disconnect();
    }
  });
  ticker.start();
}

await runProgram('autoscaler', start);

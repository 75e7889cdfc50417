import '../shared/runtime/without-undici.ts';
import { randomUUID } from 'node:crypto';
import { collectDefaultMetrics, Registry } from 'prom-client';
import product from '../package.json' with { type: 'json' };
import { ApplicationWatch } from '../shared/kubernetes/application-watch.ts';
import { EventRecorder } from '../shared/kubernetes/event-recorder.ts';
import { KubeApi } from '../shared/kubernetes/kube-api.ts';
import { LeaseElector } from '../shared/kubernetes/lease-elector.ts';
import type { Pod } from '../shared/kubernetes/objects.ts';
import { RESOURCES } from '../shared/kubernetes/paths.ts';
import { keyOf, Reflector } from '../shared/kubernetes/reflector.ts';
import { ClusterAccess, openAccess } from '../shared/http/access.ts';
import { AuditLog } from '../shared/http/audit-log.ts';
import { createGuardedApp } from '../shared/http/route.ts';
import { isLoopback, TokenGuard } from '../shared/kubernetes/token-guard.ts';
import { systemClock } from '../shared/runtime/clock.ts';
import { createLifecycle, runProgram, type Lifecycle } from '../shared/runtime/lifecycle.ts';
import { createLogger } from '../shared/runtime/logger.ts';
import { close, listen } from '../shared/runtime/management-server.ts';
import { readSettings } from '../shared/runtime/settings.ts';
import { startInjection } from './admission/start-injection.ts';
import { mountApplicationRoutes, publishRefusal } from './api/application-routes.ts';
import { openapiDocument } from './api/openapi.ts';
import { CaDistributor } from './certificates/ca-distributor.ts';
import { chooseCertificates } from './certificates/choose-certificates.ts';
import { autoscalerSettings, checkAutoscalerSettings } from './config.ts';
import { Actuator } from './controllers/application/actuator.ts';
import { ApplicationController } from './controllers/application/controller.ts';
import {
  BALANCER_ACCOUNT,
  BALANCER_SELECTOR,
  BalancerPresence,
  existingBalancers,
} from './controllers/application/balancers.ts';
import { ControllerMetrics } from './controllers/controller-metrics.ts';
import { KeyedQueue } from './controllers/keyed-queue.ts';
import { LeaderLabel } from './controllers/leadership/leader-label.ts';
import { Observations } from './controllers/application/observations.ts';
import { Orphans } from './controllers/orphans/orphans.ts';
import { OtherScalers } from './controllers/application/other-scalers.ts';
import { ScalingSpecs } from './controllers/application/scaling-spec.ts';
import { StatusWriter } from './controllers/application/status-writer.ts';
import { ApplicationRecorder } from './controllers/application/record.ts';
import { Ticker } from './controllers/ticker.ts';
import { UsageRecorder } from './controllers/usage/usage-recorder.ts';
import { MetricsCollector, type BalancerRef } from './domain/signals/metrics-collector.ts';
import { ReportPacing } from './domain/signals/report-pacing.ts';
import { KubernetesSink } from './events/kubernetes-sink.ts';
import { LogSink } from './events/log-sink.ts';
import { PrometheusSink } from './events/prometheus-sink.ts';
import { createPublisher } from './events/publisher.ts';
import { StoreSink } from './events/store-sink.ts';
import { HistoryCondition } from './store/history-condition.ts';
import { registerHistoryMetrics } from './store/history-metrics.ts';
import { History } from './store/history.ts';
import { BalancerStream } from './ingest/balancer-stream.ts';
import { createIngest } from './ingest/ingest-routes.ts';
import { ProgramTokens } from './ingest/program-tokens.ts';
import { Rejections } from './ingest/rejections.ts';
import { ReportLimits } from './ingest/report-limits.ts';

/** The audience of our programs' own tokens. */
const PROGRAMS_AUDIENCE = 'nemesis';

async function start(): Promise<Lifecycle> {
  const settings = readSettings(autoscalerSettings, process.env);
  checkAutoscalerSettings(settings);
  const identity = `${settings.podName}_${settings.podUid}`;
  const logger = createLogger({ program: 'autoscaler', level: settings.logLevel, pod: settings.podName });
  const lifecycle = createLifecycle({ logger, deadlineMs: settings.stopDeadlineSeconds * 1000 });
  const clock = systemClock;
  const random = Math.random;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const metrics = new ControllerMetrics(registry);

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
  const self = { namespace: settings.systemNamespace, podName: settings.podName };
  const historyCondition = new HistoryCondition(api, self, { logger, clock });
  lifecycle.onStop('condition of the history', () => historyCondition.stop());
  const history = new History(
    {
      file: settings.historyFile,
      databaseUrl: settings.databaseUrl === '' ? undefined : settings.databaseUrl,
      maxBytes: settings.historyMaxMib * 2 ** 20,
      retention: {
        decisions: settings.decisionDays,
        scalingEvents: settings.scalingEventDays,
        coldStarts: settings.coldStartDays,
        usage: settings.usageDays,
        audit: settings.auditDays,
      },
    },
    { logger, clock, onState: (state) => historyCondition.set(state) },
  );
  historyCondition.set(history.state);
  registerHistoryMetrics(history, registry);
  lifecycle.onStop('history', () => history.close());

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
  const isLeader = (): boolean => elector.isLeader();
  const collector = new MetricsCollector();
  const events = new EventRecorder(api, 'nemesis-autoscaler', { logger, clock });
  const publish = createPublisher(
    [new StoreSink(history), new KubernetesSink(events), new LogSink(logger), new PrometheusSink(metrics)],
    { logger },
  );
  const actuator = new Actuator(api, { isLeader, publish, logger });
  const stream = new BalancerStream(identity);
  lifecycle.onStop('stream to the balancers', () => stream.close());

  const balancers = (): readonly BalancerRef[] =>
    existingBalancers(
      balancerPods.objects.values(),
      (uid) => collector.knowsBalancer(uid),
      collector.livingBalancers(clock.monotonicMs()),
    );
  const usage = new UsageRecorder({ publish, clock });
  const pacing = new ReportPacing();
  const specs = new ScalingSpecs();
  const limits = new ReportLimits();
  const presence = new BalancerPresence(settings.noBalancerSeconds * 1000, clock.monotonicMs());
  const controller = new ApplicationController({
    watch,
    collector,
    balancers,
    balancersMissing: () => presence.missing(balancers().length, clock.monotonicMs()),
    otherScaler: (target) => otherScalers.find(target),
    isLeader,
    actuator,
    statusWriter: new StatusWriter(api, { isLeader, clock, logger }),
    recorder: new ApplicationRecorder({ publish, clock }),
    publish,
    specs,
    observations: new Observations({ watch, specs, usage, pacing, metrics }),
    metrics,
    clock,
    newId: randomUUID,
    requeue: (key) => queue.add(key),
  });
  const queue = new KeyedQueue(
    (key) => controller.reconcile(key),
    (application, error) => logger.error('an application could not be reconciled', { application, err: error }),
  );
  lifecycle.onStop('controller', () => queue.close());
  const enqueue = (key: string): void => queue.add(key);

  const ticker = new Ticker({ watch, isLeader, usage, enqueue });
  const certificates = chooseCertificates(settings, api, {
    logger,
    clock: systemClock,
    isLeader,
    knownForMs: () => distributor?.knownForMs(),
  });
  const distributor =
    certificates &&
    new CaDistributor(api, {
      certificates,
      pods: () => [watch.pods.objects, balancerPods.objects],
      // Certificates from files are told to the API server by whoever makes the files.
      withWebhook: settings.certificates === 'managed' && settings.sidecarImage !== '',
      isLeader,
      clock,
      logger,
    });
  await certificates?.start();
  lifecycle.onStop('certificates', () => {
    certificates?.stop();
    distributor?.stop();
  });

  balancerPods.onEvent(({ type, object }) => {
    if (type === 'delete') collector.forgetBalancer(object.metadata.uid);
    else distributor?.look(keyOf(object), object);
  });
  watch.pods.onEvent(({ type, object }) => {
    if (type === 'delete') {
      collector.forgetPod(keyOf(object));
      limits.forget(keyOf(object));
    } else {
      distributor?.look(keyOf(object), object);
    }
  });
  const orphans = new Orphans(api, { watch, isLeader, logger });
  orphans.start();
  watch.start(enqueue);
  otherScalers.start(() => ticker.enqueueAll());
  balancerPods.start();
  lifecycle.onStop('watches', () => {
    orphans.stop();
    watch.stop();
    otherScalers.stop();
    balancerPods.stop();
  });

  const guarded = !isLoopback(settings.bindAddress) && !settings.openManagement;
  const namespaces = { everywhere: settings.watchNamespace, systemNamespace: settings.systemNamespace };
  const management = createGuardedApp(
    {
      access: guarded ? new ClusterAccess(api, namespaces, { clock }) : openAccess(namespaces),
      audit: new AuditLog({ logger, clock, registry }, (entry) => publishRefusal(publish, entry, clock)),
      logger,
      registry,
      openapi: openapiDocument(),
      notReadyReason: () => (watch.synced ? undefined : 'waiting for the first sync'),
      stopping: lifecycle.signal,
    },
    (mount) => {
      mountApplicationRoutes(mount, {
        api,
        watch,
        collector,
        signalsOf: (each) => controller.signalsOf(each),
        history,
        publish,
        clock,
      });
    },
  );
  const programs = createIngest(
    { logger, registry, notReadyReason: () => undefined },
    {
      watch,
      collector,
      pacing,
      limits,
      stream,
      isLeader,
      metrics,
      rejections: new Rejections({ metrics, logger, clock }),
      tokens: guarded
        ? new ProgramTokens(api, PROGRAMS_AUDIENCE, {
            review: new TokenGuard(api, [PROGRAMS_AUDIENCE], { clock }),
            clock,
            logger,
          })
        : undefined,
      balancerAccount: { namespace: settings.systemNamespace, name: BALANCER_ACCOUNT },
      isBalancerPod: (uid) => [...balancerPods.objects.values()].some(({ metadata }) => metadata.uid === uid),
      clock,
      enqueue,
    },
  );
  const managementServer = await listen(
    management,
    { host: settings.bindAddress, port: settings.port },
    undefined,
    lifecycle.signal,
  );
  const programsServer = await listen(
    programs,
    { host: settings.bindAddress, port: settings.programsPort },
    certificates,
    lifecycle.signal,
  );
  lifecycle.onStop('servers', async () => {
    stream.close();
    await Promise.all([close(managementServer), close(programsServer)]);
  });

  await Promise.all([watch.firstSync(), balancerPods.firstSync]);
  if (certificates !== undefined) {
    await startInjection(settings, { api, version: product.version, certificates, watch, registry, logger, lifecycle });
  }
  distributor?.start();
  const leaderLabel = new LeaderLabel(api, self, logger);
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
  lifecycle.onStop('lease', () => elector.stop());
  ticker.start();
  lifecycle.onStop('ticker', async () => {
    ticker.stop();
    // Whatever the other steps wait for.
    await history.flush();
  });
  logger.info('ready', { port: settings.port, programsPort: settings.programsPort, identity });
  return lifecycle;
}

await runProgram('autoscaler', start);

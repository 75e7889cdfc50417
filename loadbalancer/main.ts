import '../shared/runtime/without-undici.ts';
import { setTimeout as delay } from 'node:timers/promises';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { ApplicationWatch } from '../shared/kubernetes/application-watch.ts';
import { KubeApi } from '../shared/kubernetes/kube-api.ts';
import { ClusterAccess, openAccess } from '../shared/http/access.ts';
import { AuditLog } from '../shared/http/audit-log.ts';
import { createManagementApp } from '../shared/http/management-app.ts';
import { bind } from '../shared/http/route.ts';
import { isLoopback } from '../shared/kubernetes/token-guard.ts';
import { systemClock } from '../shared/runtime/clock.ts';
import { createLifecycle, runProgram, type Lifecycle } from '../shared/runtime/lifecycle.ts';
import { createLogger } from '../shared/runtime/logger.ts';
import { close, listen } from '../shared/http/listen.ts';
import { ProgramCredentials } from '../shared/runtime/program-credentials.ts';
import { readSettings } from '../shared/runtime/settings.ts';
import { loadbalancerOpenapi } from './api/openapi.ts';
import { proxyRoutes } from './api/proxy/routes.ts';
import { SETTINGS_ROUTES } from './api/settings/routes.ts';
import { loadbalancerSettings } from './config.ts';
import { HoldBudget } from './domain/hold-queue.ts';
import { DataPlane } from './http1/data-plane.ts';
import { createDataPlaneMetrics } from './http1/ports.ts';
import { BalancerMetrics } from './report/balancer-metrics.ts';
import { ControllerClient } from './report/controller-client.ts';
import { TrafficReporter } from './report/traffic-reporter.ts';
import { StreamSink } from './request-log/line-sinks.ts';
import { RotatingFileSink } from './request-log/rotating-file-sink.ts';
import { RequestLog } from './request-log/request-log.ts';
import { Announcements } from './routing/announcements.ts';
import { ApplicationDirectory } from './routing/application-directory.ts';
import { StartProber } from './wake/start-prober.ts';
import { Waker } from './wake/waker.ts';

const MIB = 2 ** 20;
/** Without a controller the data port opens after so long. */
const INTRODUCTION_MS = 2_000;

async function start(): Promise<Lifecycle> {
  const settings = readSettings(loadbalancerSettings, process.env);
  const logger = createLogger({ program: 'loadbalancer', level: settings.logLevel, pod: settings.podName });
  const lifecycle = createLifecycle({ logger, deadlineMs: settings.stopDeadlineSeconds * 1000 });
  const clock = systemClock;
  const random = Math.random;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });

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

  const requestLog = new RequestLog(
    [
      new StreamSink(process.stdout),
      ...(settings.requestLogFile === ''
        ? []
        : [
            new RotatingFileSink({
              path: settings.requestLogFile,
              onError: (error) => logger.warn('the request log file cannot be written', { err: error }),
              onRecovered: (dropped) => logger.info('the request log file is written again', { dropped }),
            }),
          ]),
    ],
    { capacity: settings.requestLogEntries },
  );
  lifecycle.onStop('request log', () => requestLog.close());

  const budget = new HoldBudget(settings.holdBudgetMib * MIB);
  const announcements = new Announcements();
  const directory = new ApplicationDirectory({
    watch,
    announcements,
    budget,
    clock,
    random,
    onHeld: (application) => {
      waker.wake(application);
      prober.look(application);
      // The first one is news; the others are in the next report.
      if (application.queue.queued === 1) reporter.urgent();
    },
    onIdle: (application) => {
      if (application.drain !== undefined) reporter.urgent();
    },
    onUpdated: (application) => {
      waker.wake(application);
      prober.look(application);
      if (application.drain !== undefined) reporter.urgent();
    },
    onRemoved: (application) => waker.forget(application),
  });
  // While the API server is away, waiting is nobody's fault: the deadlines of what is held stand still.
  let reachable = true;
  const noteConnection = (): void => {
    const frozen = !reachable || !watch.connected;
    for (const { queue } of directory.all()) queue.freezeDeadlines(frozen, clock.monotonicMs());
  };
  watch.onConnection(noteConnection);
  const waker = new Waker(api, {
    clock,
    random,
    logger,
    onOutcome: (outcome, durationMs) => metrics.wakeCalled(outcome, durationMs),
    onReachable: (now) => {
      reachable = now;
      noteConnection();
    },
  });
  waker.keepWarm();
  const prober = new StartProber({
    announcements,
    clock,
    connect: (pod, timeoutMs) => plane.tryConnecting(pod, timeoutMs),
    onReady: (application) => directory.refreshPods(application),
  });
  const controller = new ControllerClient(settings.controllerUrl, {
    logger,
    random,
    credentials: new ProgramCredentials(settings, { maxSockets: 4 }),
    onAnnouncement: (announcement) => {
      const podKey = `${announcement.namespace}/${announcement.podName}`;
      const pod = watch.pods.objects.get(podKey);
      const key = pod === undefined ? undefined : watch.ownerOf(pod);
      const application = key === undefined ? undefined : directory.get(key);
      if (pod === undefined || application === undefined || pod.metadata.uid !== announcement.podUid) return;
      if (announcements.announce(pod, announcement, clock.monotonicMs())) directory.refreshPods(application);
    },
  });
  const reporter = new TrafficReporter({
    directory,
    self: { podName: settings.podName, podUid: settings.podUid },
    send: (report) => controller.report(report),
    clock,
  });
  const planeMetrics = createDataPlaneMetrics();
  const plane = new DataPlane({
    router: directory,
    clock,
    random,
    logger,
    metrics: planeMetrics,
    ...(settings.sourceAddress === '' ? {} : { sourceAddress: settings.sourceAddress }),
    onRequestLogged: (entry) => {
      requestLog.add(entry);
      metrics.requestEnded(entry);
    },
  });
  const applySettings = (): void => {
    plane.setConnectionBounds(watch.settings);
    plane.setTrustedProxies(watch.settings.trustedProxies);
  };
  const metrics = new BalancerMetrics(registry, { directory, plane: planeMetrics, clients: () => plane.clientCount });

  const state: { dataPort: number | undefined } = { dataPort: undefined };
  const guarded = !isLoopback(settings.bindAddress) && !settings.openManagement;
  const namespaces = { everywhere: settings.watchNamespace, systemNamespace: settings.systemNamespace };
  const management = createManagementApp(
    {
      access: guarded ? new ClusterAccess(api, namespaces, { clock }) : openAccess(namespaces),
      audit: new AuditLog({ logger, clock, registry }),
      logger,
      registry,
      openapi: loadbalancerOpenapi(),
      notReadyReason: () => (state.dataPort === undefined ? 'waiting for the first sync of the routes' : undefined),
      stopping: lifecycle.signal,
    },
    [
      ...bind(SETTINGS_ROUTES, { api, systemNamespace: settings.systemNamespace }),
      ...proxyRoutes({
        directory,
        requestLog,
        budget,
        dataPlane: () => ({ host: localAddress(settings.dataAddress), port: state.dataPort ?? settings.dataPort }),
      }),
    ],
  );
  const managementServer = await listen(
    management,
    { host: settings.bindAddress, port: settings.port },
    undefined,
    lifecycle.signal,
  );
  lifecycle.onStop('management server', () => close(managementServer));

  watch.pods.onEvent(({ type, object }) => {
    if (type === 'delete') announcements.forget(object.metadata.uid);
  });
  watch.start((key) => directory.update(key), applySettings);
  lifecycle.onStop('watches', () => watch.stop());
  lifecycle.onStop('wakes', () => {
    waker.stop();
    prober.stop();
  });
  void controller.listen();
  lifecycle.onStop('line to the controller', () => {
    reporter.stop();
    controller.close();
  });

  // Never a 404 for want of knowledge: the port opens when everything has been listed once.
  await watch.firstSync();
  applySettings();
  reporter.start();
  await reporter.introduced(INTRODUCTION_MS);
  state.dataPort = await plane.listen({ host: settings.dataAddress, port: settings.dataPort });
  lifecycle.onStop('data plane', async () => {
    // Unready first and still serving, until nobody sends new connections here any more.
    plane.announceClose();
    await delay(settings.drainSeconds * 1000);
    await plane.close(Math.max(0, (settings.stopDeadlineSeconds - settings.drainSeconds - 2) * 1000));
  });
  logger.info('ready', { dataPort: state.dataPort, port: settings.port });
  return lifecycle;
}

/** Where we reach our own data plane. */
function localAddress(bound: string): string {
  return bound === '0.0.0.0' || bound === '::' ? '127.0.0.1' : bound;
}

await runProgram('loadbalancer', start);

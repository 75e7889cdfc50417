import '../shared/runtime/without-undici.ts';
import { setTimeout as delay } from 'node:timers/promises';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { systemClock } from '../shared/runtime/clock.ts';
import { createLifecycle, runProgram, type Lifecycle } from '../shared/runtime/lifecycle.ts';
import { createLogger } from '../shared/runtime/logger.ts';
import { readSettings } from '../shared/runtime/settings.ts';
import { buildControllerLink, type ControllerLink } from './composition/controller-link.ts';
import { buildForwarding, type Forwarding } from './composition/data-plane.ts';
import type { Foundation } from './composition/foundation.ts';
import { startManagement } from './composition/management.ts';
import { buildRouting, type Routing } from './composition/routing.ts';
import { buildWake, type Wake } from './composition/wake.ts';
import { loadbalancerSettings } from './config.ts';

/** How long the data port waits for a controller before it opens without one. */
const INTRODUCTION_MS = 2_000;

/** The parts are built from the bottom up; each registers how it stops, and the last one built stops first. */
async function start(): Promise<Lifecycle> {
  const foundation = buildFoundation();
  const routing = buildRouting(foundation);
  const forwarding = buildForwarding(foundation, routing);
  const wake = buildWake(foundation, routing, forwarding);
  const link = buildControllerLink(foundation, routing);
  await startManagement(foundation, routing, forwarding);
  startWatching(foundation, routing, forwarding, wake, link);

  // Never a 404 for want of knowledge: the port opens when everything has been listed once.
  await routing.watch.firstSync();
  applySettings(routing, forwarding);
  link.reporter.start();
  await link.reporter.introduced(INTRODUCTION_MS);
  const dataPort = await openDataPort(foundation, forwarding);
  foundation.logger.info('ready', { dataPort, port: foundation.settings.port });
  return foundation.lifecycle;
}

function buildFoundation(): Foundation {
  const settings = readSettings(loadbalancerSettings, process.env);
  const logger = createLogger({ program: 'loadbalancer', level: settings.logLevel, pod: settings.podName });
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return {
    settings,
    logger,
    lifecycle: createLifecycle({ logger, deadlineMs: settings.stopDeadlineSeconds * 1000 }),
    clock: systemClock,
    random: Math.random,
    registry,
  };
}

/** Starts watching the cluster and listening to the controller. */
function startWatching(
  { lifecycle }: Foundation,
  routing: Routing,
  forwarding: Forwarding,
  { waker, prober }: Wake,
  { controller, reporter }: ControllerLink,
): void {
  const { watch, announcements, directory } = routing;
  watch.pods.onEvent(({ type, object }) => {
    if (type === 'delete') announcements.forget(object.metadata.uid);
  });
  watch.start(
    (key) => directory.update(key),
    () => applySettings(routing, forwarding),
  );
  lifecycle.onStop('watches', () => watch.stop());
  waker.keepWarm();
  lifecycle.onStop('wakes', () => {
    waker.stop();
    prober.stop();
  });
  void controller.listen();
  lifecycle.onStop('line to the controller', () => {
    reporter.stop();
    controller.close();
  });
}

function applySettings({ watch }: Routing, { plane }: Forwarding): void {
  plane.setConnectionBounds(watch.settings);
  plane.setTrustedProxies(watch.settings.trustedProxies);
}

async function openDataPort({ settings, lifecycle }: Foundation, { plane }: Forwarding): Promise<number> {
  const port = await plane.listen({ host: settings.dataAddress, port: settings.dataPort });
  lifecycle.onStop('data plane', async () => {
    // Unready first but still serving, until no new connections are sent here.
    plane.announceClose();
    await delay(settings.drainSeconds * 1000);
    await plane.close(Math.max(0, (settings.stopDeadlineSeconds - settings.drainSeconds - 2) * 1000));
  });
  return port;
}

await runProgram('loadbalancer', start);

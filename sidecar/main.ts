import '../shared/runtime/without-undici.ts';
import type { PodMetrics } from '../shared/model/measurements.ts';
import { ProgramCredentials } from '../shared/runtime/program-credentials.ts';
import { close } from '../shared/http/server-close.ts';
import { readSettings, SettingsError } from '../shared/runtime/settings.ts';
import { Announcer } from './announce/announcer.ts';
import { sidecarSettings } from './config.ts';
import { untilClosed } from './drain/drain.ts';
import { createLog } from './log.ts';
import { ProcessFinder } from './measure/processes.ts';
import { Sampler } from './measure/sampler.ts';
import { SlowSignalReader } from './measure/slow-signals.ts';
import { Sockets } from './measure/sockets.ts';
import { openapiDocument } from './openapi.ts';
import { Reporter } from './report/reporter.ts';
import { startServer } from './server.ts';

const PROC = '/proc';

/** The composition of the sidecar. */
async function start(): Promise<void> {
  const settings = readSettings(sidecarSettings, process.env);
  const log = createLog(settings.logLevel, { program: 'sidecar', pod: settings.podName });
  const { podName, podUid, namespace, podIp, appPort, processMarker } = settings;
  const random = Math.random;

  const mark = processMarker === '' ? undefined : `${processMarker}=${process.env[processMarker] ?? ''}`;
  const sockets = new Sockets(PROC, podIp);
  const slow = new SlowSignalReader(log);
  const sampler = new Sampler({
    root: PROC,
    finder: new ProcessFinder(PROC, process.pid, mark),
    sockets,
    slow: () => slow.latest,
    podIp,
    appPort,
    livenessPath: settings.livenessPath,
    ownNamespaces: mark === undefined,
    onRefused: () => announcer.noteGone(),
  });
  const pod = { podName, podUid, namespace };
  const credentials = new ProgramCredentials(settings, { maxSockets: 2 });
  const reporter = new Reporter(settings.controllerUrl, pod, credentials, {
    log,
    random,
    intervalMs: settings.intervalMs,
  });
  const announcer = new Announcer({
    podIp,
    appPort,
    askedPort: settings.announcePort === 0 ? appPort : settings.announcePort,
    announcePath: settings.announcePath,
    send: (word) => reporter.announce({ ...pod, ...word }),
    onAnnounced: (tookMs) => log('info', 'announced that the application can answer', { tookMs: Math.round(tookMs) }),
  });

  const stopping = new AbortController();
  let latest: PodMetrics = {};
  const server = await startServer(
    { host: podIp, port: settings.port },
    {
      sockets,
      appPort,
      drainTimes: { minMs: settings.drainMinMs, maxMs: settings.drainMaxMs },
      drainToken: settings.drainToken,
      podIp,
      latest: () => latest,
      backlog: () => reporter.waiting,
      openapi: openapiDocument,
      log,
      stopping: stopping.signal,
    },
  );
  let measuring = false;
  const measure = async (): Promise<void> => {
    if (measuring) return;
    measuring = true;
    try {
      latest = await sampler.sample();
      await reporter.report(latest);
    } catch (error) {
      log('error', 'a measurement failed', { reason: String(error) });
    } finally {
      measuring = false;
    }
  };
  const timer = setInterval(() => void measure(), settings.intervalMs);
  slow.start();
  void reporter.connect();
  if (settings.announce && appPort !== 0) {
    announcer.run().catch((error: unknown) => log('error', 'announcing ended', { reason: String(error) }));
  }
  log('info', 'measuring', { appPort, intervalMs: settings.intervalMs });

  const stop = async (signal: string): Promise<void> => {
    log('info', 'stopping', { reason: signal });
    announcer.stop();
    stopping.abort();
    await untilClosed(sockets, appPort, settings.drainMaxMs);
    clearInterval(timer);
    slow.stop();
    // A drain under way is the longest answer.
    await close(server, settings.drainMaxMs);
    process.exit();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop(signal));
}

try {
  await start();
} catch (error) {
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(`sidecar: ${error instanceof SettingsError ? text : `did not start: ${text}`}\n`);
  process.exit(1);
}

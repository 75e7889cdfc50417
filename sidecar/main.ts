import '../shared/runtime/without-undici.ts';
import { ProgramCredentials } from '../shared/runtime/program-credentials.ts';
import { close } from '../shared/http/server-close.ts';
import { readSettings, SettingsError, type SettingValues } from '../shared/runtime/settings.ts';
import { Announcer } from './announce/announcer.ts';
import { sidecarSettings } from './config.ts';
import { untilClosed } from './drain/drain.ts';
import { createLog, type Log } from './log.ts';
import { MeasuringLoop } from './measure/measuring-loop.ts';
import { ProcessFinder } from './measure/processes.ts';
import { Sampler, type SamplerDeps } from './measure/sampler.ts';
import { SlowSignalReader } from './measure/slow-signals.ts';
import { Sockets } from './measure/sockets.ts';
import { openapiDocument } from './openapi.ts';
import { Reporter } from './report/reporter.ts';
import { startServer } from './server.ts';

const PROC = '/proc';

type SidecarSettings = SettingValues<typeof sidecarSettings>;

/** The composition of the sidecar. */
async function start(): Promise<void> {
  const settings = readSettings(sidecarSettings, process.env);
  const log = createLog(settings.logLevel, { program: 'sidecar', pod: settings.podName });
  const { podName, podUid, namespace, podIp, appPort, intervalMs } = settings;
  const pod = { podName, podUid, namespace };
  const credentials = new ProgramCredentials(settings, { maxSockets: 2 });
  const reporter = new Reporter(settings.controllerUrl, pod, credentials, { log, random: Math.random, intervalMs });
  const announcer = createAnnouncer(settings, reporter, log);
  const sockets = new Sockets(PROC, podIp);
  const slow = new SlowSignalReader(log);
  const sampler = createSampler(settings, { sockets, slow: () => slow.latest, onRefused: () => announcer.noteGone() });
  const measuring = new MeasuringLoop({ sampler, reporter, log });

  const stopping = new AbortController();
  const server = await startServer(
    { host: podIp, port: settings.port },
    {
      sockets,
      appPort,
      drainTimes: { minMs: settings.drainMinMs, maxMs: settings.drainMaxMs },
      drainToken: settings.drainToken,
      podIp,
      latest: () => measuring.latest,
      backlog: () => reporter.waiting,
      openapi: openapiDocument,
      log,
      stopping: stopping.signal,
    },
  );
  measuring.start(intervalMs);
  slow.start();
  void reporter.connect();
  if (settings.announce && appPort !== 0) {
    announcer.run().catch((error: unknown) => log('error', 'announcing ended', { reason: String(error) }));
  }
  log('info', 'measuring', { appPort, intervalMs });

  const stop = async (signal: string): Promise<void> => {
    log('info', 'stopping', { reason: signal });
    announcer.stop();
    stopping.abort();
    await untilClosed(sockets, appPort, settings.drainMaxMs);
    measuring.stop();
    slow.stop();
    // A drain under way is the longest answer.
    await close(server, settings.drainMaxMs);
    process.exit();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop(signal));
}

function createAnnouncer(settings: SidecarSettings, reporter: Reporter, log: Log): Announcer {
  const { podName, podUid, namespace, podIp, appPort, announcePort, announcePath } = settings;
  return new Announcer({
    podIp,
    appPort,
    askedPort: announcePort === 0 ? appPort : announcePort,
    announcePath,
    send: (word) => reporter.announce({ podName, podUid, namespace, ...word }),
    onAnnounced: (tookMs) => log('info', 'announced that the application can answer', { tookMs: Math.round(tookMs) }),
  });
}

function createSampler(
  { podIp, appPort, livenessPath, processMarker }: SidecarSettings,
  deps: Pick<SamplerDeps, 'sockets' | 'slow' | 'onRefused'>,
): Sampler {
  const mark = processMarker === '' ? undefined : `${processMarker}=${process.env[processMarker] ?? ''}`;
  return new Sampler({
    root: PROC,
    finder: new ProcessFinder(PROC, process.pid, mark),
    podIp,
    appPort,
    livenessPath,
    ownNamespaces: mark === undefined,
    ...deps,
  });
}

try {
  await start();
} catch (error) {
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(`sidecar: ${error instanceof SettingsError ? text : `did not start: ${text}`}\n`);
  process.exit(1);
}

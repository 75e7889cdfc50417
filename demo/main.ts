import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { applyManifest } from './apply.ts';
import { ClusterView, processesWith } from './cluster-view.ts';
import { APPLICATION, demoApplication } from './demo-application.ts';
import { ModelClient } from './model-client.ts';
import { DEMO_PORTS, portState } from './ports.ts';
import { Screen } from './screen.ts';
import { startStack, type Stack } from './stack.ts';
import { claimStateDirectory } from './state-directory.ts';
import { printInvitation, showStatus } from './stay.ts';
import type { TourContext } from './tour-context.ts';
import { tour } from './tour.ts';

const ROOT = join(import.meta.dirname, '..');
const silent = (): void => undefined;
const quiet = { debug: silent, info: silent, warn: silent, error: silent };

/** `make demo`: the tour, then the product stays up. Resolves to the exit code. */
async function demo(screen: Screen, once: boolean, ended: AbortSignal): Promise<number> {
  const fixedPorts = await chooseAddresses(screen);
  if (fixedPorts === undefined) return 1;
  const directory = claimStateDirectory(join(ROOT, '.nemesis'));
  const run = randomUUID();
  let stack: Stack | undefined;
  let view: ClusterView | undefined;
  let client: ModelClient | undefined;
  let failed = false;
  try {
    const beganMs = performance.now();
    stack = await screen.during(
      'a local cluster starts, with autoscaler and load balancer on it',
      startDemoStack(directory.path, fixedPorts, run),
    );
    const url = (fixed: number, own: string): string => (fixedPorts ? `http://127.0.0.1:${fixed}` : own);
    const dataUrl = url(8080, stack.dataUrl());
    view = new ClusterView(stack.api, APPLICATION.namespace, APPLICATION.name, quiet);
    for (const manifest of demoApplication()) await applyManifest(stack.api, manifest);
    view.start();
    await view.until('the application to be seen asleep', 10_000, (now) => now.phase === 'Asleep');
    const seconds = ((performance.now() - beganMs) / 1000).toFixed(1);
    screen.say(`  A local cluster, the product and a model that sleeps are up after ${seconds} s.`);

    client = new ModelClient(`${dataUrl}${APPLICATION.path}`);
    const context: TourContext = {
      screen,
      view,
      client,
      balancerUrl: url(8081, stack.balancerUrl()),
      autoscalerUrl: url(8090, stack.autoscalerUrl()),
      processes: () => processesWith(`DEMO_RUN=${run}`),
    };
    await Promise.race([tour(context), whenEnded(ended)]);
    if (!once && !ended.aborted) {
      printInvitation(context, dataUrl, stack.cluster.kubeconfigPath);
      await showStatus(context, ended);
    }
    return 0;
  } catch (error) {
    if (ended.aborted) return 0;
    failed = true;
    screen.say(`\n  ✘ ${error instanceof Error ? error.message : String(error)}`);
    screen.say(`    The logs of all pods are in ${directory.path}/cluster.`);
    return 1;
  } finally {
    view?.stop();
    client?.close();
    if (stack !== undefined) await screen.during('everything is ended', stack.stop());
    if (!failed) directory.release();
  }
}

/** @param run - marks the processes of this demo's application */
function startDemoStack(directory: string, fixedPorts: boolean, run: string): Promise<Stack> {
  const sentiment = {
    command: [process.execPath, join(ROOT, 'examples', 'sentiment', 'server.ts')],
    workingDirectory: ROOT,
    env: { DEMO_RUN: run },
  };
  return startStack({
    directory,
    serviceType: fixedPorts ? 'LoadBalancer' : 'ClusterIP',
    images: { 'examples/sentiment': sentiment },
  });
}

/** Whether the usual ports can be had; undefined: the demo cannot run at all. */
async function chooseAddresses(screen: Screen): Promise<boolean | undefined> {
  let fixed = true;
  for (const [port, purpose] of Object.entries(DEMO_PORTS)) {
    const state = await portState(Number(port));
    if (state === 'free') continue;
    const find = `ss -ltnp 'sport = :${port}'`;
    if (state === 'everywhere') {
      screen.say(`Another program listens on port ${port} of all addresses, so there is no place for ${purpose}.`);
      screen.say(`Find it with: ${find}   End it, then start the demo again.`);
      return undefined;
    }
    screen.say(`Port ${port} of 127.0.0.1 (${purpose}) is taken by another program (find it with: ${find}).`);
    fixed = false;
  }
  if (!fixed) screen.say('The demo uses addresses of its own instead; it prints them.\n');
  return fixed;
}

function whenEnded(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

const ended = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => ended.abort());
const screen = new Screen(process.stdout, process.env);
process.exit(await demo(screen, process.env['ONCE'] === '1', ended.signal));

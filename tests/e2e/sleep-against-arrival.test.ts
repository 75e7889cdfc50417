import { expect } from 'chai';
import type { Installation } from './support/installation.ts';
import { waitFor } from '../../demo/wait-for.ts';
import type { Deployment, KubernetesObject } from '../../shared/kubernetes/objects.ts';
import { RESOURCES, type ResourceType } from '../../shared/kubernetes/paths.ts';
import { Reflector } from '../../shared/kubernetes/reflector.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { TestApp } from './support/app.ts';
import { programPods } from './support/programs.ts';
import { send } from './support/send.ts';
import { sharedInstallation } from './support/shared-installation.ts';

const ROUNDS = 300;
const APPLICATIONS = 20;
/** An application that idles for a second and did not begin to sleep for so long sleeps already. */
const MISSED_MS = 10_000;
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

type Watched = KubernetesObject & {
  readonly status?: {
    readonly phase?: string;
    readonly drainId?: string;
    readonly conditions?: { type: string; reason: string }[];
  };
};

/** A request sent when the watch had shown Draining, with what the watches showed around it. */
interface Round {
  readonly status: number;
  readonly arrivedMs: number;
  readonly drainingMs: number;
  /** When replicas became 0, or the sleep was called off because of the request. */
  readonly endedMs: number;
  readonly ended: 'scaled' | 'calledOff';
}

describe('Sleep against arrival', function () {
  this.timeout(240_000);

  it(`${ROUNDS} requests aimed at the moment of going to sleep: none fails, and at least 30 % came between hold and scale call`, async () => {
    const installation = await sharedInstallation();
    const watch = new SleepWatch(installation);
    await watch.start();
    // Past the Service, whose forwarder shares this process with the test.
    const balancer = `http://${(await programPods(installation, 'loadbalancer'))[0]?.status?.podIP ?? ''}:8080`;
    const rounds: Round[] = [];
    const worker = async (index: number): Promise<void> => {
      const app = await TestApp.create(installation, { replicas: 1, spec: { sleep: { idleSeconds: 1 } } });
      for (let round = 0; round < ROUNDS / APPLICATIONS; round += 1)
        rounds.push(await aim(app, watch, balancer, (index + round) % 3));
      await app.remove();
    };
    await Promise.all(Array.from({ length: APPLICATIONS }, (_, index) => worker(index)));
    watch.stop();

    expect(rounds).to.have.length(ROUNDS);
    expect(rounds.filter(({ status }) => status !== 200)).to.deep.equal([]);
    const between = rounds.filter(
      ({ arrivedMs, drainingMs, endedMs }) => arrivedMs >= drainingMs && arrivedMs <= endedMs,
    );
    const calledOff = between.filter(({ ended }) => ended === 'calledOff').length;
    process.stdout.write(
      `      ${between.length} of ${ROUNDS} arrived between hold and scale call (${calledOff} sleeps called off, ${between.length - calledOff} scaled and woken)\n`,
    );
    expect(between.length).to.be.at.least(ROUNDS * 0.3);
  });
});

/** Waits until the application begins to sleep, sends a request some milliseconds later, and says what came first. */
async function aim(app: TestApp, watch: SleepWatch, balancer: string, delayMs: number): Promise<Round> {
  let drainingMs = await watch.nextDrain(app.namespace);
  // A drain that this process saw too late has put it to sleep: woken, it begins another.
  while (drainingMs === undefined) {
    await send(`${balancer}${app.prefix}/`);
    drainingMs = await watch.nextDrain(app.namespace);
  }
  if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
  const answer = await send(`${balancer}${app.prefix}/`);
  const arrivedMs = await loggedAt(app);
  const end = await watch.endOf(app.namespace, drainingMs);
  return { status: answer.status, arrivedMs, drainingMs, endedMs: end.atMs, ended: end.kind };
}

/** When the balancer had read the head of the newest request, epoch ms. */
async function loggedAt(app: TestApp): Promise<number> {
  const answer = await app.installation.balancer(`/proxy/logs?limit=1&target=${app.namespace}/app`);
  const [entry] = JSON.parse(answer.body) as { timestamp: string }[];
  return Date.parse(entry?.timestamp ?? '');
}

/** Notes when sleeps begin and how they end, by watches of its own. */
class SleepWatch {
  readonly #autoscalers: Reflector<Watched>;
  readonly #deployments: Reflector<Deployment>;
  readonly #waiting = new Map<string, (atMs: number) => void>();
  readonly #ends = new Map<string, { atMs: number; kind: Round['ended'] }[]>();

  constructor(installation: Installation) {
    const deps = { logger: silent, clock: systemClock, random: Math.random };
    const of = (resource: ResourceType) => ({ resource });
    this.#autoscalers = new Reflector<Watched>(installation.api, of(RESOURCES.autoscalers), deps);
    this.#deployments = new Reflector<Deployment>(installation.api, of(RESOURCES.deployments), deps);
    this.#autoscalers.onEvent((event) => {
      if (event.type !== 'set') return;
      const { namespace = '' } = event.object.metadata;
      const before = event.previous?.status?.phase;
      const phase = event.object.status?.phase;
      if (before !== 'Draining' && phase === 'Draining') this.#waiting.get(namespace)?.(Date.now());
      if (before === 'Draining' && phase === 'Active')
        push(this.#ends, namespace, { atMs: Date.now(), kind: 'calledOff' });
    });
    this.#deployments.onEvent((event) => {
      if (event.type !== 'set') return;
      const { namespace = '' } = event.object.metadata;
      const before = event.previous?.spec.replicas ?? 0;
      if (before > 0 && event.object.spec.replicas === 0)
        push(this.#ends, namespace, { atMs: Date.now(), kind: 'scaled' });
    });
  }

  async start(): Promise<void> {
    this.#autoscalers.start();
    this.#deployments.start();
    await Promise.all([this.#autoscalers.firstSync, this.#deployments.firstSync]);
  }

  stop(): void {
    this.#autoscalers.stop();
    this.#deployments.stop();
  }

  /** When the next drain begins; resolves in the turn in which the watch shows it. Undefined: none did for long. */
  async nextDrain(namespace: string): Promise<number | undefined> {
    return await new Promise<number | undefined>((resolve) => {
      const timer = setTimeout(resolve, MISSED_MS, undefined);
      this.#waiting.set(namespace, (atMs) => {
        clearTimeout(timer);
        resolve(atMs);
      });
    });
  }

  /** How the drain that began then ended. */
  async endOf(namespace: string, drainingMs: number): Promise<{ atMs: number; kind: Round['ended'] }> {
    const find = () => this.#ends.get(namespace)?.find(({ atMs }) => atMs >= drainingMs);
    await waitFor(`the sleep of ${namespace} to end`, 20_000, () => find() !== undefined, 20);
    return find() ?? { atMs: Number.NaN, kind: 'scaled' };
  }
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  map.set(key, [...(map.get(key) ?? []), value]);
}

import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { waitFor } from '../../demo/wait-for.ts';
import type { Pod } from '../../shared/kubernetes/objects.ts';
import { IMAGE } from '../e2e/support/cluster-installation.ts';
import type { Installation } from '../e2e/support/installation.ts';
import { signal, SYSTEM, waitUntilSettled } from '../e2e/support/programs.ts';
import { sharedInstallation } from '../e2e/support/shared-installation.ts';
import { apply, kubectl, kubectlJson } from './support/commands.ts';

type InjectedPod = Pod & {
  readonly spec: {
    readonly initContainers?: readonly { readonly name: string }[];
    readonly containers: readonly { readonly name: string; readonly lifecycle?: { readonly preStop?: unknown } }[];
  };
};

describe('Injection on a cluster', function () {
  this.timeout(120_000);
  const namespace = `injection-${randomBytes(4).toString('hex')}`;
  let installation: Installation;

  before(async function () {
    this.timeout(60_000);
    installation = await sharedInstallation();
    // Nothing may run there that is not "restricted".
    const labels = { 'nemesis.io/injection': 'enabled', 'pod-security.kubernetes.io/enforce': 'restricted' };
    apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } });
  });
  after(async () => {
    await kubectl('delete', 'namespace', namespace, '--wait=false');
  });

  const container = (name: string, program: string, more: Record<string, unknown> = {}) => ({
    name,
    image: IMAGE,
    imagePullPolicy: 'IfNotPresent',
    command: ['node', '-e', program],
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    ...more,
  });
  const securityContext = { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } };
  const forever = 'setInterval(() => undefined, 1000); process.on("SIGTERM", () => process.exit())';
  const podOf = async (...selector: string[]): Promise<InjectedPod | undefined> =>
    (await kubectlJson<{ items: InjectedPod[] }>('-n', namespace, 'get', 'pods', ...selector)).items[0];
  const podNamed = async (name: string): Promise<InjectedPod> =>
    await kubectlJson<InjectedPod>('-n', namespace, 'get', 'pod', name);
  const namesOf = (pod: InjectedPod | undefined) => pod?.spec.initContainers?.map(({ name }) => name) ?? [];

  it('a Job in a restricted namespace is injected, does its work and completes', async () => {
    apply({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'work', namespace },
      spec: {
        template: {
          spec: {
            restartPolicy: 'Never',
            securityContext,
            initContainers: [container('first', '0')],
            containers: [container('work', 'setTimeout(() => console.log("done"), 500)')],
          },
        },
      },
    });
    await kubectl('-n', namespace, 'wait', '--for=condition=complete', 'job/work', '--timeout=60s');
    const pod = await podOf('-l', 'job-name=work');
    expect(namesOf(pod)).to.have.members(['first', 'nemesis-sidecar']);
    expect(await kubectl('-n', namespace, 'logs', 'job/work', '-c', 'work')).to.include('done');
  });

  it('several containers, an init container and an own preStop hook: all run, the hook is kept and told', async () => {
    const own = { exec: { command: ['node', '-e', '0'] } };
    apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'several', namespace },
      spec: {
        securityContext,
        terminationGracePeriodSeconds: 10,
        initContainers: [container('first', '0')],
        containers: [
          container('app', forever, { ports: [{ containerPort: 8080 }] }),
          container('helper', forever, { lifecycle: { preStop: own } }),
        ],
      },
    });
    await kubectl('-n', namespace, 'wait', '--for=condition=ready', 'pod/several', '--timeout=60s');
    const pod = await podNamed('several');
    expect(namesOf(pod)).to.have.members(['first', 'nemesis-sidecar']);
    const [app, helper] = pod.spec.containers;
    expect(JSON.stringify(app?.lifecycle?.preStop)).to.include('/drain');
    expect(helper?.lifecycle?.preStop).to.deep.equal(own);
    expect(pod.metadata.annotations?.['nemesis.io/kept-prestop']).to.equal('helper');
    await waitFor('the sidecar to measure', 20_000, async () => {
      const log = await kubectl('-n', namespace, 'logs', 'several', '-c', 'nemesis-sidecar');
      return log.includes('"measuring"') && !log.includes('do not take');
    });
    await kubectl('-n', namespace, 'delete', 'pod', 'several', '--timeout=30s');
  });

  it('a pod that opts out stays as it is', async () => {
    apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'without', namespace, labels: { 'nemesis.io/inject': 'false' } },
      spec: { securityContext, containers: [container('app', forever)] },
    });
    expect(namesOf(await podNamed('without'))).to.deep.equal([]);
  });

  it('without a controller pods start all the same, without a sidecar', async () => {
    await kubectl('-n', SYSTEM, 'scale', 'deployment', 'nemesis-autoscaler', '--replicas=0');
    try {
      await kubectl(
        '-n',
        SYSTEM,
        'wait',
        '--for=delete',
        'pod',
        '-l',
        'app.kubernetes.io/component=autoscaler',
        '--timeout=60s',
      );
      apply({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'meanwhile', namespace },
        spec: { securityContext, containers: [container('app', forever)] },
      });
      await kubectl('-n', namespace, 'wait', '--for=condition=ready', 'pod/meanwhile', '--timeout=60s');
      expect(namesOf(await podNamed('meanwhile'))).to.deep.equal([]);
    } finally {
      await kubectl('-n', SYSTEM, 'scale', 'deployment', 'nemesis-autoscaler', '--replicas=1');
      await kubectl('-n', SYSTEM, 'rollout', 'status', 'deployment', 'nemesis-autoscaler', '--timeout=60s');
    }
  });

  it('a controller that hangs holds no pod up for much longer than two seconds', async () => {
    await waitUntilSettled(installation);
    await signal(installation, 'autoscaler', 'SIGSTOP');
    try {
      const beganMs = performance.now();
      apply({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'hung', namespace },
        spec: { securityContext, containers: [container('app', forever)] },
      });
      const tookMs = performance.now() - beganMs;
      process.stdout.write(`      the pod was made after ${Math.round(tookMs)} ms\n`);
      expect(tookMs).to.be.within(1_900, 20_000);
      expect(namesOf(await podNamed('hung'))).to.deep.equal([]);
    } finally {
      await signal(installation, 'autoscaler', 'SIGCONT');
    }
  });

  it("the controller's authority is renewed: sidecars, balancers and the webhook go on", async () => {
    await waitUntilSettled(installation);
    apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'alive', namespace },
      spec: { securityContext, containers: [container('app', forever)] },
    });
    await kubectl('-n', namespace, 'wait', '--for=condition=ready', 'pod/alive', '--timeout=60s');
    expect(namesOf(await podNamed('alive'))).to.deep.equal(['nemesis-sidecar']);
    // As after years: the Secret is gone and made anew, so that nothing that was trusted before is of any use.
    await kubectl('-n', SYSTEM, 'delete', 'secret', 'nemesis-ca');
    await kubectl('-n', SYSTEM, 'rollout', 'restart', 'deployment', 'nemesis-autoscaler');
    await kubectl('-n', SYSTEM, 'rollout', 'status', 'deployment', 'nemesis-autoscaler', '--timeout=90s');
    await waitFor('a pod to be injected again', 60_000, async () => {
      await kubectl('-n', namespace, 'delete', 'pod', 'again', '--ignore-not-found', '--grace-period=0', '--force');
      apply({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'again', namespace },
        spec: { securityContext, containers: [container('app', forever)] },
      });
      return namesOf(await podNamed('again')).length === 1;
    });
    await waitUntilSettled(installation);
    // By the pod that was there before. The controller is a new one, and has counted from 0.
    await kubectl('-n', namespace, 'delete', 'pod', 'again', '--grace-period=0', '--force');
    const taken = async (kind: string): Promise<number> => {
      const { body } = await installation.autoscaler('/metrics');
      return Number(new RegExp(`nemesis_reports_total\\{kind="${kind}",result="taken"\\} (\\d+)`).exec(body)?.[1] ?? 0);
    };
    const before = await taken('metrics');
    await waitFor('balancers and sidecars to report', 90_000, async () => {
      return (await taken('traffic')) > 0 && (await taken('metrics')) > before + 2;
    });
  });
});

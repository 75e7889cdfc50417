import { expect } from 'chai';
import { servingNames } from '../../autoscaler/certificates/certificates.ts';
import { createAuthority, issueServerCertificate } from '../../autoscaler/certificates/x509.ts';
import { waitFor } from '../../demo/wait-for.ts';
import { TestApp } from '../e2e/support/app.ts';
import { IMAGE } from '../e2e/support/cluster-installation.ts';
import { kill, leaderOf, programPods, SYSTEM, waitUntilSettled } from '../e2e/support/programs.ts';
import { sharedInstallation, stopSharedInstallation } from '../e2e/support/shared-installation.ts';
import { send } from '../e2e/support/send.ts';
import { apply, kubectl, run } from './support/commands.ts';
import { objectsIn, sidecarByHand } from './support/manifests.ts';
import { loseAndPutBack, rightsIn } from './support/rights.ts';
import { ensureStorage } from './support/storage.ts';

const withImage = (object: object): object =>
  JSON.parse(JSON.stringify(object).replaceAll('localhost/nemesis:0.1.0', IMAGE)) as object;

describe('Other ways to install', function () {
  this.timeout(300_000);
  const install = async (overlay: string): Promise<void> => {
    await run('make', ['install', `OVERLAY=${overlay}`], { IMAGE });
    await kubectl('-n', SYSTEM, 'rollout', 'status', 'deployment', '--timeout=120s');
    await stopSharedInstallation();
  };

  it('high-availability: two controllers and three balancers; the leader dies and requests do not notice', async () => {
    await install('high-availability');
    const installation = await sharedInstallation();
    await waitFor('the pods', 90_000, async () => {
      const [controllers, balancers] = [
        await programPods(installation, 'autoscaler'),
        await programPods(installation, 'loadbalancer'),
      ];
      return controllers.length === 2 && balancers.length === 3;
    });
    await waitUntilSettled(installation);
    const leader = await leaderOf(installation);
    const app = await TestApp.create(installation, { replicas: 1, spec: { sleep: { idleSeconds: 1 } } });
    await app.waitUntilGone(90_000);
    // Its pod, not only its process: that would lead again at once, being the same pod.
    await kubectl('-n', SYSTEM, 'delete', 'pod', leader ?? '', '--grace-period=0', '--force');
    expect((await app.send('/')).status).to.equal(200);
    await waitFor('another leader', 60_000, async () => {
      const now = await leaderOf(installation);
      return now !== undefined && now !== leader;
    });
    await app.waitUntilGone(90_000);
    await app.remove();
  });

  it('high-availability: one of three balancers is killed in the middle of a wake; nothing but its own sockets is lost', async () => {
    const installation = await sharedInstallation();
    await waitUntilSettled(installation);
    const app = await TestApp.create(installation, {
      env: { START_MS: '3000' },
      spec: { sleep: { idleSeconds: 600 } },
    });
    await app.waitForPhase('Asleep');
    const held = (await programPods(installation, 'loadbalancer')).map(({ metadata, status }) => {
      const url = `http://${status?.podIP ?? ''}:8080${app.prefix}/`;
      const answer = (): Promise<number> =>
        send(url).then(
          (each) => each.status,
          () => 0,
        );
      return { name: metadata.name, statuses: Promise.all(Array.from({ length: 5 }, answer)) };
    });
    expect(held).to.have.length(3);
    await waitFor('the wake', 10_000, async () => (await app.replicas()) === 1);
    await kill(installation, 'loadbalancer', held[0]?.name);
    const statuses = await Promise.all(held.map((each) => each.statuses));
    expect(statuses).to.deep.equal([Array(5).fill(0), Array(5).fill(200), Array(5).fill(200)]);
    expect(await app.changes()).to.deep.equal(['0>1']);
    await waitUntilSettled(installation);
    await app.remove();
  });

  it('persistent: the history outlives the pod, and an upgrade with another overlay leaves it where it is', async () => {
    await run('make', ['uninstall', 'OVERLAY=high-availability'], { IMAGE });
    await ensureStorage();
    await install('persistent');
    const installation = await sharedInstallation();
    await waitUntilSettled(installation);
    const app = await TestApp.create(installation, { replicas: 1, spec: { sleep: { idleSeconds: 600 } } });
    const path = `/api/v1/history/decisions?limit=1000&application=${app.namespace}/app`;
    const recorded = async (): Promise<number> => {
      const { json } = await installation.autoscaler(path);
      return (json as { items?: unknown[] }).items?.length ?? 0;
    };
    await waitFor('a decision on record', 20_000, async () => (await recorded()) > 0);
    await kubectl('-n', SYSTEM, 'delete', 'pod', (await leaderOf(installation)) ?? '');
    await waitUntilSettled(installation);
    expect(await recorded()).to.be.greaterThan(0);
    await install('default');
    const volume = '{.spec.template.spec.volumes[?(@.name=="history")].persistentVolumeClaim.claimName}';
    expect(await kubectl('-n', SYSTEM, 'get', 'deployment', 'nemesis-autoscaler', '-o', `jsonpath=${volume}`)).to.equal(
      'nemesis-history',
    );
    await app.remove();
  });

  it('one namespace only: sleeps and wakes there, and sees no other', async () => {
    await run('make', ['uninstall', 'OVERLAY=persistent'], { IMAGE });
    apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'models' } });
    await install('namespaced');
    const installation = await sharedInstallation();
    const elsewhere = await TestApp.create(installation, { replicas: 1, spec: { sleep: { idleSeconds: 1 } } });
    const here = await TestApp.create(installation, {
      namespace: 'models',
      replicas: 1,
      spec: { sleep: { idleSeconds: 1 } },
    });
    await here.waitUntilGone(90_000);
    // There is no webhook in one namespace, so its sidecar is put in by hand.
    const deployment = JSON.stringify(here.deploymentManifest({}));
    apply(...sidecarByHand(deployment, { NEMESIS_APP_PORT: '9000' }).map(withImage));
    await here.patch({ sleep: { idleSeconds: 600 } });
    expect((await here.send('/')).status).to.equal(200);
    await expectMeasured(here);
    await here.patch({ sleep: { idleSeconds: 1 } });
    expect((await elsewhere.status()).phase).to.equal(undefined);
    expect((await elsewhere.send('/')).status).to.equal(404);
    const rights = await kubectl(
      'auth',
      'can-i',
      '--list',
      '--as',
      `system:serviceaccount:${SYSTEM}:nemesis-autoscaler`,
      '-n',
      'default',
    );
    expect(rights).to.not.match(/deployments|pods/);
    // What this overlay gives beyond the base is needed as well: tests/cluster/rbac.test.ts tries the others.
    for (const right of rightsIn('overlays/namespaced')) {
      if (right.role.metadata.name !== 'nemesis-autoscaler-system' || right.resource !== 'pods') continue;
      await loseAndPutBack(
        right,
        () => undefined,
        () => Promise.resolve(),
      );
    }
    await waitUntilSettled(installation);
    await here.waitUntilGone(90_000);
    const said = await run('make', ['uninstall', 'OVERLAY=namespaced'], { IMAGE });
    expect(said).to.include('models/app: scaled from 0 to 1.').and.to.not.include(elsewhere.namespace);
    expect(await here.replicas()).to.equal(1);
    expect(await kubectl('get', 'clusterroles,roles', '-A', '-o', 'name')).to.not.include('nemesis');
    await elsewhere.remove();
    await here.remove();
    await waitFor('the namespace to go', 60_000, async () => !(await here.exists()));
    await install('default');
  });

  it('cert-manager: sidecars, balancers and the webhook live on the certificate of its Secret', async () => {
    // What cert-manager does is done here: the Secret, and the bundle of the webhook's configuration.
    const life = { notBeforeMs: Date.now() - 60_000, notAfterMs: Date.now() + 3_600_000 };
    const authority = createAuthority('nemesis-authority', life);
    const { cert, key } = issueServerCertificate(authority, servingNames(SYSTEM), life);
    apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'nemesis-autoscaler-tls', namespace: SYSTEM },
      stringData: { 'tls.crt': cert, 'tls.key': key, 'ca.crt': authority.cert },
    });
    await kubectl('-n', SYSTEM, 'delete', 'secret', 'nemesis-ca');
    const objects = objectsIn(await kubectl('kustomize', 'manifests/overlays/cert-manager')).filter(
      ({ apiVersion }) => !apiVersion.startsWith('cert-manager.io/'),
    );
    apply(...objects.map(withImage));
    const caBundle = Buffer.from(authority.cert).toString('base64');
    const patch = [0, 1].map((index) => ({
      op: 'add',
      path: `/webhooks/${index}/clientConfig/caBundle`,
      value: caBundle,
    }));
    await kubectl(
      ...['patch', 'mutatingwebhookconfiguration', 'nemesis-injection', '--type=json', '-p', JSON.stringify(patch)],
    );
    const first = JSON.stringify(patch.slice(0, 1));
    await kubectl('patch', 'validatingwebhookconfiguration', 'nemesis-validation', '--type=json', '-p', first);
    await kubectl('-n', SYSTEM, 'rollout', 'status', 'deployment', '--timeout=120s');
    await stopSharedInstallation();
    const installation = await sharedInstallation();
    await waitUntilSettled(installation);
    const app = await TestApp.create(installation, { sidecar: true, spec: { sleep: { idleSeconds: 1 } } });
    await app.waitForPhase('Asleep');
    expect((await app.send('/')).status).to.equal(200);
    await app.patch({ sleep: { idleSeconds: 600 } });
    await expectMeasured(app);
    await app.patch({ sleep: { idleSeconds: 1 } });
    // Which it does only with the reports of the balancers.
    await app.waitUntilGone(90_000);
    expect(await kubectl('-n', SYSTEM, 'get', 'secret', 'nemesis-ca', '--ignore-not-found')).to.equal('');
    await app.remove();
    await install('default');
    await kubectl('-n', SYSTEM, 'delete', 'secret', 'nemesis-autoscaler-tls');
  });

  /** A sidecar in its pod reports. */
  async function expectMeasured(app: TestApp): Promise<void> {
    await waitFor('the sidecar to report', 40_000, async () => {
      const { json } = await app.installation.autoscaler(`/api/v1/applications/${app.namespace}/app/pods`);
      const items = json['items'] as { metrics: { cpuUsage?: number; memoryUsage?: number } | null }[];
      return items[0]?.metrics?.cpuUsage !== undefined && (items[0].metrics.memoryUsage ?? 0) > 1;
    });
  }
});

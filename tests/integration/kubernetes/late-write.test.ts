import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { KubeConfig } from '@kubernetes/client-node';
import { expect } from 'chai';
import { waitFor } from '../../../demo/wait-for.ts';
import { LocalCluster } from '@k8s-nemesis/localcluster';
import { KubeApi } from '../../../shared/kubernetes/kube-api.ts';
import type { Deployment } from '../../../shared/kubernetes/objects.ts';
import { writeScale } from '../../../shared/kubernetes/scale.ts';

const path = '/apis/apps/v1/namespaces/default/deployments';

describe('A write that a frozen controller makes too late', function () {
  this.timeout(30_000);
  const directory = mkdtempSync(join(tmpdir(), 'late-write-'));
  let cluster: LocalCluster;
  let api: KubeApi;

  before(async () => {
    cluster = await LocalCluster.start({ directory, images: {} });
    const config = new KubeConfig();
    config.loadFromFile(cluster.kubeconfigPath);
    api = new KubeApi(config, 'test');
  });
  after(async () => {
    api.close();
    await cluster.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Freezes a process between its decision and its write, and says what came of the write after the thaw. */
  async function freezeAndThaw(meanwhile: (seen: Deployment) => Promise<unknown>): Promise<string> {
    await api.request('POST', path, {
      body: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'app' },
        spec: {
          replicas: 1,
          // No ReplicaSet is made, so nobody but the two writers touches it.
          paused: true,
          selector: { matchLabels: { app: 'app' } },
          template: { metadata: { labels: { app: 'app' } }, spec: { containers: [{ name: 'app', image: 'none' }] } },
        },
      },
    });
    await waitFor('the Deployment to be observed', 5_000, async () => {
      const { metadata, status } = await api.request<Deployment>('GET', `${path}/app`);
      return status?.observedGeneration === metadata.generation;
    });
    const child = spawn(process.execPath, [join(import.meta.dirname, 'support', 'late-writer.ts')], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, KUBECONFIG: cluster.kubeconfigPath },
    });
    try {
      const lines = createInterface(child.stdout);
      expect(await once(lines, 'line')).to.deep.equal(['decided']);
      child.kill('SIGSTOP');
      await waitFor('the process to be frozen', 5_000, () =>
        / \(.*\) T /.test(readFileSync(`/proc/${child.pid ?? 0}/stat`, 'latin1')),
      );
      child.stdin.write('write\n');
      await meanwhile(await api.request<Deployment>('GET', `${path}/app`));
      const outcome = once(lines, 'line');
      child.kill('SIGCONT');
      return String((await outcome)[0]);
    } finally {
      child.kill('SIGKILL');
    }
  }

  async function replicas(): Promise<number | undefined> {
    return (await api.request<Deployment>('GET', `${path}/app`)).spec.replicas;
  }
  afterEach(async () => api.request('DELETE', `${path}/app`));

  it('is refused with a conflict when another controller has written meanwhile', async () => {
    const outcome = await freezeAndThaw(({ metadata }) =>
      writeScale(api, {
        namespace: 'default',
        name: 'app',
        replicas: 2,
        resourceVersion: metadata.resourceVersion,
        fieldManager: 'other',
      }),
    );
    expect(outcome).to.include('KubeError').and.to.include('the object has been modified');
    expect(await replicas()).to.equal(2);
  });

  it('lands when nobody has, which shows that it is the fence that refuses it', async () => {
    expect(await freezeAndThaw(() => Promise.resolve())).to.equal('landed');
    expect(await replicas()).to.equal(0);
  });
});

/* eslint-disable @typescript-eslint/no-unsafe-class-instance-assignment -- the client takes plain literals for its model classes */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AppsV1Api,
  CoreV1Api,
  AdmissionregistrationV1Api,
  KubeConfig,
  Watch,
  type V1Pod,
} from '@kubernetes/client-node';
import { expect } from 'chai';
import { LocalCluster } from '@k8s-nemesis/localcluster';

const program = `require('http').createServer((q, r) => r.end(process.env.GREETING + ' ' + process.env.POD_IP)).listen(8080, process.env.POD_IP)`;

describe('a local cluster', function () {
  this.timeout(30_000);
  let directory: string;
  let cluster: LocalCluster;
  let config: KubeConfig;
  let core: CoreV1Api;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'localcluster-'));
    cluster = await LocalCluster.start({ directory, images: { node: { command: [process.execPath] } } });
    config = new KubeConfig();
    config.loadFromFile(cluster.kubeconfigPath);
    core = config.makeApiClient(CoreV1Api);
  });

  afterEach(async () => {
    await cluster.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Waits for a pod that fits, by a watch. */
  function podWhere(fits: (pod: V1Pod) => boolean): Promise<V1Pod> {
    return new Promise((resolve, reject) => {
      let stop: AbortController | undefined;
      const seen = (_type: string, pod: V1Pod): void => {
        if (!fits(pod)) return;
        resolve(pod);
        stop?.abort();
      };
      new Watch(config)
        .watch('/api/v1/namespaces/default/pods', {}, seen, () => undefined)
        .then((controller) => {
          stop = controller;
        }, reject);
    });
  }

  const ready = (pod: V1Pod): boolean =>
    pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;

  async function deploy(): Promise<V1Pod> {
    const container = {
      name: 'app',
      image: 'node',
      command: ['node', '-e', program],
      env: [{ name: 'GREETING', value: 'hello' }],
      ports: [{ name: 'http', containerPort: 8080 }],
      readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 1 },
    };
    await config.makeApiClient(AppsV1Api).createNamespacedDeployment({
      namespace: 'default',
      body: {
        metadata: { name: 'web' },
        spec: {
          selector: { matchLabels: { app: 'web' } },
          template: { metadata: { labels: { app: 'web' } }, spec: { containers: [container] } },
        },
      },
    });
    return podWhere(ready);
  }

  it('forwards a Service to a ready pod', async () => {
    const service = {
      metadata: { name: 'web' },
      spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }] },
    };
    await core.createNamespacedService({ namespace: 'default', body: service });
    const pod = await deploy();
    const answer = await fetch(`http://${cluster.resolve('web.default.svc') ?? ''}/`);
    expect(await answer.text()).to.equal(`hello ${pod.status?.podIP ?? ''}`);
  });

  it('asks mutating webhooks about the pods that a ReplicaSet makes', async () => {
    const webhook: Server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const review = JSON.parse(Buffer.concat(chunks).toString()) as { request: { uid: string } };
        const patch = [{ op: 'add', path: '/metadata/labels/injected', value: 'yes' }];
        const answer = {
          uid: review.request.uid,
          allowed: true,
          patchType: 'JSONPatch',
          patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
        };
        response.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer }));
      });
    });
    await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
    const rules = [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }];
    const url = `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/`;
    await config.makeApiClient(AdmissionregistrationV1Api).createMutatingWebhookConfiguration({
      body: {
        metadata: { name: 'inject' },
        webhooks: [
          {
            name: 'inject.example.com',
            clientConfig: { url },
            rules,
            sideEffects: 'None',
            admissionReviewVersions: ['v1'],
          },
        ],
      },
    });
    const pod = await deploy();
    webhook.close();
    expect(pod.metadata?.labels?.['injected']).to.equal('yes');
  });

  it('restarts a container that is killed', async () => {
    const pod = await deploy();
    const name = pod.metadata?.name ?? '';
    const restarted = podWhere((item) => (item.status?.containerStatuses?.[0]?.restartCount ?? 0) > 0 && ready(item));
    cluster.faults.signalContainer('default', name, 'app', 'SIGKILL');
    const status = (await restarted).status?.containerStatuses?.[0];
    expect(status?.lastState?.terminated?.exitCode).to.equal(137);
  });

  it('refuses connections while its API is paused, and answers on the same address afterwards', async () => {
    await cluster.faults.pauseApi('refuse');
    const failure = await core.listNamespace().then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).to.be.instanceOf(Error);
    await cluster.faults.resumeApi();
    expect((await core.listNamespace()).items.map(({ metadata }) => metadata?.name)).to.include('default');
  });

  it('leaves no process behind when it stops', async () => {
    const pod = await deploy();
    const pid = cluster.faults.containerPid('default', pod.metadata?.name ?? '') ?? 0;
    expect(existsSync(`/proc/${pid}`)).to.equal(true);
    await cluster.stop();
    expect(() => process.kill(pid, 0)).to.throw();
  });
});

import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { Registry } from 'prom-client';
import { hasNativeSidecars } from '../../../autoscaler/admission/cluster-version.ts';
import { applicationOfPod, Injector, type InjectorDeps } from '../../../autoscaler/admission/injector.ts';
import type { AdmissionAnswer } from '../../../autoscaler/admission/review.ts';
import { AutoscalerValidator } from '../../../autoscaler/admission/autoscaler-validator.ts';
import { createWebhookApp } from '../../../autoscaler/admission/webhook-server.ts';
import type { ApplicationSnapshot } from '../../../shared/kubernetes/application-watch.ts';
import { close, listen } from '../../../shared/http/listen.ts';
import { application, autoscaler } from '../../support/builders.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { pod } from './injection-support.ts';

function review(request: object): object {
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: { uid: 'r1', ...request } };
}

function operationsOf({ response }: AdmissionAnswer): { path: string }[] {
  return JSON.parse(Buffer.from(response.patch ?? '', 'base64').toString() || '[]') as { path: string }[];
}

describe('The webhook', () => {
  let server: Server;
  let registry: Registry;
  let deps: InjectorDeps;
  beforeEach(async () => {
    registry = new Registry();
    deps = {
      image: 'nemesis:1',
      controllerUrl: 'https://c',
      version: '1',
      systemNamespace: 'nemesis-system',
      ca: () => 'PEM',
      native: () => true,
      applicationOf: () => undefined,
      registry,
      logger: silentLogger,
    };
    await serve();
  });
  afterEach(() => close(server));

  async function serve(): Promise<void> {
    const app = createWebhookApp(
      { injector: new Injector(deps), validator: new AutoscalerValidator(deps) },
      { logger: silentLogger, registry },
    );
    server = await listen(app, { host: '127.0.0.1', port: 0 });
  }
  async function post(body: string): Promise<{ status: number; answer: AdmissionAnswer & { code?: string } }> {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/inject?timeout=5s`;
    const answer = await fetch(url, { method: 'POST', body });
    return { status: answer.status, answer: (await answer.json()) as AdmissionAnswer & { code?: string } };
  }
  const ask = async (request: object) => (await post(JSON.stringify(review(request)))).answer;
  async function counted(result: string): Promise<number> {
    const values = (await registry.getSingleMetric('nemesis_injection_total')?.get())?.values ?? [];
    return values.find(({ labels }) => labels['result'] === result)?.value ?? 0;
  }

  it('answers with a patch, and keeps the uid of the question', async () => {
    const answer = await ask({ namespace: 'n', operation: 'CREATE', object: pod() });
    expect(answer).to.deep.include({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' });
    expect(answer.response).to.deep.include({ uid: 'r1', allowed: true, patchType: 'JSONPatch' });
    expect(operationsOf(answer).map(({ path }) => path)).to.deep.equal([
      '/metadata/annotations',
      '/spec/containers/0/lifecycle',
      '/spec/initContainers',
      '/spec/volumes',
      '/spec/shareProcessNamespace',
    ]);
    expect(await counted('injected')).to.equal(1);
  });

  it('says why a pod gets no sidecar, within what the API server prints', async () => {
    const { response } = await ask({ namespace: 'n', object: pod({ hostNetwork: true }) });
    expect(response).not.to.have.property('patch');
    expect(response.warnings).to.have.length(1);
    expect(response.warnings?.[0]).to.match(/^nemesis: /);
    expect(response.warnings?.[0]?.length).to.be.at.most(256);
    expect(await counted('skipped')).to.equal(1);
  });

  const untouched: [string, object][] = [
    ['a pod of our own namespace', { namespace: 'nemesis-system', object: pod() }],
    ['another kind', { namespace: 'n', kind: { group: 'apps', version: 'v1', kind: 'Deployment' }, object: pod() }],
    ['an update', { namespace: 'n', operation: 'UPDATE', object: pod() }],
    ['a subresource', { namespace: 'n', subResource: 'ephemeralcontainers', object: pod() }],
    ['a deletion', { namespace: 'n', operation: 'DELETE', object: null }],
    ['no object', { namespace: 'n' }],
    ['an object that is no pod', { namespace: 'n', object: { spec: { containers: 'x' } } }],
  ];
  for (const [what, request] of untouched) {
    it(`lets ${what} through as it is`, async () => {
      const { response } = await ask(request);
      expect(response).to.deep.equal({ uid: 'r1', allowed: true });
    });
  }

  it('lets a pod through when something of ours throws', async () => {
    await close(server);
    registry.clear();
    deps = {
      ...deps,
      applicationOf: () => {
        throw new Error('broken');
      },
    };
    await serve();
    const { response } = await ask({ namespace: 'n', object: pod() });
    expect(response).to.deep.equal({
      uid: 'r1',
      allowed: true,
      warnings: ['nemesis: this pod gets no sidecar: broken'],
    });
    expect(await counted('failed')).to.equal(1);
  });

  for (const [what, body] of [
    ['no JSON', '{'],
    ['nothing', ''],
    ['a list', '[]'],
    ['another version', JSON.stringify({ ...review({}), apiVersion: 'admission.k8s.io/v1beta1' })],
    ['no request', JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' })],
    ['no uid', JSON.stringify(review({ uid: undefined }))],
  ] as const) {
    it(`refuses ${what} with a problem`, async () => {
      const { status, answer } = await post(body);
      expect({ status, code: answer.code }).to.deep.equal({ status: 400, code: 'InvalidBody' });
    });
  }

  it('refuses more than the API server sends', async () => {
    const { status, answer } = await post(`"${'x'.repeat(3 * 2 ** 20)}"`);
    expect({ status, code: answer.code }).to.deep.equal({ status: 413, code: 'ContentTooLarge' });
  });
});

describe('What the webhook knows of a pod and its cluster', () => {
  const owner = { kind: 'ReplicaSet', name: 'web-app-7d4b9', controller: true };
  const onPort = (port: string): ApplicationSnapshot => application({ resource: autoscaler({ route: { port } }) });
  const watchOf = (byTarget: Record<string, ApplicationSnapshot>) => ({
    applicationOfTarget: (target: string) => byTarget[target],
  });
  const made = pod({}, { ownerReferences: [owner], labels: { 'pod-template-hash': '7d4b9' } });

  it("finds the Autoscaler by the Deployment's name, in the pod's namespace", () => {
    const watch = watchOf({
      'other/web-app': onPort('a'),
      'n/web': onPort('b'),
      'n/web-app': onPort('c'),
    });
    expect(applicationOfPod(watch, made, 'n')).to.deep.equal({ port: 'c', announceProbe: undefined });
    expect(applicationOfPod(watch, made, 'nowhere')).to.equal(undefined);
  });

  it('knows none for pods of no Deployment', () => {
    const watch = watchOf({ 'n/web-app': onPort('c') });
    for (const metadata of [
      {},
      { ownerReferences: [owner] },
      { ownerReferences: [owner], labels: { 'pod-template-hash': 'x' } },
      { ownerReferences: [{ ...owner, kind: 'StatefulSet' }], labels: { 'pod-template-hash': '7d4b9' } },
    ]) {
      expect(applicationOfPod(watch, pod({}, metadata), 'n')).to.equal(undefined);
    }
  });

  it('knows from which version on sidecars are native', () => {
    const native = (major: string, minor: string) => hasNativeSidecars({ major, minor });
    expect(['28', '28+', '9'].map((minor) => native('1', minor))).to.deep.equal([false, false, false]);
    expect(['29', '29+', '34'].map((minor) => native('1', minor))).to.deep.equal([true, true, true]);
    expect(native('2', '0')).to.equal(true);
    expect(native('', '')).to.equal(false);
  });
});

import { expect } from 'chai';
import { CaDistributor } from '../../../autoscaler/certificates/ca-distributor.ts';
import type { Certificates } from '../../../autoscaler/certificates/certificates.ts';
import { KubeError, type KubeRequestOptions } from '../../../shared/kubernetes/kube-api.ts';
import type { ObjectMeta, Pod, Volume } from '../../../shared/kubernetes/objects.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { kubeClient } from '../../support/kube-client.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { until } from '../../support/until.ts';

const FIELD = "metadata.annotations['nemesis.io/ca']";
const base64 = (text: string): string => Buffer.from(text).toString('base64');

interface Patch {
  readonly path: string;
  readonly body: unknown;
}

/** A world with pods, a webhook's configuration and a bundle that can change. */
class World {
  readonly clock = new FakeClock();
  readonly pods = new Map<string, Pod>();
  readonly patches: Patch[] = [];
  readonly warnings: string[] = [];
  leads = true;
  ca = 'one';
  caBundle: string | undefined = base64('one');
  configuration: 'there' | number = 'there';
  refuse: number | undefined;
  /** Names of the webhooks that validate. */
  validating: string[] = [];

  readonly distributor = new CaDistributor(kubeClient(this.#request.bind(this)), {
    certificates: this.#certificates(),
    pods: () => [this.pods],
    withWebhook: true,
    isLeader: () => this.leads,
    clock: this.clock,
    logger: { ...silentLogger, warn: (message: string) => void this.warnings.push(message) },
  });

  /** Puts a pod in; `ca` undefined: without the annotation. */
  pod(
    name: string,
    ca: string | undefined,
    fields: { metadata?: Partial<ObjectMeta>; phase?: string; volumes?: Volume[] } = {},
  ): Pod {
    const items = [{ path: 'ca.crt', fieldRef: { fieldPath: FIELD } }];
    const pod: Pod = {
      metadata: {
        name,
        namespace: 'n',
        uid: `uid-${name}`,
        resourceVersion: '1',
        creationTimestamp: '',
        annotations: ca === undefined ? {} : { 'nemesis.io/ca': ca },
        ...fields.metadata,
      },
      spec: {
        containers: [],
        volumes: fields.volumes ?? [{ name: 'v', projected: { sources: [{}, { downwardAPI: { items } }] } }],
      },
      status: { phase: fields.phase ?? 'Running' },
    };
    this.pods.set(`n/${name}`, pod);
    return pod;
  }

  #certificates(): Certificates {
    const ca = (): string => this.ca;
    return {
      current: () => ({ cert: '', key: '' }),
      get ca() {
        return ca();
      },
      onChange: () => undefined,
      start: () => Promise.resolve(),
      stop: () => undefined,
    };
  }

  #request(method: string, path: string, { body }: KubeRequestOptions = {}): Promise<unknown> {
    const forWebhook = path.includes('webhookconfigurations');
    const validating = path.includes('validatingwebhookconfigurations');
    if (forWebhook && this.configuration !== 'there') {
      return Promise.reject(new KubeError(this.configuration, 'x', 'refused'));
    }
    if (method === 'GET') {
      const clientConfig = this.caBundle === undefined ? {} : { caBundle: this.caBundle };
      return Promise.resolve({
        webhooks: (validating ? this.validating : ['a', 'b']).map((name) => ({ name, clientConfig })),
      });
    }
    if (!forWebhook && this.refuse !== undefined) return Promise.reject(new KubeError(this.refuse, 'x', 'refused'));
    this.patches.push({ path, body });
    if (forWebhook) this.caBundle = base64(this.ca);
    else this.pod(path.split('/').at(-1) ?? '', this.ca);
    return Promise.resolve({});
  }
}

describe('The distribution of the authority', () => {
  it('tells each pod that shows it and lacks it, by its UID, and no other', async () => {
    const world = new World();
    const items = [{ path: 'x', fieldRef: { fieldPath: FIELD } }];
    const emptyDir = { name: 'v', emptyDir: {} };
    world.pod('lacks', undefined);
    world.pod('old', 'zero');
    world.pod('plain-volume', undefined, { volumes: [{ name: 'v', downwardAPI: { items } }] });
    world.pod('right', 'one');
    world.pod('other-volume', undefined, { volumes: [emptyDir] });
    world.pod('no-volume', undefined, { volumes: [] });
    world.pod('terminating', undefined, { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } });
    world.pod('done', undefined, { phase: 'Succeeded' });
    await world.distributor.lookAtAll();
    await until(() => world.patches.length >= 3);
    const uids = ['lacks', 'old', 'plain-volume'];
    expect(world.patches).to.have.deep.members(
      uids.map((name) => ({
        path: `/api/v1/namespaces/n/pods/${name}`,
        body: {
          metadata: { uid: `uid-${name}`, annotations: { 'nemesis.io/ca': 'one' } },
        },
      })),
    );
  });

  it('tells the API server for each of its webhooks, and only what it does not know', async () => {
    const world = new World();
    world.caBundle = undefined;
    await world.distributor.lookAtAll();
    await world.distributor.lookAtAll();
    expect(world.patches).to.deep.equal([
      {
        path: '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/nemesis-injection',
        body: [
          { op: 'test', path: '/webhooks/0/name', value: 'a' },
          { op: 'add', path: '/webhooks/0/clientConfig/caBundle', value: base64('one') },
          { op: 'test', path: '/webhooks/1/name', value: 'b' },
          { op: 'add', path: '/webhooks/1/clientConfig/caBundle', value: base64('one') },
        ],
      },
    ]);
  });

  it('tells it for the webhooks that validate, too', async () => {
    const world = new World();
    world.validating = ['v'];
    world.caBundle = undefined;
    await world.distributor.lookAtAll();
    await world.distributor.lookAtAll();
    expect(world.patches.map(({ path }) => path)).to.deep.equal([
      '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/nemesis-injection',
      '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/nemesis-validation',
    ]);
  });

  it('does nothing where another leads', async () => {
    const world = new World();
    world.leads = false;
    world.caBundle = undefined;
    world.distributor.look('n/a', world.pod('a', undefined));
    await world.distributor.lookAtAll();
    expect(world.patches).to.deep.equal([]);
    expect(world.distributor.knownForMs()).to.equal(undefined);
  });

  it('knows for how long everybody has had the bundle; pods that are new do not matter', async () => {
    const world = new World();
    world.pod('a', 'one');
    await world.distributor.lookAtAll();
    world.clock.advance(1000);
    expect(world.distributor.knownForMs()).to.equal(1000);
    world.distributor.look('n/new', world.pod('new', undefined));
    expect(world.distributor.knownForMs()).to.equal(1000);
    world.ca = 'two';
    expect(world.distributor.knownForMs(), 'another bundle').to.equal(undefined);
    await world.distributor.lookAtAll();
    expect(world.distributor.knownForMs(), 'a pod has the one before').to.equal(undefined);
    await until(() =>
      [...world.pods.values()].every(({ metadata }) => metadata.annotations?.['nemesis.io/ca'] === 'two'),
    );
    await world.distributor.lookAtAll();
    expect(world.distributor.knownForMs()).to.equal(0);
    world.leads = false;
    expect(world.distributor.knownForMs()).to.equal(undefined);
  });

  it('is content without a configuration, and without a right to it', async () => {
    for (const status of [404, 403]) {
      const world = new World();
      world.configuration = status;
      await world.distributor.lookAtAll();
      await world.distributor.lookAtAll();
      expect(world.distributor.knownForMs()).to.equal(0);
      expect(world.warnings).to.have.length(status === 403 ? 1 : 0);
    }
    const world = new World();
    world.configuration = 500;
    await world.distributor.lookAtAll();
    expect(world.distributor.knownForMs(), 'an API server that may not know it').to.equal(undefined);
  });

  it('says what it may not do once in five minutes, and tries again', async () => {
    const world = new World();
    world.refuse = 403;
    for (const name of ['a', 'b', 'c']) world.pod(name, undefined);
    await world.distributor.lookAtAll();
    await until(() => world.warnings.length > 0);
    await world.distributor.lookAtAll();
    world.refuse = undefined;
    await world.distributor.lookAtAll();
    await until(() => world.patches.length === 3);
    expect(world.warnings).to.have.length(1);
  });
});

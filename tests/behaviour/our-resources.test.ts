/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access -- a cluster's answers are open JSON; every test asserts what it reads */
import { expect } from 'chai';
import { waitFor } from '../../demo/wait-for.ts';
import { customResourceDefinitions } from '../../shared/api/crd.ts';
import { autoscalerSpecSchema } from '../../shared/api/autoscaler.ts';
import { loadBalancerSettingsSpecSchema } from '../../shared/api/load-balancer-settings.ts';
import { call, merge, ok, type Reply } from './support/cluster.ts';
import { condition, useNamespace } from './support/workloads.ts';

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
function automaton(transition: object): object {
  return { initial: 'A', states: [{ name: 'A', transitions: [{ to: 'A', ...transition }] }] };
}

const good = { scaleTargetRef: { name: 'app' }, route: { pathPrefix: '/app' } };

describe('our custom resources', function () {
  this.timeout(30_000);
  const namespace = useNamespace();
  const path = (plural = 'autoscalers'): string => `/apis/nemesis.io/v1alpha1/namespaces/${namespace()}/${plural}`;

  before(async () => {
    for (const definition of customResourceDefinitions()) {
      const reply = await call('POST', definitions, { body: definition });
      if (reply.code === 409) continue;
      expect(reply.code, JSON.stringify(reply.body)).to.equal(201);
      await waitFor(`${definition.metadata.name} to be established`, 10_000, async () => {
        const found = await ok('GET', `${definitions}/${definition.metadata.name}`);
        return condition(found, 'Established')?.status === 'True';
      });
    }
    await waitFor(
      'the resource to be served',
      10_000,
      async () => (await call('GET', '/apis/nemesis.io/v1alpha1/autoscalers')).code === 200,
    );
  });

  async function create(spec: unknown, name = 'one'): Promise<Reply> {
    return await call('POST', path(), {
      body: { apiVersion: 'nemesis.io/v1alpha1', kind: 'Autoscaler', metadata: { name }, spec },
    });
  }

  it('get their defaults from the schema, the same that our programs fill in', async () => {
    const { code, body } = await create(good);
    expect(code, JSON.stringify(body)).to.equal(201);
    expect(body.spec).to.deep.equal(JSON.parse(JSON.stringify(autoscalerSpecSchema.parse(good))));
    const settings = await ok('POST', path('loadbalancersettings'), {
      apiVersion: 'nemesis.io/v1alpha1',
      kind: 'LoadBalancerSettings',
      metadata: { name: 'default' },
    });
    expect(settings.spec).to.deep.equal(loadBalancerSettingsSpecSchema.parse({}));
  });

  const wrong: [string, Record<string, unknown>][] = [
    ['minReplicas must not be greater than maxReplicas', { ...good, minReplicas: 3, maxReplicas: 2 }],
    ['with minReplicas 0 a route is needed', { scaleTargetRef: { name: 'app' } }],
    ['pathPrefix has no empty and no dot segments', { ...good, route: { pathPrefix: '/a//b' } }],
    ['pathPrefix has no empty and no dot segments', { ...good, route: { pathPrefix: '/a/..' } }],
    ['exactly one metric', { ...good, scaling: { rules: [{ name: 'none' }] } }],
    [
      'exactly one metric',
      {
        ...good,
        scaling: { rules: [{ name: 'two', concurrency: { target: 1 }, queue: { scaleUpAt: 2, scaleDownAt: 1 } }] },
      },
    ],
    [
      'scaleDownAt must be less',
      { ...good, scaling: { rules: [{ name: 'latency', responseTime: { scaleUpAt: '250ms', scaleDownAt: '1s' } }] } },
    ],
    ['either httpGet or tcpSocket', { ...good, startup: { announceProbe: { httpGet: {}, tcpSocket: {} } } }],
    ['exactly one of event, when, after, at', { ...good, automaton: automaton({ event: 'Go', after: '1h' }) }],
    ['for belongs to when', { ...good, automaton: automaton({ event: 'Go', for: '1h' }) }],
    [
      'min must not be greater than max',
      { ...good, automaton: { initial: 'A', states: [{ name: 'A', replicas: { min: 2, max: 1 } }] } },
    ],
    ['an effect has exactly one of', { ...good, automaton: { initial: 'A', states: [{ name: 'A', entry: [{}] }] } }],
    ['spec.mode', { ...good, mode: 'Sometimes' }],
    ['spec.buffer.maxBytes', { ...good, buffer: { maxBytes: 'much' } }],
    [
      'Duplicate value',
      { ...good, scaling: { rules: [1, 2].map((target) => ({ name: 'same', concurrency: { target } })) } },
    ],
  ];
  for (const [sentence, spec] of wrong) {
    it(`are refused with a sentence: ${sentence} (${JSON.stringify(spec).slice(-70)})`, async () => {
      const { code, body } = await create(spec, 'wrong');
      expect(code, JSON.stringify(body)).to.equal(422);
      expect(body.message).to.include(sentence);
      expect(autoscalerSpecSchema.safeParse(spec).success).to.equal(false);
    });
  }

  it('have up to 32 rules', async () => {
    const rules = (count: number): object[] =>
      Array.from({ length: count }, (_, index) => ({
        name: `r${index}`,
        cpu: { scaleUpAt: '2', scaleDownAt: '500m' },
      }));
    const most = await create({ ...good, scaling: { rules: rules(32) } }, 'most');
    expect(most.code, JSON.stringify(most.body)).to.equal(201);
    expect((await create({ ...good, scaling: { rules: rules(33) } }, 'more')).code).to.equal(422);
  });

  it('have automata of up to 32 states with 16 transitions each', async () => {
    const states = (count: number): object[] =>
      Array.from({ length: count }, (_, index) => ({
        name: `S${index}`,
        entry: [{ alert: { summary: 'entered' } }],
        transitions: Array.from({ length: 16 }, (_, place) => ({ event: `E${place}`, to: 'S0' })),
      }));
    const most = await create({ ...good, automaton: { initial: 'S0', states: states(32) } }, 'states');
    expect(most.code, JSON.stringify(most.body)).to.equal(201);
    expect((await create({ ...good, automaton: { initial: 'S0', states: states(33) } }, 'more-states')).code).to.equal(
      422,
    );
    const held = automaton({ when: 'inFlight > 1.0', for: '30s' });
    expect((await create({ ...good, automaton: held }, 'held')).code).to.equal(201);
  });

  it('keep their status apart from their spec', async () => {
    await create(good, 'status');
    const status = { phase: 'Asleep', replicas: 0 };
    await ok('PATCH', `${path()}/status/status`, { status, spec: { maxReplicas: 9 } }, merge);
    const found = await ok('GET', `${path()}/status`);
    expect(found.status).to.deep.equal(status);
    expect(found.spec.maxReplicas).to.equal(1);
  });
});

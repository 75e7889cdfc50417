/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access -- a cluster's answers are open JSON; every test asserts what it reads */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { call, merge, ok, type Answer } from './support/cluster.ts';
import { condition, useNamespace } from './support/workloads.ts';
import { waitFor } from './support/watching.ts';

const group = `b${randomBytes(4).toString('hex')}.example.com`;

const schema = {
  type: 'object',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      required: ['target'],
      'x-kubernetes-validations': [
        { rule: '!has(self.min) || !has(self.max) || self.min <= self.max', message: 'min must not exceed max' },
      ],
      properties: {
        target: {
          type: 'string',
          maxLength: 20,
          'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'target is immutable' }],
        },
        min: { type: 'integer', minimum: 0, default: 0 },
        max: { type: 'integer', maximum: 100 },
        mode: { type: 'string', enum: ['Active', 'Paused'], default: 'Active' },
        memory: {
          'x-kubernetes-int-or-string': true,
          'x-kubernetes-validations': [
            {
              rule: "type(self) == int || quantity(self).isGreaterThan(quantity('1Mi'))",
              message: 'memory is too small',
            },
          ],
        },
        rules: {
          type: 'array',
          maxItems: 3,
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: {
            type: 'object',
            required: ['name'],
            properties: { name: { type: 'string' }, weight: { type: 'integer', default: 1 } },
          },
        },
      },
    },
    status: { type: 'object', properties: { phase: { type: 'string' }, replicas: { type: 'integer' } } },
  },
};

describe('custom resources', () => {
  const namespace = useNamespace();
  const things = (): string => `/apis/${group}/v1/namespaces/${namespace()}/things`;
  const thing = (spec: Answer, name = 'one'): Answer => ({
    apiVersion: `${group}/v1`,
    kind: 'Thing',
    metadata: { name },
    spec,
  });

  before(async function () {
    this.timeout(30_000);
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `things.${group}` },
      spec: {
        group,
        scope: 'Namespaced',
        names: { plural: 'things', kind: 'Thing', shortNames: ['th'] },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: schema },
            subresources: {
              status: {},
              scale: { specReplicasPath: '.spec.min', statusReplicasPath: '.status.replicas' },
            },
          },
        ],
      },
    };
    await ok('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const established = (item: Answer): boolean =>
      item.metadata.name === `things.${group}` && condition(item, 'Established')?.status === 'True';
    await waitFor(path, established, 'the CRD established', 20_000);
  });

  after(async () => {
    await ok('DELETE', `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.${group}`);
  });

  it('fills in defaults and prunes unknown fields', async () => {
    const made = await ok('POST', things(), thing({ target: 'a', unknown: 1, rules: [{ name: 'x', odd: true }] }));
    expect(made.spec).to.deep.equal({ target: 'a', min: 0, mode: 'Active', rules: [{ name: 'x', weight: 1 }] });
    expect(made.metadata.generation).to.equal(1);
  });

  const refusals: [string, Answer, string][] = [
    ['a CEL rule', { target: 'a', min: 3, max: 2 }, 'min must not exceed max'],
    ['a quantity rule', { target: 'a', memory: '1Ki' }, 'memory is too small'],
    ['a missing field', {}, 'spec.target: Required value'],
    [
      'a wrong type',
      { target: 5 },
      'spec.target: Invalid value: "integer": spec.target in body must be of type string: "integer"',
    ],
    [
      'an unknown enum value',
      { target: 'a', mode: 'Other' },
      'spec.mode: Unsupported value: "Other": supported values: "Active", "Paused"',
    ],
    [
      'a number below its minimum',
      { target: 'a', min: -1 },
      'spec.min: Invalid value: -1: spec.min in body should be greater than or equal to 0',
    ],
    [
      'a number above its maximum',
      { target: 'a', max: 101 },
      'spec.max: Invalid value: 101: spec.max in body should be less than or equal to 100',
    ],
    ['a string that is too long', { target: 'a'.repeat(21) }, 'spec.target: Too long: may not be more than 20 bytes'],
    [
      'too many items',
      { target: 'a', rules: ['a', 'b', 'c', 'd'].map((name) => ({ name })) },
      'spec.rules: Too many: 4: must have at most 3 items',
    ],
    [
      'a duplicate in a map list',
      { target: 'a', rules: [{ name: 'a' }, { name: 'a' }] },
      'spec.rules[1]: Duplicate value: {"name":"a"}',
    ],
  ];
  for (const [what, spec, sentence] of refusals) {
    it(`refuses ${what} with 422 and says why`, async () => {
      const { code, body } = await call('POST', things(), { body: thing(spec) });
      expect(code).to.equal(422);
      expect(body.reason).to.equal('Invalid');
      expect(body.message).to.include(`Thing.${group} "one" is invalid: `);
      expect(body.message).to.include(sentence);
      expect(body.details.causes).to.have.length.greaterThan(0);
    });
  }

  it('evaluates transition rules on updates only', async () => {
    await ok('POST', things(), thing({ target: 'a' }));
    const { code, body } = await call('PATCH', `${things()}/one`, {
      body: { spec: { target: 'b' } },
      contentType: merge,
    });
    expect(code).to.equal(422);
    expect(body.message).to.include('target is immutable');
  });

  it('keeps spec and status apart, and raises the generation for spec only', async () => {
    await ok('POST', things(), { ...thing({ target: 'a' }), status: { phase: 'Early' } });
    const status = await ok(
      'PATCH',
      `${things()}/one/status`,
      { spec: { min: 5 }, status: { phase: 'Active' } },
      merge,
    );
    expect(status.status).to.deep.equal({ phase: 'Active' });
    expect(status.spec.min).to.equal(0);
    expect(status.metadata.generation).to.equal(1);
    const spec = await ok('PATCH', `${things()}/one`, { spec: { min: 2 }, status: { phase: 'Other' } }, merge);
    expect(spec.status).to.deep.equal({ phase: 'Active' });
    expect(spec.metadata.generation).to.equal(2);
  });

  it('demands a resourceVersion for a PUT', async () => {
    await ok('POST', things(), thing({ target: 'a' }));
    const { code, body } = await call('PUT', `${things()}/one`, { body: thing({ target: 'a', min: 1 }) });
    expect(code).to.equal(422);
    expect(body.message).to.include('metadata.resourceVersion: Invalid value: 0: must be specified for an update');
  });

  it('has a scale subresource', async () => {
    await ok('POST', things(), thing({ target: 'a', min: 1 }));
    const scale = await ok('PATCH', `${things()}/one/scale`, { spec: { replicas: 4 } }, merge);
    expect(scale.spec.replicas).to.equal(4);
    expect((await ok('GET', `${things()}/one`)).spec.min).to.equal(4);
  });

  it('refuses a strategic merge patch with 415', async () => {
    await ok('POST', things(), thing({ target: 'a' }));
    expect(
      (await call('PATCH', `${things()}/one`, { body: {}, contentType: 'application/strategic-merge-patch+json' }))
        .code,
    ).to.equal(415);
  });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { checkRules } from '../../../packages/localcluster/schema/cel-rules.ts';
import type { JsonSchema } from '../../../packages/localcluster/schema/json-schema.ts';
import { applyDefaults } from '../../../packages/localcluster/schema/prepare.ts';
import { validateSchema } from '../../../packages/localcluster/schema/validate.ts';
import type { Json } from '../../../packages/localcluster/model/json.ts';
import { generatedFiles } from '../../../scripts/generated-files.ts';
import { autoscalerSpecSchema } from '../../../shared/api/autoscaler.ts';
import { customResourceDefinitions } from '../../../shared/api/crd.ts';
import { parseBytes, parseDurationMs, parseMillicores, parseQuantity } from '../../../shared/api/quantity.ts';
import { structuralSchema } from '../../../shared/api/schema.ts';

describe('quantities and durations', () => {
  const good = [
    ['700m', 0.7],
    ['0.7', 0.7],
    ['1500u', 0.0015],
    ['2', 2],
    [3, 3],
    ['1.5k', 1500],
    ['128Mi', 134_217_728],
    ['1Pi', 2 ** 50],
  ] as const;
  for (const [text, number] of good) {
    it(`Given ${text}, Then it is exactly ${number}`, () => {
      expect(parseQuantity(text)).to.equal(number);
    });
  }
  for (const text of ['', '-1', '1.', '.5', '1 Mi', '1e3', '1mi', 'NaN', '1E']) {
    it(`Given "${text}", Then it is refused with the text quoted`, () => {
      expect(() => parseQuantity(text)).to.throw(RangeError, `"${text}"`);
    });
  }
  it('Given CPU, memory and durations, Then they come in millicores, bytes and ms', () => {
    expect([parseMillicores('800m'), parseMillicores('2'), parseMillicores(0.5)]).to.deep.equal([800, 2000, 500]);
    expect(parseBytes('1Ki')).to.equal(1024);
    expect(['250ms', '1.5s', '2m', '1h'].map(parseDurationMs)).to.deep.equal([250, 1500, 120_000, 3_600_000]);
    for (const text of ['1', '1d', '1m30s', '-1s', '1..5s']) expect(() => parseDurationMs(text)).to.throw(RangeError);
  });
  it('Given any number of millis, Then it equals the decimal number of the same value', () => {
    const property = fc.property(fc.nat(1_000_000), (n) => {
      expect(parseQuantity(`${n}m`)).to.equal(Number(`${n}e-3`));
      expect(parseMillicores(`${n}m`)).to.equal(n);
    });
    fc.assert(property, { seed: 2 });
  });
});

describe('the CRD', () => {
  it('Given the code, Then every generated file in the repository is what the code makes', () => {
    for (const [path, text] of Object.entries(generatedFiles())) {
      const kept = readFileSync(join(import.meta.dirname, '../../..', path), 'utf8');
      expect(kept === text, `${path} is stale; run "npm run generate"`).to.equal(true);
    }
  });

  it('Given the schemas, Then no keyword stands there that a structural schema forbids', () => {
    const forbidden = [
      '$schema',
      '$ref',
      'const',
      'oneOf',
      'allOf',
      'not',
      'definitions',
      '$defs',
      'exclusiveMinimum',
      'exclusiveMaximum',
      'propertyNames',
      'patternProperties',
    ];
    const look = (node: unknown, path: string): void => {
      if (typeof node !== 'object' || node === null) return;
      if (Array.isArray(node)) {
        node.forEach((each, index) => look(each, `${path}[${index}]`));
        return;
      }
      const schema = node as Record<string, unknown>;
      if (!path.endsWith('.properties')) {
        for (const word of forbidden) expect(schema, path).not.to.have.property(word);
        if (schema['anyOf'] !== undefined) expect(schema['x-kubernetes-int-or-string'], path).to.equal(true);
        expect(schema['additionalProperties'], path).not.to.equal(false);
        if (schema['x-kubernetes-validations'] !== undefined) expect(schema['type'], path).to.equal('object');
        if (schema['type'] === 'array') expect(schema, path).to.have.property('maxItems');
      }
      for (const [key, value] of Object.entries(schema)) if (key !== 'default') look(value, `${path}.${key}`);
    };
    for (const { spec } of customResourceDefinitions())
      look((spec['versions'] as { schema: { openAPIV3Schema: object } }[])[0]?.schema.openAPIV3Schema, '');
  });
});

const schema = structuralSchema(autoscalerSpecSchema) as JsonSchema;
const serverTakes = (spec: unknown): boolean => {
  const value = structuredClone(spec) as Json;
  applyDefaults(value, schema);
  return (
    validateSchema(value, schema, 'spec').length === 0 && checkRules(value, undefined, schema, 'spec').length === 0
  );
};
const base = { scaleTargetRef: { name: 'x' }, route: {} };
const withRule = (rule: object): object => ({ ...base, scaling: { rules: [{ name: 'r', ...rule }] } });

describe('the CRD and our own parser', () => {
  const table: [string, object, boolean][] = [
    ['the least', base, true],
    ['minReplicas 0 without a route', { scaleTargetRef: { name: 'x' } }, false],
    ['minReplicas 1 without a route', { scaleTargetRef: { name: 'x' }, minReplicas: 1 }, true],
    ['min above max', { ...base, minReplicas: 3, maxReplicas: 2 }, false],
    ['cpu thresholds in order', withRule({ cpu: { scaleUpAt: '800m', scaleDownAt: '0.3' } }), true],
    ['equal thresholds in two spellings', withRule({ cpu: { scaleUpAt: '700m', scaleDownAt: '0.7' } }), false],
    ['memory as a number', withRule({ memory: { scaleUpAt: 200, scaleDownAt: '100' } }), true],
    ['durations in the wrong order', withRule({ responseTime: { scaleUpAt: '250ms', scaleDownAt: '1s' } }), false],
    ['durations in order', withRule({ responseTime: { scaleUpAt: '1.5s', scaleDownAt: '250ms' } }), true],
    ['no metric', withRule({}), false],
    ['two metrics', withRule({ concurrency: { target: 1 }, queue: { scaleUpAt: 2, scaleDownAt: 1 } }), false],
    ['queue equal', withRule({ queue: { scaleUpAt: 2, scaleDownAt: 2 } }), false],
    ['both probes', { ...base, startup: { announceProbe: { httpGet: {}, tcpSocket: {} } } }, false],
    ['one probe', { ...base, startup: { announceProbe: { tcpSocket: {} } } }, true],
    ['dot segments', { ...base, route: { pathPrefix: '/a/../b' } }, false],
    ['empty segments', { ...base, route: { pathPrefix: '/a//b' } }, false],
    ['dots in a name', { ...base, route: { pathPrefix: '/a..b/.c' } }, true],
    [
      'one rule name twice',
      { ...base, scaling: { rules: [1, 2].map((target) => ({ name: 'r', concurrency: { target } })) } },
      false,
    ],
    ['an unknown mode', { ...base, mode: 'On' }, false],
  ];
  for (const [title, spec, good] of table) {
    it(`Given ${title}, Then both ${good ? 'take' : 'refuse'} it`, () => {
      expect(serverTakes(spec), 'CRD').to.equal(good);
      expect(autoscalerSpecSchema.safeParse(spec).success, 'parser').to.equal(good);
    });
  }

  it('Given any thresholds and numbers, Then both say the same', () => {
    const amount = fc.tuple(fc.nat(3000), fc.constantFrom('m', '', 'k')).map(([n, suffix]) => `${n}${suffix}`);
    const time = fc.tuple(fc.nat(3000), fc.constantFrom('ms', 's', 'm')).map(([n, unit]) => `${n}${unit}`);
    const rule = fc.oneof(
      fc.record({ cpu: fc.record({ scaleUpAt: amount, scaleDownAt: amount }) }),
      fc.record({ responseTime: fc.record({ scaleUpAt: time, scaleDownAt: time }) }),
      fc.record({ queue: fc.record({ scaleUpAt: fc.nat(3), scaleDownAt: fc.nat(3) }) }),
      fc.constant({}),
    );
    const segment = fc.constantFrom('a', '.', '..', '', 'b.c');
    const spec = fc.record({
      minReplicas: fc.nat(3),
      maxReplicas: fc.nat(3),
      rule,
      path: fc.array(segment, { maxLength: 4 }),
    });
    const property = fc.property(spec, ({ rule: metric, path, ...bounds }) => {
      const value = { ...withRule(metric), ...bounds, route: { pathPrefix: `/${path.join('/')}` } };
      expect(autoscalerSpecSchema.safeParse(value).success, JSON.stringify(value)).to.equal(serverTakes(value));
    });
    fc.assert(property, { seed: 3, numRuns: 400 });
  });
});

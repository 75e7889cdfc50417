import { schemaErrors } from '@k8s-nemesis/localcluster/schema';
import { expect } from 'chai';
import fc from 'fast-check';
import { autoscalerSpecSchema } from '../../../shared/api/autoscaler.ts';
import { structuralSchema } from '../../../shared/api/schema.ts';

const schema = structuralSchema(autoscalerSpecSchema);
const serverTakes = (spec: unknown): boolean => schemaErrors(spec, schema).length === 0;
const base = { scaleTargetRef: { name: 'x' }, route: {} };
const withRule = (rule: object): object => ({ ...base, scaling: { rules: [{ name: 'r', ...rule }] } });

describe('the CRD and our own parser', () => {
  const table: [string, object, boolean][] = [
    ['the least', base, true],
    ['minReplicas 0 without a route', { scaleTargetRef: { name: 'x' } }, false],
    ['minReplicas 1 without a route', { scaleTargetRef: { name: 'x' }, minReplicas: 1 }, true],
    ['min above max', { ...base, minReplicas: 3, maxReplicas: 2 }, false],
    ['cpu thresholds in order', withRule({ cpu: { scaleUpAt: '800m', scaleDownAt: '0.3' } }), true],
    [
      'quantities in any order, which the webhook compares',
      withRule({ cpu: { scaleUpAt: '1', scaleDownAt: '2' } }),
      true,
    ],
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

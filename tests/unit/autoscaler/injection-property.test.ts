import { expect } from 'chai';
import fc from 'fast-check';
import { inject } from '../../../autoscaler/admission/injection.ts';
import { patchBetween } from '../../../autoscaler/admission/json-patch.ts';
import type { ContainerDocument, PodDocument } from '../../../autoscaler/admission/pod-document.ts';
import { readSettings } from '../../../shared/runtime/settings.ts';
import { sidecarSettings } from '../../../sidecar/config.ts';
import { environmentOf, OPTIONS, patched, plain } from './injection-support.ts';

const mostly = <T>(usual: T, other: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other });
const optional = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<Partial<T>> =>
  fc.record(model, { requiredKeys: [] }) as fc.Arbitrary<Partial<T>>;

const portRef = fc.oneof(fc.integer({ min: 1, max: 65_535 }), fc.constantFrom('http', 'admin', 'none'));
const path = fc.oneof(fc.webPath(), fc.string({ maxLength: 12 }), fc.constant('/$(HOME)'));
const probe = fc.oneof(
  fc.record({ httpGet: fc.record({ path, port: portRef, scheme: mostly('HTTP', fc.constant('HTTPS')) }) }),
  fc.record({ tcpSocket: fc.record({ port: portRef }) }),
  fc.constant({ exec: { command: ['true'] } }),
  fc.constant({ grpc: { port: 1 } }),
);
const context = optional({ runAsUser: fc.constantFrom(0, 1, 1000), runAsGroup: fc.constantFrom(0, 2000) });
const container = (name: string): fc.Arbitrary<ContainerDocument> =>
  optional<Record<string, unknown>>({
    image: fc.string(),
    ports: fc.array(
      fc.record({ name: fc.constantFrom('http', 'admin'), containerPort: fc.integer({ min: 1, max: 65_535 }) }),
      { maxLength: 3 },
    ),
    lifecycle: optional({ preStop: fc.constant({ sleep: { seconds: 1 } }), postStart: fc.constant({ exec: {} }) }),
    readinessProbe: probe,
    livenessProbe: probe,
    securityContext: context,
  }).map((fields) => ({ ...fields, name }));
const containers = (least: number): fc.Arbitrary<ContainerDocument[]> =>
  mostly('sidecar', fc.constant('nemesis-sidecar')).chain((last) =>
    fc
      .integer({ min: least, max: 3 })
      .chain((count) =>
        fc.tuple(...Array.from({ length: count }, (_, index) => container(index === 2 ? last : `c${index}`))),
      ),
  );
const marks = fc.dictionary(
  fc.constantFrom(
    'nemesis.io/inject',
    'nemesis.io/share-processes',
    'nemesis.io/app-port',
    'nemesis.io/sidecar-cpu',
    'nemesis.io/sidecar-memory',
    'nemesis.io/ca',
    'a~b/c',
  ),
  fc.oneof(fc.constantFrom('true', 'false', '8080', 'http', '250m', '128Mi'), fc.string({ maxLength: 8 })),
);
const pods: fc.Arbitrary<PodDocument> = fc.record(
  {
    metadata: optional({ name: fc.constant('p'), labels: marks, annotations: marks }),
    spec: fc.record(
      {
        containers: containers(1),
        initContainers: containers(0),
        volumes: fc.uniqueArray(
          fc.record({ name: fc.constantFrom('nemesis-credentials', 'nemesis-credentials-2', 'v') }),
          {
            selector: ({ name }) => name,
          },
        ),
        securityContext: context,
        shareProcessNamespace: fc.boolean(),
        hostNetwork: mostly(false, fc.constant(true)),
        hostPID: mostly(false, fc.constant(true)),
        restartPolicy: mostly('Always', fc.constantFrom('Never', 'OnFailure')),
        terminationGracePeriodSeconds: fc.integer({ min: 0, max: 100_000 }),
        readinessGates: mostly<object[]>([], fc.constant([{ conditionType: 'x' }])),
      },
      { requiredKeys: ['containers'] },
    ),
  },
  { requiredKeys: ['spec'] },
);
const options = fc
  .record({
    native: fc.boolean(),
    deployed: fc.boolean(),
    ca: fc.option(fc.constant('PEM'), { nil: undefined }),
    application: fc.option(
      fc.record({
        port: fc.option(portRef, { nil: undefined }),
        announceProbe: fc.option(fc.constant({ httpGet: { path: '/up', port: 'admin' } }), { nil: undefined }),
      }),
      { nil: undefined },
    ),
  })
  .map((chosen) => ({ ...OPTIONS, ...chosen }));

/** Everything of `before` is in `after`, at the same place; lists may have grown at their end. */
function expectKept(before: unknown, after: unknown, where: string): void {
  if (Array.isArray(before) && Array.isArray(after)) {
    before.forEach((each, index) => expectKept(each, after[index], `${where}/${index}`));
  } else if (typeof before === 'object' && before !== null && typeof after === 'object' && after !== null) {
    const [old, now] = [before as Record<string, unknown>, after as Record<string, unknown>];
    for (const key of Object.keys(old)) expectKept(old[key], now[key], `${where}/${key}`);
  } else {
    expect(after, where).to.deep.equal(before);
  }
}

describe('The injection of any pod', () => {
  it('done twice is as done once', () => {
    fc.assert(
      fc.property(pods, options, (pod, chosen) => {
        const once = inject(pod, chosen);
        const twice = inject(once.pod, chosen);
        expect(twice.pod).to.equal(once.pod);
        expect(twice.skipped).not.to.equal(undefined);
      }),
    );
  });

  it('removes nothing and changes no order; only its own annotation and the sharing of processes may change', () => {
    fc.assert(
      fc.property(pods, options, (pod, chosen) => {
        const { metadata, spec } = structuredClone(pod);
        const annotations = { ...metadata?.annotations };
        Reflect.deleteProperty(annotations, 'nemesis.io/ca');
        const { shareProcessNamespace, ...rest } = spec;
        const after = inject(pod, chosen).pod;
        expectKept(
          { metadata: { ...metadata, annotations }, spec: rest },
          { ...after, metadata: { annotations: {}, ...after.metadata } },
          '',
        );
        if (shareProcessNamespace === false) expect(after.spec.shareProcessNamespace).to.equal(false);
      }),
    );
  });

  it('is what its patch makes', () => {
    fc.assert(
      fc.property(pods, options, (pod, chosen) => {
        const after = inject(pod, chosen).pod;
        expect(patched(pod, patchBetween(pod, after))).to.deep.equal(plain(after));
      }),
    );
  });

  it('gives an environment that the sidecar starts with', () => {
    const fields = { NEMESIS_POD_NAME: 'a', NEMESIS_POD_UID: 'u', NEMESIS_POD_IP: '::1', NEMESIS_NAMESPACE: 'n' };
    fc.assert(
      fc.property(pods, options, (pod, chosen) => {
        const injection = inject(pod, chosen);
        if (injection.skipped !== undefined) return;
        readSettings(sidecarSettings, { ...environmentOf(injection), ...fields });
      }),
    );
  });
});

describe('The patch between any two values', () => {
  it('has the names that every JavaScript object inherits, too', () => {
    const [bare, named] = [{ labels: {} }, { labels: { valueOf: 'x', toString: 'y' } }];
    expect(patched(bare, patchBetween(bare, named))).to.deep.equal(named);
    expect(patched(named, patchBetween(named, bare))).to.deep.equal(bare);
  });

  it('makes the second of the first', () => {
    // Names that the library which applies the patch here passes over; the API server does not. And backslashes: after
    // JSON.parse('{"\\\\":1}') the V8 of Node 24 reads the name in '{"\\"":1}' as a backslash, too (seed 453548347).
    const objects = fc
      .dictionary(fc.string({ maxLength: 3 }), fc.jsonValue({ maxDepth: 3 }))
      .filter((value) => !/"(__proto__|constructor|prototype)"|\\\\/.test(JSON.stringify(value)));
    fc.assert(
      fc.property(objects, objects, (before, after) => {
        expect(patched(before, patchBetween(before, after))).to.deep.equal(after);
      }),
    );
  });
});

import { expect } from 'chai';
import { container, environmentOf, injected, OPTIONS, pod, withApplication } from './injection-support.ts';

describe("Where the sidecar finds the application's port and its check", () => {
  const ports = [
    { name: 'http', containerPort: 8080 },
    { name: 'admin', containerPort: 9000 },
  ];
  const app = (fields: object = {}, annotations: Record<string, string> = {}) =>
    pod({ containers: [container({ ports, ...fields })] }, { annotations });
  const asked = (given: ReturnType<typeof pod>, options = OPTIONS) => {
    const injection = injected(given, options);
    const env = environmentOf(injection);
    const [port, path, check, live] = ['APP_PORT', 'ANNOUNCE_PATH', 'ANNOUNCE_PORT', 'LIVENESS_PATH'].map(
      (name) => env[`NEMESIS_${name}`],
    );
    return { port, path, check, live, announce: env['NEMESIS_ANNOUNCE'], warnings: injection.warnings.length };
  };
  const standard = { port: '8080', path: '', check: '0', live: '', announce: undefined, warnings: 0 };
  const silent = { ...standard, path: undefined, announce: 'false' };

  const cases: [string, ReturnType<typeof asked>, object][] = [
    ['nothing else: the first port', asked(app()), standard],
    ['an annotated number', asked(app({}, { 'nemesis.io/app-port': '7000' })), { ...standard, port: '7000' }],
    ['an annotated name', asked(app({}, { 'nemesis.io/app-port': 'admin' })), { ...standard, port: '9000' }],
    ['an unknown name', asked(app({}, { 'nemesis.io/app-port': 'web' })), { ...standard, warnings: 1 }],
    ['an impossible number', asked(app({}, { 'nemesis.io/app-port': '70000' })), { ...standard, warnings: 1 }],
    ["the Autoscaler's number", asked(app(), withApplication({ port: 9000 })), { ...standard, port: '9000' }],
    ["the Autoscaler's name", asked(app(), withApplication({ port: 'admin' })), { ...standard, port: '9000' }],
    ["the Autoscaler's unknown name", asked(app(), withApplication({ port: 'x' })), { ...standard, warnings: 1 }],
    [
      'annotation before Autoscaler',
      asked(app({}, { 'nemesis.io/app-port': '8080' }), withApplication({ port: 'admin' })),
      standard,
    ],
    [
      'an HTTP probe',
      asked(app({ readinessProbe: { httpGet: { path: '/up', port: 'http' } } })),
      { ...standard, path: '/up' },
    ],
    [
      'a probe on another port, by name',
      asked(app({ readinessProbe: { httpGet: { path: 'up', port: 'admin' } } })),
      { ...standard, path: '/up', check: '9000' },
    ],
    ['a probe without a path', asked(app({ readinessProbe: { httpGet: { port: 8080 } } })), { ...standard, path: '/' }],
    ['a TCP probe', asked(app({ readinessProbe: { tcpSocket: { port: 9000 } } })), { ...standard, check: '9000' }],
    ['an exec probe', asked(app({ readinessProbe: { exec: {} } })), silent],
    ['a gRPC probe', asked(app({ readinessProbe: { grpc: { port: 8080 } } })), silent],
    ['an HTTPS probe', asked(app({ readinessProbe: { httpGet: { port: 8080, scheme: 'HTTPS' } } })), silent],
    [
      'a path that HTTP does not allow as it is',
      asked(app({ readinessProbe: { httpGet: { path: '/a b', port: 8080 } } })),
      { ...standard, path: '/a%20b' },
    ],
    ['a readiness gate', asked(pod({ readinessGates: [{ conditionType: 'x' }] })), silent],
    [
      "the Autoscaler's probe, which counts more than a gate",
      asked(
        pod({ readinessGates: [{}], containers: [container({ ports })] }),
        withApplication({ announceProbe: { httpGet: { path: '/go', port: 'admin' } } }),
      ),
      { ...standard, path: '/go', check: '9000' },
    ],
    [
      'a liveness probe on its port',
      asked(app({ livenessProbe: { httpGet: { path: '/live', port: 'http' } } })),
      { ...standard, live: '/live' },
    ],
    ['a liveness probe elsewhere', asked(app({ livenessProbe: { httpGet: { path: '/live', port: 9000 } } })), standard],
    [
      'a path that looks like a variable',
      asked(app({ readinessProbe: { httpGet: { path: '/$(NEMESIS_POD_IP)', port: 8080 } } })),
      { ...standard, path: '/$$(NEMESIS_POD_IP)' },
    ],
    ['no port', asked(app({ ports: undefined })), { ...silent, port: '0', warnings: 1 }],
    [
      'a native sidecar with ports',
      asked(pod({ initContainers: [container({ name: 'mesh', ports: [{ containerPort: 15_000 }] })] })),
      standard,
    ],
  ];
  for (const [what, found, expected] of cases) {
    it(`Given ${what}`, () => expect(found).to.deep.equal(expected));
  }
});

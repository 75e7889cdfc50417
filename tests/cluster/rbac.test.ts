import { expect } from 'chai';
import { IMAGE } from '../e2e/support/cluster-installation.ts';
import { SYSTEM } from '../e2e/support/programs.ts';
import { send } from '../e2e/support/send.ts';
import { objectsIn, run, tryRun } from './support/manifests.ts';
import { AGAIN_MS, loseAndPutBack, refusalOf, restart, rightsIn, withoutRight } from './support/rights.ts';

const NAMESPACE = 'nemesis-rbac';
const DEFAULT_IMAGE = 'localhost/nemesis:0.1.0';

const SERVER = "require('node:http').createServer((_, response) => response.end('here')).listen(8080)";
const application = (name: string, command: string, replicas: number, autoscaler: string): string => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: ${NAMESPACE} }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: app
          image: ${IMAGE}
          imagePullPolicy: IfNotPresent
          command: [node, -e, ${JSON.stringify(command)}]
          ports: [{ containerPort: 8080 }]
          readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 }
---
apiVersion: nemesis.io/v1alpha1
kind: Autoscaler
metadata: { name: ${name}, namespace: ${NAMESPACE} }
spec:
  scaleTargetRef: { name: ${name} }
  maxReplicas: 1
  route: { pathPrefix: /rbac-${name}, port: 8080 }
  ${autoscaler}
`;
const SLEEPER = application('sleeper', SERVER, 0, 'sleep: { idleSeconds: 1 }');
const STUCK = application('stuck', 'setInterval(() => undefined, 1e6)', 1, 'startup: { deadlineSeconds: 3 }');
// Another kind of scaler may be looked for without being there, but is watched only where it exists.
const SCALED_OBJECTS = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: scaledobjects.keda.sh }
spec:
  group: keda.sh
  names: { kind: ScaledObject, plural: scaledobjects }
  scope: Namespaced
  versions:
    - { name: v1alpha1, served: true, storage: true, schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } } }
`;

/** What must be so before a right is used at all; done after it was taken away, before the program starts again. */
const BEFORE: Readonly<Record<string, () => unknown>> = {
  'autoscaler create leases': () =>
    kubectl('-n', SYSTEM, 'delete', 'lease', 'nemesis-autoscaler', '--ignore-not-found'),
  'autoscaler create secrets': () => kubectl('-n', SYSTEM, 'delete', 'secret', 'nemesis-ca', '--ignore-not-found'),
  'autoscaler patch secrets': () => {
    kubectl('-n', SYSTEM, 'delete', 'secret', 'nemesis-ca', '--ignore-not-found');
    tryRun('kubectl', ['-n', SYSTEM, 'create', 'secret', 'generic', 'nemesis-ca']);
  },
  'autoscaler patch mutatingwebhookconfigurations': () =>
    kubectl(
      ...['patch', 'mutatingwebhookconfiguration', 'nemesis-injection', '--type=json'],
      ...['-p', '[{"op": "replace", "path": "/webhooks/0/clientConfig/caBundle", "value": ""}]'],
    ),
  'autoscaler patch validatingwebhookconfigurations': () =>
    kubectl(
      ...['patch', 'validatingwebhookconfiguration', 'nemesis-validation', '--type=json'],
      ...['-p', '[{"op": "replace", "path": "/webhooks/0/clientConfig/caBundle", "value": ""}]'],
    ),
  'autoscaler delete pods': () => run('kubectl', ['apply', '-f', '-'], STUCK),
  // Asleep, so that there is something to wake.
  'loadbalancer patch deployments/scale': () => {
    kubectl('-n', NAMESPACE, 'delete', 'deployment,nas', 'sleeper', '--ignore-not-found');
    run('kubectl', ['apply', '-f', '-'], SLEEPER);
  },
  'loadbalancer create loadbalancersettings': () =>
    kubectl('-n', SYSTEM, 'delete', 'loadbalancersettings', 'default', '--ignore-not-found'),
};

/** What makes a program use a right that it does not use by itself; tried until the loss is told. */
const USES: Readonly<Record<string, () => Promise<unknown>>> = {
  'autoscaler create tokenreviews': () => ask('nemesis-autoscaler', 8090, '/api/v1/applications'),
  'autoscaler create subjectaccessreviews': () => ask('nemesis-autoscaler', 8090, '/api/v1/applications'),
  'autoscaler patch autoscalers': () =>
    ask('nemesis-autoscaler', 8090, `/api/v1/applications/${NAMESPACE}/sleeper/replicas`, {
      minReplicas: 0,
      maxReplicas: 1,
    }),
  'loadbalancer create tokenreviews': () => ask('nemesis-loadbalancer', 8081, '/loadbalancer/settings'),
  'loadbalancer create subjectaccessreviews': () => ask('nemesis-loadbalancer', 8081, '/loadbalancer/settings'),
  'loadbalancer get loadbalancersettings': () => ask('nemesis-loadbalancer', 8081, '/loadbalancer/settings'),
  'loadbalancer create loadbalancersettings': () => ask('nemesis-loadbalancer', 8081, '/loadbalancer/settings', {}),
  'loadbalancer patch loadbalancersettings': () => ask('nemesis-loadbalancer', 8081, '/loadbalancer/settings', {}),
};
const wakeTheSleeper = (): Promise<unknown> => ask('nemesis-loadbalancer', 8080, '/rbac-sleeper');

let token = '';
const addresses = new Map<string, string>();

interface Settings {
  readonly items: readonly {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata: { readonly name: string; readonly namespace: string };
    readonly spec: object;
  }[];
}

describe('the rights of our programs', function () {
  this.timeout(180_000);
  const rights = rightsIn('base');
  let settings = '';
  let hadScaledObjects = false;

  before(() => {
    token = kubectl('-n', SYSTEM, 'create', 'token', 'default', '--duration=2h').trim();
    for (const service of ['nemesis-autoscaler', 'nemesis-loadbalancer']) {
      addresses.set(service, kubectl('-n', SYSTEM, 'get', 'service', service, '-o', 'jsonpath={.spec.clusterIP}'));
    }
    const { items } = JSON.parse(kubectl('-n', SYSTEM, 'get', 'loadbalancersettings', '-o', 'json')) as Settings;
    settings = items
      .map(({ apiVersion, kind, metadata: { name, namespace }, spec }) =>
        JSON.stringify({ apiVersion, kind, metadata: { name, namespace }, spec }),
      )
      .join('\n---\n');
    tryRun('kubectl', [
      'create',
      'clusterrolebinding',
      'nemesis-rbac',
      '--clusterrole=nemesis-admin',
      `--serviceaccount=${SYSTEM}:default`,
    ]);
    tryRun('kubectl', ['create', 'namespace', NAMESPACE]);
    run('kubectl', ['apply', '-f', '-'], SLEEPER);
    hadScaledObjects = kubectl('get', 'crd', 'scaledobjects.keda.sh', '--ignore-not-found', '-o', 'name') !== '';
    if (!hadScaledObjects) run('kubectl', ['apply', '-f', '-'], SCALED_OBJECTS);
  });

  after(() => {
    kubectl('delete', 'clusterrolebinding', 'nemesis-rbac', '--ignore-not-found');
    kubectl('delete', 'namespace', NAMESPACE);
    if (!hadScaledObjects) run('kubectl', ['delete', '-f', '-'], SCALED_OBJECTS);
  });

  for (const program of ['autoscaler', 'loadbalancer']) {
    describe(program, () => {
      after(() => {
        restart(program);
        kubectl('-n', SYSTEM, 'rollout', 'status', `deployment/nemesis-${program}`, '--timeout=120s');
      });

      for (const right of rights.filter((each) => each.program === program)) {
        const { resource, verb } = right;
        const key = `${program} ${verb} ${resource}`;
        it(`Given it may not ${verb} ${resource}, when it needs that, then it says so`, async () => {
          await loseAndPutBack(right, BEFORE[key] ?? (() => undefined), USES[key] ?? wakeTheSleeper);
          tryRun('kubectl', ['-n', NAMESPACE, 'delete', 'deployment,nas', 'stuck', '--ignore-not-found']);
          // They say which hosts may be shared, and the next tests need one.
          if (settings !== '') run('kubectl', ['apply', '-f', '-'], settings);
        });
      }
    });
  }

  describe('the job of the removal', () => {
    const job = ['-n', SYSTEM, 'job/nemesis-uninstall'];
    after(() => {
      kubectl('-n', SYSTEM, 'scale', 'deployment', 'nemesis-autoscaler', '--replicas=1');
      kubectl('-n', SYSTEM, 'rollout', 'status', 'deployment/nemesis-autoscaler', '--timeout=120s');
    });

    for (const right of rightsIn('uninstall')) {
      it(`Given it may not ${right.verb} ${right.resource}, when it runs, then it fails and says so`, () => {
        const objects = objectsIn(kubectl('kustomize', 'manifests/uninstall').replaceAll(DEFAULT_IMAGE, IMAGE)).map(
          (object) => {
            if (object.kind === 'Job') return { ...object, spec: { ...(object['spec'] as object), backoffLimit: 0 } };
            return object.metadata.name === right.role.metadata.name && object.kind === right.role.kind
              ? withoutRight(right)
              : object;
          },
        );
        const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
        run('kubectl', ['apply', '-f', '-'], list);
        try {
          kubectl('wait', ...job, '--for=condition=Failed', '--timeout=60s');
          expect(kubectl('logs', ...job)).to.include(refusalOf(right));
        } finally {
          run('kubectl', ['delete', '-f', '-'], list);
        }
      });
    }
  });
});

/** A request through a Service; with a body it is a PUT. */
async function ask(service: string, port: number, path: string, body?: unknown): Promise<unknown> {
  return await send(`http://${addresses.get(service) ?? ''}:${port}${path}`, {
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { method: 'PUT', body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(AGAIN_MS),
  });
}

function kubectl(...args: string[]): string {
  return run('kubectl', args);
}

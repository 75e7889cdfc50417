import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import product from '../../package.json' with { type: 'json' };
import { inject } from '../../autoscaler/admission/injection.ts';
import type { PodDocument } from '../../autoscaler/admission/pod-document.ts';
import { shippedManifests } from '../../demo/shipped-manifests.ts';
import {
  differences,
  objectsIn,
  run,
  sidecarByHand,
  titleOf,
  tryRun,
  withoutHelmsMarks,
  type Manifest,
} from './support/manifests.ts';

const SYSTEM = 'nemesis-system';
const CHART = 'manifests/helm/nemesis';
const CRD_CHART = 'manifests/helm/nemesis-crds';
const OVERLAYS = readdirSync('manifests/overlays');

const kustomized = (folder: string): Manifest[] => objectsIn(run('kubectl', ['kustomize', `manifests/${folder}`]));
const template = (chart: string, ...values: string[]): string =>
  run('helm', [
    ...['template', 'nemesis', chart, '--namespace', SYSTEM, '--kube-version', '1.34.0'],
    ...values.flatMap((value) => ['--set', value]),
  ]);
const toYaml = (objects: readonly Manifest[]): string => objects.map((each) => JSON.stringify(each)).join('\n---\n');
// Their kinds exist only where cert-manager is installed.
const withoutCertManager = (objects: readonly Manifest[]): Manifest[] =>
  objects.filter(({ apiVersion }) => !apiVersion.startsWith('cert-manager.io/'));

const DEPLOYMENT = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: model }
spec:
  selector: { matchLabels: { app: model } }
  template:
    metadata: { labels: { app: model } }
    spec:
      containers:
        - { name: model, image: example, ports: [{ containerPort: 8080 }] }
`;

describe('manifests', function () {
  this.timeout(60_000);
  const made: string[][] = [];

  // Nothing but a namespace and the kinds of our resources is needed for a dry run.
  before(() => {
    for (const [kind, name, ...create] of [
      ['namespace', SYSTEM, 'create', 'namespace', SYSTEM],
      ['crd', 'autoscalers.nemesis.io', 'apply', '-k', 'manifests/crds'],
    ] as const) {
      if (tryRun('kubectl', ['get', kind, name]).code === 0) continue;
      run('kubectl', create);
      made.push(['delete', ...(kind === 'crd' ? ['-k', 'manifests/crds'] : [kind, name])]);
    }
  });

  after(() => {
    for (const args of made.reverse()) run('kubectl', args);
  });

  it('Given the default values, when the chart is rendered, then it is what kustomize makes', () => {
    // Helm makes the namespace itself, and the job of the removal is a hook there.
    const base = [...kustomized('base'), ...kustomized('uninstall')].filter(({ kind }) => kind !== 'Namespace');
    const chart = objectsIn(template(CHART)).map(withoutHelmsMarks);
    expect(differences(base, chart)).to.deep.equal([]);
  });

  it('Given what the demo reads, when kustomize renders the same overlay, then it is the same', () => {
    const read = objectsIn(toYaml(shippedManifests('overlays/default') as Manifest[]));
    expect(differences(kustomized('overlays/default'), read)).to.deep.equal([]);
  });

  it('Given the chart of the definitions, when it is rendered, then it is what kustomize makes', () => {
    const chart = objectsIn(template(CRD_CHART)).map(withoutHelmsMarks);
    expect(differences(kustomized('crds'), chart)).to.deep.equal([]);
  });

  it('Given the high availability of the chart, when it is rendered, then it is what the overlay makes', () => {
    const values = ['autoscaler.replicas=2', 'history.persistent=false', 'loadbalancer.replicas=3'];
    const sorted = (objects: readonly Manifest[]) => objects.map(byNameInside);
    const chart = objectsIn(template(CHART, ...values)).map(withoutHelmsMarks);
    const overlay = [...kustomized('overlays/high-availability'), ...kustomized('uninstall')].filter(
      ({ kind }) => kind !== 'Namespace' && kind !== 'CustomResourceDefinition',
    );
    expect(differences(sorted(overlay), sorted(chart))).to.deep.equal([]);
  });

  it('Given a history on a claim, when the chart is rendered, then it is what the overlay makes', () => {
    const chart = objectsIn(template(CHART, 'history.persistent=true')).map(withoutHelmsMarks);
    const overlay = [...kustomized('overlays/persistent'), ...kustomized('uninstall')].filter(
      ({ kind }) => kind !== 'Namespace' && kind !== 'CustomResourceDefinition',
    );
    expect(differences(overlay, chart)).to.deep.equal([]);
  });

  for (const overlay of OVERLAYS) {
    it(`Given the overlay ${overlay}, when the API server checks it, then it takes every object`, () => {
      const objects = withoutCertManager(kustomized(`overlays/${overlay}`));
      const there = toYaml(objects).replaceAll('"namespace":"models"', '"namespace":"default"');
      const answer = run('kubectl', ['apply', '--dry-run=server', '-f', '-'], there);
      expect(answer.trim().split('\n')).to.have.length(objects.length);
    });
  }

  it('Given the job of the removal, when the API server checks it, then it takes every object', () => {
    run('kubectl', ['apply', '--dry-run=server', '-k', 'manifests/uninstall']);
  });

  it('Given the example, when the API server checks it, then it takes every object', () => {
    const text = readFileSync('examples/sentiment/sentiment.yaml', 'utf8');
    const there = text.replaceAll('namespace: models', 'namespace: default');
    run('kubectl', ['apply', '--dry-run=server', '-f', '-'], there);
  });

  for (const values of [
    ['watchNamespace=default'],
    ['certificates=cert-manager'],
    ['loadbalancer.serviceType=LoadBalancer', 'injection=false', 'networkPolicies=false', 'admissionPolicies=false'],
    ['nodeSelector.disk=fast', 'imagePullSecrets[0].name=registry', 'autoscaler.env.NEMESIS_LOG_LEVEL=debug'],
  ]) {
    it(`Given ${values.join(' and ')}, when the API server checks the chart, then it takes every object`, () => {
      const objects = withoutCertManager(objectsIn(template(CHART, ...values)));
      run('kubectl', ['apply', '--dry-run=server', '-f', '-'], toYaml(objects));
    });
  }

  it('Given the sidecar by hand, when it is put in, then the pod is what the webhook makes', () => {
    const [byHand] = sidecarByHand(DEPLOYMENT);
    const [pod] = objectsIn(DEPLOYMENT).map(({ spec }) => (spec as { template: PodDocument }).template);
    const { pod: injected } = inject(pod!, {
      image: 'localhost/nemesis:0.1.0',
      controllerUrl: 'https://nemesis-autoscaler.nemesis-system.svc:8091',
      version: product.version,
      ca: undefined,
      native: true,
      deployed: true,
      application: undefined,
    });
    expect((byHand!['spec'] as { template: unknown }).template).to.deep.equal(injected);
  });

  it('Given one namespace to watch, when the removal is rendered, then chart and kustomize are equal', () => {
    const removal = (objects: readonly Manifest[]): Manifest[] =>
      objects.filter(({ metadata }) => metadata.name.startsWith('nemesis-uninstall'));
    const chart = objectsIn(template(CHART, 'watchNamespace=models')).map(withoutHelmsMarks);
    expect(differences(removal(kustomized('uninstall-namespaced')), removal(chart))).to.deep.equal([]);
  });

  it('Given one namespace to watch, when the chart is rendered, then no right but reviews is in the whole cluster', () => {
    for (const objects of [kustomized('overlays/namespaced'), objectsIn(template(CHART, 'watchNamespace=models'))]) {
      const bound = objects
        .filter(({ kind }) => kind === 'ClusterRoleBinding')
        .map((binding) => (binding['roleRef'] as { name: string }).name);
      const everywhere = objects.filter(
        ({ kind, metadata }) => kind === 'ClusterRole' && bound.includes(metadata.name),
      );
      expect(everywhere.map(titleOf)).to.have.members([
        'ClusterRole nemesis-autoscaler-cluster',
        'ClusterRole nemesis-loadbalancer-cluster',
      ]);
      for (const role of everywhere) {
        expect(role['rules']).to.deep.equal([
          { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
          { apiGroups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'], verbs: ['create'] },
        ]);
      }
    }
  });

  for (const [value, complaint] of [
    ['watchNamespace=Not_a_name', '/watchNamespace'],
    ['certificates=letsencrypt', "'managed', 'cert-manager'"],
    ['autoscaler.replicas=0', 'minimum'],
    ['loadbalancer.replica=3', 'replica'],
    ['loadbalancer.env.LOG_LEVEL=debug', 'LOG_LEVEL'],
    ['autoscaler.replicas=2,history.persistent=true', 'two controllers cannot share the file'],
    ['history.databaseUrlSecret=pg,history.persistent=true', 'history.persistent asks for a claim'],
  ] as const) {
    it(`Given the wrong value ${value}, when the chart is rendered, then it is refused with what is wrong`, () => {
      const { code, stderr } = tryRun('helm', [
        ...['template', 'nemesis', CHART, '--kube-version', '1.34.0', '--set', value],
      ]);
      expect(code).to.not.equal(0);
      expect(stderr).to.contain(complaint);
    });
  }
});

/** Lists of named things in the order of their names, which is all that differs between a patch and a template. */
function byNameInside<T>(value: T): T {
  if (Array.isArray(value)) {
    const inside = value.map(byNameInside) as { name?: string }[];
    const named = inside.every((each) => typeof each.name === 'string');
    return (named ? inside.sort((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1)) : inside) as T;
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, byNameInside(each)])) as T;
}

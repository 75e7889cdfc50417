import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parseAllDocuments } from 'yaml';
import product from '../../../package.json' with { type: 'json' };
import { autoscalerSettings } from '../../../autoscaler/config.ts';
import { loadbalancerSettings } from '../../../loadbalancer/config.ts';
import { sidecarSettings } from '../../../sidecar/config.ts';
import type { Settings } from '../../../shared/runtime/settings.ts';

interface Container {
  readonly name: string;
  readonly image: string;
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly ports?: readonly { readonly containerPort: number }[];
  readonly resources?: { readonly requests?: object; readonly limits?: object };
  readonly securityContext?: Readonly<Record<string, unknown>>;
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: {
    readonly template?: {
      readonly spec: {
        readonly terminationGracePeriodSeconds?: number;
        readonly enableServiceLinks?: boolean;
        readonly containers?: readonly Container[];
        readonly initContainers?: readonly Container[];
      };
    };
  };
  readonly webhooks?: readonly { readonly failurePolicy: string; readonly timeoutSeconds: number }[];
  readonly rules?: readonly {
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly verbs: readonly string[];
  }[];
}

const manifestsIn = (folder: string): Manifest[] =>
  readdirSync(`manifests/${folder}`)
    .filter((file) => file.endsWith('.yaml') && file !== 'kustomization.yaml')
    .flatMap((file) => parseAllDocuments(readFileSync(`manifests/${folder}/${file}`, 'utf8'), { merge: true }))
    .map((document) => document.toJS() as Manifest);

const BASE = manifestsIn('base');
const ALL = [...BASE, ...manifestsIn('uninstall'), ...manifestsIn('sidecar')];
const podOf = (name: string) =>
  BASE.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === name)!.spec!.template!.spec;
const SIDECAR = manifestsIn('sidecar')[0]!.spec!.template!.spec.containers![0]!;
const containersOf = ({ spec }: Manifest): readonly Container[] => [
  ...(spec?.template?.spec.initContainers ?? []),
  ...(spec?.template?.spec.containers ?? []),
];

describe('the manifests', () => {
  const programs: readonly (readonly [string, Container, Settings])[] = [
    ['autoscaler', podOf('nemesis-autoscaler').containers![0]!, autoscalerSettings],
    ['loadbalancer', podOf('nemesis-loadbalancer').containers![0]!, loadbalancerSettings],
    ['sidecar', SIDECAR, sidecarSettings],
  ];

  for (const [name, container, settings] of programs) {
    const byVariable = new Map(Object.values(settings).map((setting) => [setting.variable, setting]));

    it(`Given the ${name}, when its environment is read, then each variable is a setting and each value is allowed`, () => {
      for (const { name: variable, value } of container.env ?? []) {
        const setting = byVariable.get(variable);
        expect(setting, variable).to.not.equal(undefined);
        if (value !== undefined) expect(setting!.parse(value), `${variable}=${value}`).to.not.equal(undefined);
      }
    });

    it(`Given the ${name}, when its ports are read, then they are those that it listens on`, () => {
      const listened = [...byVariable].filter(([variable]) =>
        /^NEMESIS_(|DATA_|PROGRAMS_|WEBHOOK_)PORT$/.test(variable),
      );
      expect(container.ports?.map(({ containerPort }) => String(containerPort))).to.have.members(
        listened.map(([, { fallback }]) => fallback),
      );
    });
  }

  it('Given a program that stops, when it takes as long as it may, then its pod still lives', () => {
    for (const [name, container, settings] of programs.slice(0, 2)) {
      const [, deadline] = Object.entries(settings).find(([key]) => key === 'stopDeadlineSeconds')!;
      const seconds = container.env?.find((each) => each.name === deadline.variable)?.value ?? deadline.fallback;
      expect(podOf(`nemesis-${name}`).terminationGracePeriodSeconds).to.be.greaterThan(Number(seconds));
    }
  });

  it('Given any container of ours, when it is looked at, then it is of this version, limited and without rights', () => {
    const containers = ALL.flatMap(containersOf);
    expect(containers).to.have.length(4);
    for (const { name, image, resources, securityContext } of containers) {
      expect(image, name).to.equal(`localhost/nemesis:${product.version}`);
      expect(resources?.requests, name).to.have.keys('cpu', 'memory');
      expect(resources?.limits, name).to.include.keys('memory');
      expect(securityContext, name).to.deep.include({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
  });

  it('Given our own pods, when they start, then Services leave no variables there that look like settings', () => {
    for (const { kind, spec } of [...BASE, ...manifestsIn('uninstall')]) {
      if (kind === 'Deployment' || kind === 'Job') expect(spec?.template?.spec.enableServiceLinks).to.equal(false);
    }
  });

  it('Given our webhooks, when they do not answer, then nothing waits for them longer than two seconds', () => {
    const webhooks = BASE.flatMap((manifest) => manifest.webhooks ?? []);
    expect(webhooks).to.have.length(3);
    for (const { failurePolicy, timeoutSeconds } of webhooks) {
      expect({ failurePolicy, timeoutSeconds }).to.deep.equal({ failurePolicy: 'Ignore', timeoutSeconds: 2 });
    }
  });

  it('Given our roles, when they are read, then nothing in them stands for everything', () => {
    for (const { metadata, rules } of ALL) {
      for (const rule of rules ?? []) {
        expect([...rule.apiGroups, ...rule.resources, ...rule.verbs], metadata.name).to.not.include('*');
      }
    }
  });

  it('Given the charts, when a version is released, then they have it as well', () => {
    for (const chart of ['nemesis', 'nemesis-crds']) {
      const text = readFileSync(`manifests/helm/${chart}/Chart.yaml`, 'utf8');
      expect(text).to.match(new RegExp(`^version: ${product.version}$`, 'm'));
      expect(text).to.match(new RegExp(`^appVersion: ${product.version}$`, 'm'));
    }
    expect(readFileSync('manifests/helm/nemesis/values.yaml', 'utf8')).to.contain(`tag: ${product.version}`);
  });
});

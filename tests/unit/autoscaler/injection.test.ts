import { expect } from 'chai';
import { sidecarSettings } from '../../../sidecar/config.ts';
import { readSettings } from '../../../shared/runtime/settings.ts';
import { container, environmentOf, injected, OLD, OPTIONS, pod, sidecarOf } from './injection-support.ts';

const DRAIN = { httpGet: { path: '/drain', port: 9890 } };

describe('The injection', () => {
  it('adds the sidecar, its volume, hooks, marks and the shared processes, and nothing else', () => {
    const given = pod({ volumes: [{ name: 'data', emptyDir: {} }] }, { annotations: { mine: '1' } });
    const { pod: after, warnings, skipped } = injected(given);
    expect({ warnings, skipped }).to.deep.equal({ warnings: [], skipped: undefined });
    expect(after.metadata).to.deep.equal({
      annotations: { mine: '1', 'nemesis.io/injected': '1.2.3', 'nemesis.io/ca': 'PEM' },
    });
    const { initContainers, volumes, containers, shareProcessNamespace, ...rest } = after.spec;
    expect(rest).to.deep.equal({});
    expect(shareProcessNamespace).to.equal(true);
    expect(containers).to.deep.equal([{ ...container(), lifecycle: { preStop: DRAIN } }]);
    expect(volumes).to.deep.equal([
      { name: 'data', emptyDir: {} },
      {
        name: 'nemesis-credentials',
        projected: {
          sources: [
            { serviceAccountToken: { audience: 'nemesis', expirationSeconds: 3600, path: 'token' } },
            {
              downwardAPI: {
                items: [{ path: 'ca.crt', fieldRef: { fieldPath: "metadata.annotations['nemesis.io/ca']" } }],
              },
            },
          ],
        },
      },
    ]);
    const [sidecar] = initContainers ?? [];
    expect(sidecar).to.deep.include({
      image: 'nemesis:1',
      command: ['node', '--max-semi-space-size=1', '--max-old-space-size=32', '/app/sidecar.mjs'],
      restartPolicy: 'Always',
      ports: [{ name: 'nemesis', containerPort: 9890, protocol: 'TCP' }],
      resources: { requests: { cpu: '100m', memory: '96Mi' }, limits: { cpu: '100m', memory: '96Mi' } },
      volumeMounts: [{ name: 'nemesis-credentials', mountPath: '/var/run/nemesis', readOnly: true }],
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65_532,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
        readOnlyRootFilesystem: true,
        seccompProfile: { type: 'RuntimeDefault' },
      },
    });
    expect(sidecar).not.to.have.any.keys('readinessProbe', 'startupProbe', 'livenessProbe', 'lifecycle');
  });

  it('gives the sidecar an environment that it starts with', () => {
    const env = environmentOf(injected(pod({ terminationGracePeriodSeconds: 60 })));
    const fields = {
      NEMESIS_POD_NAME: 'a',
      NEMESIS_POD_UID: 'u',
      NEMESIS_POD_IP: '10.0.0.1',
      NEMESIS_NAMESPACE: 'n',
    };
    expect(readSettings(sidecarSettings, { ...env, ...fields })).to.deep.include({
      controllerUrl: 'https://controller:8091',
      tokenFile: '/var/run/nemesis/token',
      caFile: '/var/run/nemesis/ca.crt',
      port: 9890,
      appPort: 8080,
      announce: true,
      announcePort: 0,
      announcePath: '',
      livenessPath: '',
      drainMaxMs: 55_000,
    });
  });

  it('puts the native sidecar after every other init container, and below 1.29 an ordinary one after the containers', () => {
    const initContainers = [container({ name: 'mesh', restartPolicy: 'Always' }), container({ name: 'fetch' })];
    const names = (list: readonly { name: string }[] | undefined) => list?.map(({ name }) => name);
    const native = injected(pod({ initContainers })).pod.spec;
    expect(names(native.initContainers)).to.deep.equal(['mesh', 'fetch', 'nemesis-sidecar']);
    expect(names(native.containers)).to.deep.equal(['main']);
    const ordinary = injected(pod({ initContainers }), OLD).pod;
    expect(names(ordinary.spec.initContainers)).to.deep.equal(['mesh', 'fetch']);
    expect(names(ordinary.spec.containers)).to.deep.equal(['main', 'nemesis-sidecar']);
    expect(sidecarOf(ordinary)).not.to.have.property('restartPolicy');
    // Else it would be gone before it could drain the others.
    expect(sidecarOf(ordinary).lifecycle).to.deep.equal({ preStop: DRAIN });
  });

  it('puts it behind the containers of a pod that a Deployment makes, unless a postStart hook would hold it up', () => {
    const names = (list: readonly { name: string }[] | undefined) => list?.map(({ name }) => name);
    const deployed = { ...OPTIONS, deployed: true };
    const { pod: last } = injected(pod({ initContainers: [container({ name: 'fetch' })] }), deployed);
    expect(names(last.spec.containers)).to.deep.equal(['main', 'nemesis-sidecar']);
    expect(names(last.spec.initContainers)).to.deep.equal(['fetch']);
    expect(sidecarOf(last)).not.to.have.property('restartPolicy');
    expect(sidecarOf(last).lifecycle).to.deep.equal({ preStop: DRAIN });
    const hooked = container({ lifecycle: { postStart: { exec: { command: ['true'] } } } });
    const { pod: native } = injected(pod({ containers: [hooked] }), deployed);
    expect(names(native.spec.initContainers)).to.deep.equal(['nemesis-sidecar']);
  });

  it('keeps a preStop hook and says so; other hooks stay, too', () => {
    const preStop = { exec: { command: ['sleep', '5'] } };
    const postStart = { exec: { command: ['true'] } };
    const containers = [
      container({ lifecycle: { preStop } }),
      container({ name: 'b', lifecycle: { postStart } }),
      container({ name: 'c' }),
    ];
    const { pod: after, warnings } = injected(pod({ containers }));
    expect(after.spec.containers.map(({ lifecycle }) => lifecycle)).to.deep.equal([
      { preStop },
      { postStart, preStop: DRAIN },
      { preStop: DRAIN },
    ]);
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.match(/preStop hook of main is kept/);
    expect(after.metadata?.annotations?.['nemesis.io/kept-prestop']).to.equal('main');
  });

  for (const [grace, drain] of [
    [undefined, '25000'],
    [3, '1000'],
    [0, '1000'],
    [90_000, '3600000'],
  ] as const) {
    it(`drains for ${drain} ms with a grace period of ${grace ?? 'nothing, so 30'} s`, () => {
      const given = pod(grace === undefined ? {} : { terminationGracePeriodSeconds: grace });
      expect(environmentOf(injected(given))['NEMESIS_DRAIN_MAX_MS']).to.equal(drain);
    });
  }

  it("runs as the application's own user and group, but never as root", () => {
    const user = (fields: Parameters<typeof pod>[0]) => sidecarOf(injected(pod(fields)).pod).securityContext;
    const own = { runAsUser: 1000, runAsGroup: 3000 };
    expect(user({ securityContext: own })).to.deep.include(own);
    expect(user({ containers: [container({ securityContext: own })] })).to.deep.include(own);
    const over = { securityContext: { runAsUser: 1 }, containers: [container({ securityContext: own })] };
    expect(user(over)).to.deep.include(own);
    const root = user({ securityContext: { runAsUser: 0, runAsGroup: 0 } });
    expect(root).to.deep.include({ runAsUser: 65_532 }).and.not.to.have.property('runAsGroup');
    const second = { name: 'proxy', securityContext: { runAsUser: 1337 }, ports: [] };
    expect(user({ containers: [second, container({ securityContext: own })] }), 'whose port it is').to.deep.include(
      own,
    );
  });

  it('takes amounts from annotations, and refuses those that cannot work', () => {
    const amounts = (annotations: Record<string, string>) => {
      const injection = injected(pod({}, { annotations }));
      const { limits, requests } = sidecarOf(injection.pod)['resources'] as { limits: unknown; requests: unknown };
      expect(limits).to.deep.equal(requests);
      return [limits, injection.warnings.length];
    };
    const said = { 'nemesis.io/sidecar-cpu': '0.2', 'nemesis.io/sidecar-memory': '128Mi' };
    expect(amounts(said)).to.deep.equal([{ cpu: '0.2', memory: '128Mi' }, 0]);
    for (const [cpu, memory] of [
      ['much', '-1'],
      ['1m', '1Mi'],
      ['', '10'],
      ['1e3', '1 Gi'],
    ] as const) {
      const wrong = { 'nemesis.io/sidecar-cpu': cpu, 'nemesis.io/sidecar-memory': memory };
      expect(amounts(wrong), `${cpu} ${memory}`).to.deep.equal([{ cpu: '100m', memory: '96Mi' }, 2]);
    }
  });

  it('leaves the amounts out where the pod as a whole has limits', () => {
    const given = pod({ resources: { limits: { cpu: '1' } } });
    expect(sidecarOf(injected(given).pod)).not.to.have.property('resources');
  });

  it('shares the processes unless told otherwise', () => {
    const mark = { 'nemesis.io/share-processes': 'false' };
    for (const metadata of [{ labels: mark }, { annotations: mark }]) {
      expect(injected(pod({}, metadata)).pod.spec).not.to.have.property('shareProcessNamespace');
    }
    const { pod: after, warnings } = injected(pod({ shareProcessNamespace: false }));
    expect(after.spec.shareProcessNamespace).to.equal(false);
    expect(warnings.join()).to.match(/cannot be measured/);
    expect(injected(pod({ shareProcessNamespace: false }, { labels: mark })).warnings).to.deep.equal([]);
  });

  it("finds another name where the volume's is taken", () => {
    const volumes = [{ name: 'nemesis-credentials', emptyDir: {} }];
    const after = injected(pod({ volumes })).pod;
    expect(after.spec.volumes?.map(({ name }) => name)).to.deep.equal(['nemesis-credentials', 'nemesis-credentials-2']);
    expect(sidecarOf(after)['volumeMounts']).to.deep.include({
      name: 'nemesis-credentials-2',
      mountPath: '/var/run/nemesis',
      readOnly: true,
    });
  });

  it('leaves the authority to the controller where it is not known', () => {
    const after = injected(pod(), { ...OPTIONS, ca: undefined }).pod;
    expect(after.metadata?.annotations).to.deep.equal({ 'nemesis.io/injected': '1.2.3' });
  });
});

describe('A pod that gets no sidecar', () => {
  const job = { ownerReferences: [{ kind: 'Job', name: 'j', controller: true }] };
  const cases: [string, ReturnType<typeof pod>, typeof OPTIONS, string, RegExp | undefined][] = [
    ['opts out by label', pod({}, { labels: { 'nemesis.io/inject': 'false' } }), OPTIONS, 'OptedOut', undefined],
    ['opts out by note', pod({}, { annotations: { 'nemesis.io/inject': 'false' } }), OPTIONS, 'OptedOut', undefined],
    [
      'has one put in by hand',
      pod({ initContainers: [container({ name: 'nemesis-sidecar' })] }),
      OPTIONS,
      'AlreadyInjected',
      undefined,
    ],
    [
      'has an ordinary one put in by hand',
      pod({ containers: [container(), container({ name: 'nemesis-sidecar' })] }),
      OPTIONS,
      'AlreadyInjected',
      undefined,
    ],
    ['is a mirror', pod({}, { annotations: { 'kubernetes.io/config.mirror': 'x' } }), OPTIONS, 'MirrorPod', undefined],
    ['is for Windows by its os', pod({ os: { name: 'windows' } }), OPTIONS, 'Windows', /Linux only/],
    [
      'is for Windows by its node',
      pod({ nodeSelector: { 'kubernetes.io/os': 'windows' } }),
      OPTIONS,
      'Windows',
      /Linux only/,
    ],
    ["is on the node's network", pod({ hostNetwork: true }), OPTIONS, 'HostNetwork', /port 9890/],
    ["sees the node's processes", pod({ hostPID: true }), OPTIONS, 'HostPid', /would measure all of them/],
    [
      'uses our port',
      pod({ containers: [container({ ports: [{ containerPort: 9890 }] })] }),
      OPTIONS,
      'PortTaken',
      /9890/,
    ],
    ['is a Job before 1.29', pod({ restartPolicy: 'Never' }, job), OLD, 'RunsToCompletion', /1\.29/],
    ['ends by itself, before 1.29', pod({ restartPolicy: 'OnFailure' }), OLD, 'RunsToCompletion', /completing/],
  ];
  for (const [what, given, options, reason, warning] of cases) {
    it(`Given that it ${what}, Then ${reason}, and it stays as it was`, () => {
      const injection = injected(given, options);
      expect(injection.skipped).to.equal(reason);
      expect(injection.pod).to.equal(given);
      if (warning === undefined) expect(injection.warnings).to.deep.equal([]);
      else
        expect(injection.warnings.join())
          .to.match(warning)
          .and.to.match(/^nemesis: this pod gets no sidecar/);
    });
  }

  it('Given a Job with native sidecars, Then it is injected as every other', () => {
    expect(injected(pod({ restartPolicy: 'Never' }, job)).skipped).to.equal(undefined);
  });
});

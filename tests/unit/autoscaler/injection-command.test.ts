import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { expect } from 'chai';
import { parseAllDocuments } from 'yaml';
import { inject } from '../../../autoscaler/commands/inject.ts';

interface Printed {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(input: string, ...args: string[]): Promise<Printed> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await inject(args, { stdin: Readable.from([input]), stdout, stderr });
  const all = (stream: PassThrough): string => ((stream.read() as Buffer | null) ?? '').toString();
  return { code, out: all(stdout), err: all(stderr) };
}

interface Container {
  name: string;
  env?: { name: string; value?: string }[];
  image?: string;
}
interface Spec {
  containers: Container[];
  initContainers?: Container[];
}

function documents(text: string): Record<string, unknown>[] {
  return parseAllDocuments(text).map((each) => each.toJS() as Record<string, unknown>);
}
function at(value: unknown, ...keys: (string | number)[]): unknown {
  return keys.reduce((each, key) => (each as Record<string | number, unknown>)[key], value);
}
function sidecar(spec: unknown): Container | undefined {
  const { initContainers = [], containers } = spec as Spec;
  return [...initContainers, ...containers].find(({ name }) => name === 'nemesis-sidecar');
}
function portOf(spec: unknown): string | undefined {
  return sidecar(spec)?.env?.find(({ name }) => name === 'NEMESIS_APP_PORT')?.value;
}

const TEMPLATE = '{spec: {containers: [{name: a, ports: [{name: x, containerPort: 81}]}]}}';
const workload = (kind: string) => `kind: ${kind}\nmetadata: {name: w}\nspec: {template: ${TEMPLATE}}\n`;

describe('The command "inject"', () => {
  const directory = mkdtempSync(join(tmpdir(), 'nemesis-inject-'));
  after(() => rmSync(directory, { recursive: true, force: true }));

  for (const kind of ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job']) {
    it(`injects a ${kind}`, async () => {
      const { code, out } = await run(workload(kind));
      expect(code).to.equal(0);
      expect(portOf(at(documents(out)[0], 'spec', 'template', 'spec'))).to.equal('81');
    });
  }

  it('injects a Pod, a CronJob, and the items of Lists in Lists', async () => {
    const pod = `kind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a}]}\n`;
    const cron = `kind: CronJob\nmetadata: {name: c}\nspec: {jobTemplate: {spec: {template: ${TEMPLATE}}}}\n`;
    const list = `kind: List\nitems:\n- kind: List\n  items:\n  - {kind: Deployment, metadata: {name: d}, spec: {template: ${TEMPLATE}}}\n- kind: Secret\n`;
    const [one, two, three] = documents((await run(`${pod}---\n${cron}---\n${list}`)).out);
    expect(sidecar(at(one, 'spec'))).not.to.equal(undefined);
    expect(portOf(at(two, 'spec', 'jobTemplate', 'spec', 'template', 'spec'))).to.equal('81');
    expect(portOf(at(three, 'items', 0, 'items', 0, 'spec', 'template', 'spec'))).to.equal('81');
    expect(at(three, 'items', 1)).to.deep.equal({ kind: 'Secret' });
  });

  it('prints every other document as it came, comments and all', async () => {
    const other = '# mine\nkind:   Service # odd\nspec: {ports:   [{port: 80}]}\n';
    const { out } = await run(`${other}---\n# yours\n${workload('Deployment')}---\n${other}`);
    expect(out.startsWith(other)).to.equal(true);
    expect(out.endsWith(`---\n${other}`)).to.equal(true);
    expect(out).to.include('# yours\n');
    expect(documents(out)).to.have.length(3);
  });

  it('changes nothing that was printed by it before', async () => {
    const once = await run(workload('Deployment'));
    expect((await run(once.out)).out).to.equal(once.out);
  });

  it('gives each alias a sidecar of its own', async () => {
    const list = `kind: List\nitems:\n- {kind: Deployment, metadata: {name: a}, spec: {template: &t ${TEMPLATE}}}\n- {kind: Deployment, metadata: {name: b}, spec: {template: *t}}\n`;
    const [value] = documents((await run(list)).out);
    for (const index of [0, 1]) {
      const spec = at(value, 'items', index, 'spec', 'template', 'spec') as Spec;
      expect(
        spec.containers.filter(({ name }) => name === 'nemesis-sidecar'),
        String(index),
      ).to.have.length(1);
    }
  });

  it('takes port and probe from an Autoscaler in another file', async () => {
    const file = join(directory, 'autoscaler.yaml');
    const spec = '{scaleTargetRef: {name: w}, route: {port: 7000}}';
    writeFileSync(file, `apiVersion: nemesis.io/v1alpha1\nkind: Autoscaler\nmetadata: {name: z}\nspec: ${spec}\n`);
    const { out } = await run(workload('Deployment'), '-f', '-', '-f', file);
    expect(portOf(at(documents(out)[0], 'spec', 'template', 'spec'))).to.equal('7000');
    expect(documents(out)).to.have.length(2);
  });

  it('does as its options say', async () => {
    const args = [
      '--image',
      'x/y:1',
      '--kubernetes-version',
      'v1.28.9',
      '--port',
      '9',
      '--controller-url',
      'https://c',
    ];
    const { out, err } = await run(
      `${workload('Deployment')}---\n${workload('Job').replace('{spec: {', '{spec: {restartPolicy: Never, ')}`,
      ...args,
    );
    const [deployment, job] = documents(out);
    const spec = at(deployment, 'spec', 'template', 'spec') as Spec;
    expect(spec.containers.map(({ name }) => name)).to.deep.equal(['a', 'nemesis-sidecar']);
    expect(sidecar(spec)?.image).to.equal('x/y:1');
    expect(portOf(spec)).to.equal('9');
    expect(sidecar(spec)?.env).to.deep.include({ name: 'NEMESIS_CONTROLLER_URL', value: 'https://c' });
    expect(sidecar(at(job, 'spec', 'template', 'spec'))).to.equal(undefined);
    expect(err).to.match(/^the standard input, document 2, Job w: nemesis: .*completing\n$/);
  });

  const refused: [string, string, string[], number, RegExp][] = [
    ['a file that is not there', '', ['-f', '/no/such.yaml'], 1, /^inject: \/no\/such.yaml cannot be read: ENOENT/],
    [
      'what is not YAML',
      'a: 1\n---\na: [1\n',
      [],
      1,
      /^inject: the standard input, document 2, line \d+: this is not YAML/,
    ],
    ['no containers', 'kind: Pod\nmetadata: {name: x}\n', [], 1, /document 1: Pod x has no spec.containers/],
    [
      'nameless containers',
      'kind: Pod\nspec: {containers: [{}]}\n',
      [],
      1,
      /Pod without a name has no spec.containers/,
    ],
    ['an empty template', 'kind: CronJob\nspec:\n', [], 1, /has no spec.jobTemplate.spec.template.spec.containers/],
    [
      'a wrong Autoscaler',
      'kind: Autoscaler\nmetadata: {name: q}\nspec: {}\n',
      [],
      1,
      /Autoscaler q is not valid: spec.scaleTargetRef/,
    ],
    ['an unknown option', '', ['--imag', 'x'], 2, /^inject: Unknown option '--imag'/],
    ['a wrong version', '', ['--kubernetes-version', 'new'], 2, /--kubernetes-version is "new", but expected/],
    ['a wrong URL', '', ['--controller-url', 'c:1'], 2, /--controller-url is "c:1", but expected/],
  ];
  for (const [what, input, args, code, sentence] of refused) {
    it(`refuses ${what} in a sentence, and prints nothing`, async () => {
      const printed = await run(input, ...args);
      expect(printed.code).to.equal(code);
      expect(printed.err).to.match(sentence);
      expect(printed.out).to.equal('');
    });
  }

  it('prints nothing for nothing, and its help', async () => {
    expect(await run('')).to.deep.equal({ code: 0, out: '', err: '' });
    expect((await run('# only this\n')).code).to.equal(0);
    expect((await run('', '--help')).out).to.match(/--kubernetes-version/);
  });
});

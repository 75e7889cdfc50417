import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { CLUSTER_OPTIONS, connect } from '../../../autoscaler/commands/cluster-options.ts';
import {
  anyText,
  flag,
  list,
  option,
  optionOr,
  readOptions,
  UsageError,
} from '../../../autoscaler/commands/options.ts';

const OPTIONS = {
  filename: list({ short: 'f', value: 'FILE', description: 'files' }),
  name: option({ short: 'n', value: 'NAME', description: 'a name', parse: anyText }),
  count: optionOr('1', {
    value: 'COUNT',
    description: 'how many',
    allowed: 'a whole number',
    parse: (text) => (/^\d+$/.test(text) ? Number(text) : undefined),
  }),
  quiet: flag({ short: 'q', description: 'says nothing' }),
};

describe('The options of a command', () => {
  it('have their values, and what counts where they are not given', () => {
    expect(readOptions(OPTIONS, []).values).to.deep.equal({ filename: [], name: undefined, count: 1, quiet: false });
    const given = readOptions(OPTIONS, ['-f', 'a', '-fb', '--filename=-', '--name', 'x=y', '--count=12', '-q']).values;
    expect(given).to.deep.equal({ filename: ['a', 'b', '-'], name: 'x=y', count: 12, quiet: true });
    expect(readOptions(OPTIONS, ['-f', '-', '--name=--odd']).values.name).to.equal('--odd');
  });

  const mistakes: readonly (readonly [string, readonly string[], string])[] = [
    ['an unknown option', ['--nam', 'x'], `Unknown option '--nam'; did you mean --name?`],
    ['one that is like none', ['-x'], `Unknown option '-x'; there are --filename, --name, --count, --quiet.`],
    ['a method of every object', ['--constructor'], `Unknown option '--constructor'; there are`],
    ['an argument', ['now'], '"now" is too much; it takes no arguments.'],
    ['an argument after --', ['--', '--name'], '"--name" is too much; it takes no arguments.'],
    ['no value', ['--name'], '--name needs a value: --name NAME.'],
    ['an empty value', ['--name='], '--name needs a value: --name NAME.'],
    ['an option in place of a value', ['-n', '--quiet'], '-n needs a value, but "--quiet" follows; write -n=--quiet'],
    ['a value of a flag', ['--quiet=no'], '--quiet takes no value, but got "no".'],
    ['an option twice', ['-n', 'a', '--name', 'b'], '--name is given 2 times; expected once.'],
    ['a wrong value', ['--count', 'many'], '--count is "many", but expected a whole number.'],
  ];
  for (const [what, args, sentence] of mistakes) {
    it(`refuse ${what} with a sentence`, () => {
      expect(() => readOptions(OPTIONS, args))
        .to.throw(UsageError)
        .with.property('message')
        .that.satisfies((message: string) => message.startsWith(sentence));
    });
  }

  it('refuse all mistakes at once', () => {
    const { message } = ((): Error => {
      try {
        readOptions(OPTIONS, ['now', '--count', 'x', '--nam']);
      } catch (error) {
        return error as Error;
      }
      throw new Error('taken');
    })();
    expect(message.split('\n')).to.have.length(3);
  });
});

describe('A command that asks a cluster', () => {
  const directory = mkdtempSync(join(tmpdir(), 'nemesis-options-'));
  const kubeconfig = join(directory, 'config');
  let server: Server;
  let shown: string | undefined;

  before(async () => {
    server = createServer(({ headers }, response) => {
      shown = headers.authorization;
      response.end('{}');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: 'of-exec' },
    };
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: process.execPath,
      args: ['-e', `console.log(${JSON.stringify(JSON.stringify(credential))})`],
      interactiveMode: 'Never',
    };
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
      users: [
        { name: 'with-token', user: { token: 'of-user' } },
        { name: 'with-exec', user: { exec } },
      ],
      contexts: [
        { name: 'token', context: { cluster: 'c', user: 'with-token' } },
        { name: 'exec', context: { cluster: 'c', user: 'with-exec' } },
      ],
      'current-context': 'token',
    };
    writeFileSync(kubeconfig, JSON.stringify(config));
  });
  after(() => {
    server.close();
    server.closeAllConnections();
    rmSync(directory, { recursive: true, force: true });
  });

  async function shownBy(args: readonly string[], environmentToken = ''): Promise<string | undefined> {
    const options = readOptions(CLUSTER_OPTIONS, ['--kubeconfig', kubeconfig, ...args]).values;
    const api = connect(options, environmentToken, 'test');
    await api.request('GET', '/version');
    api.close();
    return shown;
  }

  it('shows the token of the current context, or of the one that is named', async () => {
    expect(await shownBy([])).to.equal('Bearer of-user');
    expect(await shownBy(['--context', 'exec'])).to.equal('Bearer of-exec');
  });

  it('shows the token that it is given instead, first that of the option', async () => {
    expect(await shownBy(['--token', 'of-option'])).to.equal('Bearer of-option');
    expect(await shownBy(['--context', 'exec'], 'of-environment')).to.equal('Bearer of-environment');
    expect(await shownBy(['--token', 'of-option'], 'of-environment')).to.equal('Bearer of-option');
  });

  it('says what is wrong with the kubeconfig or the context', () => {
    const connecting =
      (...args: string[]) =>
      () =>
        connect(readOptions(CLUSTER_OPTIONS, args).values, '', 'test');
    expect(connecting('--kubeconfig', '/nowhere')).to.throw(
      UsageError,
      '--kubeconfig is "/nowhere", which cannot be read',
    );
    expect(connecting('--kubeconfig', kubeconfig, '--context', 'prod')).to.throw(
      UsageError,
      '--context is "prod", but the kubeconfig has token, exec.',
    );
    writeFileSync(join(directory, 'bad'), '{');
    expect(connecting('--kubeconfig', join(directory, 'bad'))).to.throw(UsageError, 'cannot be read');
  });
});

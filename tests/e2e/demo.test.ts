import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { waitFor } from '../../demo/wait-for.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** What a curl command line asks for; only the options that our documentation uses. */
function requestOf(command: string): { url: string; init: RequestInit } {
  const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '');
  const init: { method?: string; headers: Record<string, string>; body?: string } = { headers: {} };
  let url = '';
  for (let index = 1; index < words.length; index += 1) {
    const word = words[index] ?? '';
    const value = (): string => words[(index += 1)] ?? '';
    if (word === '-X') init.method = value();
    else if (word === '-d') init.body = value();
    else if (word === '-H') {
      const [name = '', ...rest] = value().split(':');
      init.headers[name] = rest.join(':').trim();
    } else if (word.startsWith('-')) throw new Error(`The test does not know the option ${word} of: ${command}`);
    else url = word;
  }
  return { url, init: init.body === undefined ? init : { method: 'POST', ...init } };
}

describe('The README, as a new user follows it', function () {
  this.timeout(180_000);

  it('make demo: the tour happens, then every command that it and the README show works, and Ctrl-C ends it', async () => {
    const child = spawn('make', ['demo'], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => (output += text));
    }
    const exited = once(child, 'exit') as Promise<[number | null]>;
    try {
      await waitFor('the demo to stay up', 150_000, () => {
        if (child.exitCode !== null) throw new Error(`The demo ended:\n${output}`);
        return output.includes('for kubectl') && /export KUBECONFIG=\S+/.test(output);
      });
      expect(output).to.include('Everything above happened');
      expect(output.match(/✔/g)?.length ?? 0).to.be.at.least(15);

      const shown = [...output.matchAll(/curl .*$/gm)].map(([command]) => command.trim());
      expect(shown.length).to.be.at.least(5);
      for (const command of shown) {
        const { url, init } = requestOf(command);
        const answer = await fetch(url, init);
        expect(answer.status, `${command}: ${await answer.clone().text()}`).to.equal(200);
        await answer.arrayBuffer();
      }

      // The chapter about clusters is a test of its own, tests/cluster/install.test.ts; the one after it has names to be replaced.
      const chapters = /\n## (?:On a cluster|Your own Deployment)\n[\s\S]*?(?=\n## )/g;
      const readme = readFileSync(join(ROOT, 'README.md'), 'utf8').replaceAll(chapters, '');
      const commands = [...readme.matchAll(/^ {4}((?:make|curl) .*?)(?: {2,}#.*)?$/gm)].map(
        ([, command = '']) => command,
      );
      expect(commands).to.have.length.at.least(3);
      for (const command of commands) {
        // `make demo` runs here, and `make test` runs this.
        if (command === 'make demo' || command === 'make test') continue;
        const known = shown.map((each) => each.replace(/http:\/\/[^/]+/, ''));
        expect(known, command).to.include(command.replace(/http:\/\/[^/]+/, ''));
      }
    } finally {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGINT');
    }
    await exited;
    expect(output).to.not.include('✗');
  });
});

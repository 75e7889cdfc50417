import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { runCommand } from '../../../autoscaler/commands/run-command.ts';

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await runCommand(args, '1.2.3', { stdin: new PassThrough().end(), stdout, stderr });
  stdout.end();
  stderr.end();
  return { code, out: await text(stdout), err: await text(stderr) };
}

describe('nemesis', () => {
  it('prints its version and its commands', async () => {
    expect(await run('--version')).to.deep.equal({ code: 0, out: 'nemesis 1.2.3\n', err: '' });
    const { code, out } = await run('--help');
    expect(code).to.equal(0);
    for (const name of ['inject', 'uninstall']) expect(out).to.match(new RegExp(`^ {2}${name} `, 'm'));
  });

  for (const [what, args, problem] of [
    ['no command', [], 'No command was given.'],
    ['an unknown command', ['wake'], 'There is no command "wake".'],
    ['the name of a method of every object', ['constructor'], 'There is no command "constructor".'],
  ] as const) {
    it(`answers ${what} with the usage and exit code 2`, async () => {
      const { code, out, err } = await run(...args);
      expect([code, out]).to.deep.equal([2, '']);
      expect(err).to.include(`nemesis: ${problem}`).and.to.include('Usage: nemesis COMMAND');
    });
  }

  it('passes arguments and the exit code of a command through', async () => {
    expect((await run('inject', '--help')).out).to.include('-f FILE');
    const wrong = await run('uninstall', 'now');
    expect(wrong.code).to.equal(2);
    expect(wrong.err).to.include('"now"');
  });
});

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { runCommand } from '../../../autoscaler/commands/run-command.ts';

describe('nemesis backtest', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'backtest-'));
  });
  after(async () => {
    await rm(folder, { recursive: true });
  });

  async function run(content: string, ...options: string[]): Promise<{ code: number; out: string; err: string }> {
    const file = join(folder, 'trace');
    await writeFile(file, content);
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const code = await runCommand(['backtest', file, ...options], '1', { stdin: new PassThrough().end(), stdout, stderr });
    stdout.end();
    stderr.end();
    return { code, out: await text(stdout), err: (await text(stderr)).replaceAll(file, 'FILE') };
  } // prettier-ignore

  const MINUTES = Array.from({ length: 720 }, (_, index) => `${index + 1}_minute`).join(',');
  const CALLS = Array.from({ length: 720 }, (_, index) => (index % 4 === 0 ? 1 : 0)).join(',');

  it('Given calls per minute, with ids or without, Then a table, CSV with every time-out, and a plot', async () => {
    const table = await run(`Owner,App,${MINUTES}\no,a,${CALLS}\n`);
    expect(table.err).to.equal('');
    expect(table.out)
      .to.match(/^fixed 5 min +0 +0 +0\.00 /m)
      .and.to.match(/^adaptive 1% woken ahead /m);
    const svg = join(folder, 'plot.svg');
    const { code, out } = await run(`${MINUTES}\n${CALLS}\n`, '--csv', '--svg', svg, '--cost-per-hour', '2');
    expect(code).to.equal(0);
    expect(out.split('\n')).to.have.length(1 + 60 + 8 + 1 + 1);
    // Of 180 calls 60 are in the last third of the time; the 61st comes in the minute in which it begins.
    expect(out).to.match(/^fixed 60 min,(60|61),0,0,0,0,3\.996,7\.992,/m);
    expect(await readFile(svg, 'utf8'))
      .to.include('<polyline points=')
      .and.to.include('adaptive 1%');
  });

  it('Given single requests, Then the same', async () => {
    const lines = Array.from({ length: 300 }, (_, index) =>
      JSON.stringify({ timestamp: index % 2 === 0 ? index * 90_000 : new Date(index * 90_000).toISOString(), durationMs: 5 }),
    ); // prettier-ignore
    const { code, out } = await run(lines.join('\n'), '--delayed-requests', '1%', '--start-seconds', '5');
    expect(code).to.equal(0);
    expect(out)
      .to.match(/^fixed 1 min +100 +100 +100\.00/m)
      .and.to.match(/^fixed 2 min +0 +0 /m);
    expect(out).to.match(/^adaptive 1% +0 +0 /m);
  });

  for (const [what, content, sentence] of [
    ['other columns', 'a,b\n1,2\n', 'FILE, line 1: expected columns 1_minute'],
    ['a column out of order', '1_minute,3_minute\n', 'column 2 is "3_minute".'],
    ['a short row', '1_minute,2_minute\n1\n', 'FILE, line 2: expected 2 columns, but it has 1.'],
    ['a count that is none', '1_minute,2_minute\n1,-4\n', 'FILE, line 2, 2_minute: "-4" is no number of calls.'],
    ['no row', '1_minute\n', 'FILE has no application.'],
    ['an empty file', '', 'FILE, line 1: expected columns 1_minute'],
    ['a request without its time', '{"durationMs":1}\n', 'FILE, line 1: expected an object such as'],
    [
      'too many minutes',
      Array.from({ length: 44_641 }, (_, index) => `${index + 1}_minute`).join(','),
      'at most 44640',
    ],
  ] as const) {
    it(`Given ${what}, Then a sentence that says where, and exit code 1`, async () => {
      const { code, out, err } = await run(content);
      expect([code, out]).to.deep.equal([1, '']);
      expect(err).to.include(sentence);
    });
  }

  it('Given no file, one that is not there, or a share that is none, Then a sentence', async () => {
    expect((await run('', '--delayed-requests', '0%')).err).to.include('--delayed-requests is "0%", but expected up to 10');
    const stderr = new PassThrough();
    const io = { stdin: new PassThrough().end(), stdout: new PassThrough(), stderr };
    expect(await runCommand(['backtest', join(folder, 'none')], '1', io)).to.equal(1);
    stderr.end();
    expect(await text(stderr)).to.include('cannot be read: ENOENT');
  }); // prettier-ignore
});

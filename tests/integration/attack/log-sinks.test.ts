import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { RotatingFileSink } from '../../../loadbalancer/request-log/rotating-file-sink.ts';
import { eventually } from '../loadbalancer/support.ts';

describe('The request log', () => {
  it('survives a full disk: it says so once, and writes again when there is room', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'full-disk-'));
    const path = join(folder, 'requests.log');
    // Every write there fails with ENOSPC.
    symlinkSync('/dev/full', path);
    const errors: string[] = [];
    const recovered: number[] = [];
    let monotonicMs = 0;
    const sink = new RotatingFileSink({
      path,
      monotonicMs: () => monotonicMs,
      onError: (error) => errors.push(error.message),
      onRecovered: (dropped) => recovered.push(dropped),
    });
    sink.write('lost\n');
    await eventually(() => sink.dropped === 1);
    sink.write('lost as well\n');
    expect(sink.dropped).to.equal(2);
    // Tried again, and still full: that is no news.
    monotonicMs += 1001;
    sink.write('lost, too\n');
    await eventually(() => sink.dropped === 3);
    unlinkSync(path);
    monotonicMs += 1001;
    sink.write('first line\n');
    await eventually(() => recovered.length === 1);
    sink.write('second line\n');
    await sink.close();
    expect(errors).to.have.length(1);
    expect(errors[0]).to.include('ENOSPC');
    expect(recovered).to.deep.equal([3]);
    expect(readFileSync(path, 'utf8')).to.equal('\nfirst line\nsecond line\n');
    rmSync(folder, { recursive: true });
  });

  it('survives a reader of stdout that is gone: the program goes on', async () => {
    const sinks = join(import.meta.dirname, '../../../loadbalancer/request-log/line-sinks.ts');
    const program = `
      const { StreamSink } = await import(${JSON.stringify(sinks)});
      const sink = new StreamSink(process.stdout);
      setInterval(() => {
        sink.write('line\\n');
        if (sink.dropped > 3) process.exit(7);
      }, 5);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    child.stdout.destroy();
    const [code] = (await once(child, 'exit')) as [number];
    expect(code, 'exit code that it chose itself').to.equal(7);
  });
});

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { readCgroup } from '../../../sidecar/measure/cgroup-reader.ts';
import { parseStat } from '../../../sidecar/measure/processes.ts';
import { ratePerSecond } from '../../../sidecar/measure/sample.ts';
import { addressOf, parseTcp } from '../../../sidecar/measure/sockets.ts';

const V2 = {
  'cpu.stat': 'usage_usec 1234567\nuser_usec 1000000\nsystem_usec 234567\n',
  'memory.current': '104857600\n',
  'memory.stat': 'anon 41943040\nfile 62914560\ninactive_file 20971520\nactive_file 1\n',
  'io.stat': '8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n8:16 rbytes=1 wbytes=2 rios=1 wios=1\n',
};

/** Two looks at one container of version 2, five seconds apart: the files by name, and when that was. */
function recorded(): { atMs: number; files: Record<string, string> }[] {
  const looks = readFileSync(join(import.meta.dirname, 'fixtures/cgroup-v2.txt'), 'utf8')
    .split(/^=== at /m)
    .slice(1);
  return looks.map((look) => {
    const [at = '', ...files] = look.split(/^--- /m);
    const byName = files.map(
      (file) => [file.slice(0, file.indexOf('\n')), file.slice(file.indexOf('\n') + 1)] as const,
    );
    return { atMs: Number(at) * 1000, files: Object.fromEntries(byName) };
  });
}
const V1 = {
  'cpuacct/cpuacct.usage': '1234567000\n',
  'memory/memory.usage_in_bytes': '104857600\n',
  'memory/memory.stat': 'cache 1\ninactive_file 5\ntotal_inactive_file 20971520\n',
  'blkio/blkio.throttle.io_service_bytes': '8:0 Read 4096\n8:0 Write 8192\n8:0 Total 12288\nTotal 12288\n',
};

describe('readCgroup', () => {
  let root: string;
  beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'nemesis-cgroup-'))));
  afterEach(() => rmSync(root, { recursive: true, force: true }));
  const write = (files: Record<string, string>): void => {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), text);
    }
  };
  it('Given version 2, Then CPU, working set and disk are read over all devices', () => {
    write(V2);
    expect(readCgroup(root)).to.deep.equal({
      cpuMs: 1234.567,
      memoryBytes: 83_886_080,
      diskReadBytes: 4097,
      diskWriteBytes: 8194,
    });
  });
  it("Given a recording of version 2, Then CPU is within 10 % of what the process' own counters say, and memory is the working set", () => {
    const [first, second] = recorded().map(({ atMs, files }) => {
      write(files);
      const process = parseStat(93, files['/proc/PID/stat'] ?? '');
      return { atMs, cgroup: readCgroup(root), processMs: (process?.cpuTicks ?? Number.NaN) * 10 };
    });
    const elapsedMs = (second?.atMs ?? 0) - (first?.atMs ?? 0);
    const cores = (ratePerSecond(first?.cgroup?.cpuMs, second?.cgroup?.cpuMs, elapsedMs) ?? 0) / 1000;
    const truth = (ratePerSecond(first?.processMs, second?.processMs, elapsedMs) ?? 0) / 1000;
    expect(truth).to.be.within(0.5, 1);
    expect(cores).to.be.within(truth * 0.9, truth * 1.1);
    // 8 MiB of its pages are of a file that nobody uses any more.
    expect(second?.cgroup).to.include({
      memoryBytes: 10_010_624 - 8_634_368,
      diskReadBytes: 8_634_368,
      diskWriteBytes: 4_194_304,
    });
  });
  it('Given version 1, Then the same', () => {
    write(V1);
    expect(readCgroup(root)).to.deep.equal({
      cpuMs: 1234.567,
      memoryBytes: 83_886_080,
      diskReadBytes: 4096,
      diskWriteBytes: 8192,
    });
  });
  it('Given no io file, or nothing at all, Then undefined, never zero', () => {
    write({ ...V2, 'io.stat': '' });
    rmSync(join(root, 'io.stat'));
    expect(readCgroup(root)).to.include({ diskReadBytes: undefined });
    expect(readCgroup(join(root, 'none'))).to.equal(undefined);
  });
});

describe('parsers of /proc', () => {
  it('Given a recorded tcp table, Then addresses, ports and states', () => {
    const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12345 1
   1: 0500A8C0:1F90 0A00A8C0:C350 01 00000000:00000000 00:00000000 00000000  1000        0 12346 1
garbage
   0: 0000000000000000FFFF00000500A8C0:1F90 0000000000000000FFFF00000A00A8C0:C351 08 00000000:00000000 00:00000000 0 0`;
    const parsed = parseTcp(table).map((each) => [
      addressOf(each.localAddress),
      each.localPort,
      addressOf(each.remoteAddress),
      each.state,
    ]);
    expect(parsed).to.deep.equal([
      ['0.0.0.0', 8080, '0.0.0.0', '0A'],
      ['192.168.0.5', 8080, '192.168.0.10', '01'],
      ['192.168.0.5', 8080, '192.168.0.10', '08'],
    ]);
  });
  it('Given IPv6 addresses as the kernel shows them, Then their canonical form', () => {
    expect(addressOf('B80D0120000000000000000001000000')).to.equal('2001:db8::1');
    expect(addressOf('0000000000000000FFFF00000100A8C0')).to.equal('192.168.0.1');
    expect(addressOf('00000000000000000000000001000000')).to.equal('::1');
  });

  it("Given only the pod's pause container, Then there is nothing to measure", () => {
    expect(parseStat(1, '1 (pause) S 0 1 1 0 -1 4194560 100 0 0 0 3 4 0 0 20 0 1 0 777 0 0')).to.equal(undefined);
    expect(parseStat(2, '2 (pause) S 0 1 1 0 -1 4194560 100 0 0 0 3 4 0 0 20 0 1 0 777 0 0')).to.include({
      cpuTicks: 7,
    });
  });

  it('Given a process name with brackets and blanks, Then its fields are right', () => {
    const rest = [
      'S',
      '7',
      ...Array.from({ length: 9 }, () => '0'),
      '150',
      '50',
      '0',
      '0',
      '20',
      '0',
      '1',
      '0',
      '999',
      '1',
    ];
    expect(parseStat(5, `5 (a) b (c)) ${rest.join(' ')}`)).to.deep.equal({
      pid: 5,
      parent: 7,
      startTicks: 999,
      cpuTicks: 200,
    });
    expect(parseStat(5, 'gone')).to.equal(undefined);
  });
  it('Given counters, Then a rate only where two readings go up', () => {
    expect(ratePerSecond(100, 350, 500)).to.equal(500);
    expect([ratePerSecond(undefined, 1, 1), ratePerSecond(2, 1, 1), ratePerSecond(1, 2, 0)]).to.deep.equal([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

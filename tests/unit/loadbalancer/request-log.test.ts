import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { StreamSink } from '../../../loadbalancer/request-log/line-sinks.ts';
import { RotatingFileSink } from '../../../loadbalancer/request-log/rotating-file-sink.ts';
import { RequestLog } from '../../../loadbalancer/request-log/request-log.ts';
import type { RequestLogEntry } from '../../../loadbalancer/request-log/request-log-entry.ts';

const entry = (number: number, overrides: Partial<RequestLogEntry> = {}): RequestLogEntry => ({
  timestampMs: 1_700_000_000_000 + number,
  requestId: `r${number}`,
  application: 'models/a',
  targetUrl: `http://10.0.0.1:80/${number}`,
  pod: 'a-1',
  status: 200,
  clientIp: '192.0.2.1',
  method: 'GET',
  path: `/${number}`,
  latencyMs: 1.23456,
  heldMs: 0,
  bytesIn: 10,
  bytesOut: 20,
  ...overrides,
});

describe('RequestLog', () => {
  it('keeps the last entries and shows the newest first', () => {
    const log = new RequestLog([], { capacity: 3 });
    for (let number = 0; number < 5; number += 1) log.add(entry(number));
    expect(log.query().items.map((item) => item.request_id)).to.deep.equal(['r4', 'r3', 'r2']);
  });

  it('pages without repeating or missing any while new ones arrive', () => {
    const log = new RequestLog([], { capacity: 100 });
    for (let number = 0; number < 10; number += 1) log.add(entry(number));
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = log.query({ limit: 3, ...(cursor === undefined ? {} : { cursor }) });
      seen.push(...page.items.map((item) => item.request_id));
      cursor = page.nextCursor;
      log.add(entry(100 + seen.length));
    } while (cursor !== undefined);
    expect(seen).to.deep.equal(['r9', 'r8', 'r7', 'r6', 'r5', 'r4', 'r3', 'r2', 'r1', 'r0']);
  });

  it('filters', () => {
    const log = new RequestLog([]);
    log.add(entry(1, { status: 503, error: 'StartTimeout' }));
    log.add(entry(2, { method: 'POST', clientIp: '192.0.2.2' }));
    log.add(entry(3, { application: 'models/b' }));
    const ids = (query: Parameters<RequestLog['query']>[0]): string[] =>
      log.query(query).items.map((item) => item.request_id);
    expect(ids({ status: 503 })).to.deep.equal(['r1']);
    expect(ids({ method: 'post' })).to.deep.equal(['r2']);
    expect(ids({ clientIp: '192.0.2.2' })).to.deep.equal(['r2']);
    expect(ids({ target: 'models/b' })).to.deep.equal(['r3']);
    expect(ids({ target: '10.0.0.1:80/2' })).to.deep.equal(['r2']);
    expect(ids({ sinceMs: 1_700_000_000_002, untilMs: 1_700_000_000_003 })).to.deep.equal(['r2']);
    expect(ids({ cursor: 'nonsense' })).to.deep.equal([]);
  });

  it('writes lines that are JSON whatever the client sent, all of them by the close', async () => {
    const stream = new PassThrough();
    const log = new RequestLog([new StreamSink(stream)]);
    log.add(entry(1, { path: '/"\\\u0001\u00e9', error: 'x' }));
    log.add(entry(2));
    await log.close();
    const lines = String(stream.read())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(lines).to.deep.equal(log.query().items.toReversed());
    expect(lines[0]).to.include({ path: '/"\\\u0001\u00e9', latency_ms: 1.235, timestamp: '2023-11-14T22:13:20.001Z' });
  });

  it('rotates a file by size and loses no line', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'request-log-'));
    const path = join(folder, 'requests.log');
    const sink = new RotatingFileSink({
      path,
      maxBytes: 1000,
      maxFiles: 3,
      onError: (error) => expect.fail(error.message),
    });
    const line = `${'x'.repeat(299)}\n`;
    for (let count = 0; count < 7; count += 1) sink.write(line);
    await sink.close();
    expect(readdirSync(folder).sort()).to.deep.equal(['requests.log', 'requests.log.1', 'requests.log.2']);
    expect(readFileSync(path, 'utf8')).to.equal(line);
    rmSync(folder, { recursive: true });
  });
});

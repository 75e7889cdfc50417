import { expect } from 'chai';
import { RequestLog } from '../../../loadbalancer/request-log/request-log.ts';
import { podAt, startRaw, talk, startPlane } from '../loadbalancer/support.ts';

describe('The request log in memory', function () {
  this.timeout(60_000);
  before(async () => {
    const { setFlagsFromString } = await import('node:v8');
    const { runInNewContext } = await import('node:vm');
    setFlagsFromString('--expose-gc');
    globalThis.gc = runInNewContext('gc') as NodeJS.GCFunction;
  });

  /** Heap in use once collections free nothing more: sockets that have just closed are let go bit by bit. */
  const heapBytes = async (): Promise<number> => {
    for (let last = Infinity; ;) {
      globalThis.gc?.();
      const { heapUsed } = process.memoryUsage();
      if (last - heapUsed < 100_000) return heapUsed;
      last = heapUsed;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };

  it('keeps of 6,000 requests with 15 kB of cookies each what it shows, and not their heads', async () => {
    const log = new RequestLog([], { capacity: 10_000 });
    const plane = await startPlane();
    // It keeps nothing itself.
    const pod = await startRaw((socket) => {
      socket.on('data', (chunk) => {
        if (chunk.subarray(-4).toString('latin1') === '\r\n\r\n')
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      });
    });
    plane.queue.setPods([podAt(pod.port)], performance.now());
    const head = (number: number): string =>
      `GET /a/path/that/is/long/enough/${number} HTTP/1.1\r\nHost: app\r\nX-Request-Id: an-id-that-is-long-${number}\r\nCookie: ${'c'.repeat(15_000)}\r\n`;
    const ask = async (from: number, count: number): Promise<void> => {
      let text = '';
      for (let number = from; number < from + count; number += 1)
        text += `${head(number)}${number === from + count - 1 ? 'Connection: close\r\n' : ''}\r\n`;
      await talk(plane.port, [text]);
      for (const entry of plane.logged.splice(0)) log.add(entry);
    };
    await ask(0, 100);
    const before = await heapBytes();
    for (let from = 100; from < 6100; from += 200) await ask(from, 200);
    const keptBytes = (await heapBytes()) - before;
    await plane.close();
    await pod.close();
    expect(keptBytes / 6000, 'bytes for each request').to.be.below(2000);
    const [newest] = log.query({ limit: 1 }).items;
    expect(newest).to.include({ request_id: 'an-id-that-is-long-6099', path: '/a/path/that/is/long/enough/6099' });
    expect(newest?.target_url).to.match(/^http:\/\/127\.0\.0\.1:[0-9]+\/a\/path\/that\/is\/long\/enough\/6099$/);
  });

  it('shortens long paths, which the log lines have in full', () => {
    const lines: string[] = [];
    const sink = { write: (text: string) => void lines.push(text), close: () => Promise.resolve() };
    const log = new RequestLog([sink]);
    const path = `/${'p'.repeat(10_000)}`;
    log.add({
      timestampMs: 0,
      requestId: 'r',
      application: 'a/b',
      targetUrl: `http://10.0.0.1:80${path}`,
      pod: 'p',
      status: 200,
      clientIp: '10.0.0.2',
      method: 'GET',
      path,
      latencyMs: 1,
      heldMs: 0,
      bytesIn: 0,
      bytesOut: 0,
    });
    log.flush();
    const [kept] = log.query().items;
    expect(kept?.path)
      .to.have.length(1024)
      .and.match(/^\/p+\.\.\.$/);
    expect(kept?.target_url).to.have.length(1024);
    expect((JSON.parse(lines.join('')) as { path: string }).path).to.equal(path);
  });
});

import { expect } from 'chai';
import { answering, statusOf, talk, usePlane } from './support.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

// RFC 9110, section 7.6.2.
describe('Max-Forwards', () => {
  const { setup, serve } = usePlane();
  const ask = (method: string, fields: string, host = 'app'): Promise<string> =>
    talk(setup().port, [`${method} / HTTP/1.1\r\nHost: ${host}\r\n${fields}Connection: close\r\n\r\n`]);

  for (const [method, given, forwarded] of [
    ['TRACE', '5', '4'],
    ['OPTIONS', '1', '0'],
    ['OPTIONS', '007', '6'],
    ['TRACE', '9'.repeat(40), '2147483646'],
    ['GET', '5', '5'],
    ['GET', '0', '0'],
    ['GET', 'none', 'none'],
  ] as const) {
    it(`Given ${method} with ${given}, Then the pod gets ${forwarded}`, async () => {
      const seen: string[] = [];
      await serve(answering(ok, seen));
      expect(statusOf(await ask(method, `Max-Forwards: ${given}\r\n`))).to.equal(200);
      expect([...(seen[0] ?? '').matchAll(/^max-forwards: (.*)\r$/gim)].map(([, value]) => value)).to.deep.equal([
        forwarded,
      ]);
    });
  }

  it('Given OPTIONS with 0, Then the balancer answers what it takes, and no pod is asked or woken', async () => {
    const seen: string[] = [];
    await serve(answering(ok, seen));
    for (const host of ['app', 'none']) {
      const answer = await ask('OPTIONS', 'Max-Forwards: 0\r\n', host);
      expect(answer).to.match(/^HTTP\/1\.1 204 No Content\r\n/);
      expect(answer)
        .to.match(/\r\nallow: [A-Z-]+(, [A-Z-]+)*\r\n/)
        .and.match(/\r\ndate: .*\r\nx-request-id: /);
      expect(answer).not.to.match(/content-length|\bCONNECT\b/);
    }
    expect([seen.length, setup().held.times]).to.deep.equal([0, 0]);
    expect(setup().logged.map(({ status, error }) => [status, error])).to.deep.equal([
      [204, undefined],
      [204, undefined],
    ]);
  });

  it('Given TRACE with 0, Then the balancer refuses it: what it would reflect may be secret', async () => {
    const seen: string[] = [];
    await serve(answering(ok, seen));
    const answer = await ask('TRACE', 'Max-Forwards: 0\r\n');
    expect(statusOf(answer)).to.equal(501);
    expect(answer).to.include('"code":"NotImplemented"');
    expect(seen).to.deep.equal([]);
  });

  it('Given a value that is no number, or two, Then the request is refused', async () => {
    const seen: string[] = [];
    await serve(answering(ok, seen));
    for (const fields of ['Max-Forwards: -1\r\n', 'Max-Forwards: \r\n', 'Max-Forwards: 1\r\n'.repeat(2)])
      expect(statusOf(await ask('OPTIONS', fields)), fields).to.equal(400);
    expect(seen).to.deep.equal([]);
  });

  it('Given a pipeline, Then the connection goes on after such an answer', async () => {
    await serve(answering(ok));
    const text = await talk(setup().port, [
      `OPTIONS * HTTP/1.1\r\nHost: app\r\nMax-Forwards: 0\r\n\r\nGET / HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n`,
    ]);
    expect([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).to.deep.equal(['204', '200']);
  });
});

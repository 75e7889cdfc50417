import { expect } from 'chai';
import { answering, type Plane, podAt, type RawServer, startPlane, startRaw, statusOf, talk } from './support.ts';

const close = 'Connection: close\r\n';
/** Each must be refused with this status and never reach a pod. */
const refused: readonly (readonly [name: string, status: number, message: string])[] = [
  ['CL.TE', 400, `POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['TE.CL', 400, `POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`],
  [
    'TE.TE',
    400,
    `POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`,
  ],
  ['TE list', 400, `POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ['TE twice chunked', 400, `POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`],
  ['TE with a vertical tab', 400, `POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`],
  ['TE in HTTP/1.0', 400, `POST / HTTP/1.0\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['two lengths', 400, `POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na`],
  ['a list of lengths', 400, `POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 1, 1\r\n\r\na`],
  ['a signed length', 400, `POST / HTTP/1.1\r\nHost: app\r\nContent-Length: +1\r\n\r\na`],
  ['a hexadecimal length', 400, `POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 0x1\r\n\r\na`],
  ['an empty length', 400, `POST / HTTP/1.1\r\nHost: app\r\nContent-Length:\r\n\r\na`],
  ['a length beyond counting', 400, `POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 99999999999999999999\r\n\r\na`],
  ['obs-fold', 400, `GET / HTTP/1.1\r\nHost: app\r\nX-A: b\r\n c\r\n\r\n`],
  ['a folded first field', 400, `GET / HTTP/1.1\r\n Host: app\r\nHost: app\r\n\r\n`],
  ['a space before the colon', 400, `GET / HTTP/1.1\r\nHost: app\r\nContent-Length : 3\r\n\r\n`],
  ['a field without a name', 400, `GET / HTTP/1.1\r\nHost: app\r\n: x\r\n\r\n`],
  ['a field without a colon', 400, `GET / HTTP/1.1\r\nHost: app\r\nnonsense\r\n\r\n`],
  ['NUL in a value', 400, `GET / HTTP/1.1\r\nHost: app\r\nX-A: b\0c\r\n\r\n`],
  ['a bare CR in a value', 400, `GET / HTTP/1.1\r\nHost: app\r\nX-A: b\rX-B: c\r\n\r\n`],
  ['a bare LF in a value', 400, `GET / HTTP/1.1\r\nHost: app\r\nX-A: b\nX-B: c\r\n\r\n`],
  ['bare LFs only', 400, `GET / HTTP/1.1\nHost: app\n\n`],
  ['CR CR LF', 400, `GET / HTTP/1.1\r\r\nHost: app\r\n\r\n`],
  ['two hosts', 400, `GET / HTTP/1.1\r\nHost: app\r\nHost: app\r\n\r\n`],
  ['no host', 400, `GET / HTTP/1.1\r\n${close}\r\n`],
  ['a host with a path', 400, `GET / HTTP/1.1\r\nHost: app/x\r\n\r\n`],
  ['a host with a user', 400, `GET / HTTP/1.1\r\nHost: a@app\r\n\r\n`],
  ['no version', 400, `GET /\r\n\r\n`],
  ['two spaces', 400, `GET  / HTTP/1.1\r\nHost: app\r\n\r\n`],
  ['a space in the target', 400, `GET /a b HTTP/1.1\r\nHost: app\r\n\r\n`],
  ['a later version', 505, `GET / HTTP/2.0\r\nHost: app\r\n\r\n`],
  ['a version that is none', 400, `GET / HTTP/1.11\r\nHost: app\r\n\r\n`],
  ['an unknown method', 501, `BREW / HTTP/1.1\r\nHost: app\r\n\r\n`],
  ['CONNECT', 501, `CONNECT app:80 HTTP/1.1\r\nHost: app\r\n\r\n`],
  ['an escaped slash', 400, `GET /a%2fb HTTP/1.1\r\nHost: app\r\n\r\n`],
  ['an escaped backslash', 400, `GET /a%5Cb HTTP/1.1\r\nHost: app\r\n\r\n`],
  ['an escaped NUL', 400, `GET /a%00b HTTP/1.1\r\nHost: app\r\n\r\n`],
  ['a malformed escape', 400, `GET /a%zz HTTP/1.1\r\nHost: app\r\n\r\n`],
  ['a path above the root', 400, `GET /../etc HTTP/1.1\r\nHost: app\r\n\r\n`],
  ['a path above the root, escaped', 400, `GET /a/%2e%2E/%2e./x HTTP/1.1\r\nHost: app\r\n\r\n`],
  ['a fragment', 400, `GET /a#b HTTP/1.1\r\nHost: app\r\n\r\n`],
  ['a target without a slash', 400, `GET a HTTP/1.1\r\nHost: app\r\n\r\n`],
  ['another scheme', 400, `GET ftp://app/ HTTP/1.1\r\nHost: app\r\n\r\n`],
  [
    'a chunk size with a sign',
    400,
    `POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n`,
  ],
  [
    'a chunk size with 0x',
    400,
    `POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n`,
  ],
  [
    'a chunk size with a space',
    400,
    `POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\na\r\n0\r\n\r\n`,
  ],
  [
    'a chunk line with a bare LF',
    400,
    `POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n`,
  ],
  [
    'a chunk longer than it says',
    400,
    `POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n`,
  ],
  [
    'an LF in a chunk extension',
    400,
    `POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n1;a\nb\r\na\r\n0\r\n\r\n`,
  ],
  [
    'a chunk extension without a name',
    400,
    `POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n1;=b\r\na\r\n0\r\n\r\n`,
  ],
  [
    'a chunk extension without a value',
    400,
    `POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n1;a=\r\na\r\n0\r\n\r\n`,
  ],
  [
    'a chunk extension whose quote does not end',
    400,
    `POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n1;a="b\r\na\r\n0\r\n\r\n`,
  ],
  [
    'a chunk extension with text after its quote',
    400,
    `POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n1;a="b"c\r\na\r\n0\r\n\r\n`,
  ],
  [
    'an empty chunk extension',
    400,
    `POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n1;a;\r\na\r\n0\r\n\r\n`,
  ],
  [
    'a chunk extension with two values',
    400,
    `POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b=c\r\na\r\n0\r\n\r\n`,
  ],
  ['a huge chunk size', 400, `POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n`],
  [
    'framing in a trailer',
    400,
    `POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 3\r\n\r\n`,
  ],
  ['a large head', 431, `GET / HTTP/1.1\r\nHost: app\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`],
  ['many fields', 431, `GET / HTTP/1.1\r\nHost: app\r\n${'X-A: b\r\n'.repeat(101)}\r\n`],
  ['an unknown host', 404, `GET / HTTP/1.1\r\nHost: other\r\n${close}\r\n`],
  ['routes not known yet', 503, `GET / HTTP/1.1\r\nHost: unsynced\r\n${close}\r\n`],
];

describe('refusing what is not well formed', () => {
  let setup: Plane;
  let pod: RawServer;
  const seen: string[] = [];

  before(async () => {
    setup = await startPlane();
    pod = await startRaw(answering('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', seen));
    setup.queue.setPods([podAt(pod.port)], performance.now());
  });
  after(async () => {
    await setup.close();
    await pod.close();
  });

  for (const [name, status, message] of refused) {
    it(`answers ${name} with ${status} and closes`, async () => {
      const text = await talk(setup.port, [message]);
      expect(statusOf(text), text).to.equal(status);
      expect(text).to.contain('application/problem+json').and.contain('connection: close');
      const split = await talk(setup.port, [message.slice(0, 21), message.slice(21)]);
      expect(statusOf(split), split).to.equal(status);
    });
  }

  it('lets no smuggled second request reach the pod', () => {
    for (const head of seen) expect(head).not.to.match(/content-length[^]*transfer-encoding/i);
  });
});

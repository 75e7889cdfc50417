import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { expect } from 'chai';
import fc from 'fast-check';
import { RequestBody } from '../../../loadbalancer/http1/body/request-body.ts';
import { parseRequestHead } from '../../../loadbalancer/http1/head/request-head.ts';

/** What we make of one message: refused, or accepted with where it ends. */
const ours = (message: string): { readonly accepted: boolean; readonly end: number } => {
  const end = message.indexOf('\r\n\r\n');
  if (end === -1) return { accepted: false, end: 0 };
  const head = parseRequestHead(message, end, 100);
  if ('code' in head) return { accepted: false, end: 0 };
  const body = new RequestBody(head.bodyLength);
  const bytes = Buffer.from(message.slice(end + 4), 'latin1');
  const taken = body.complete ? 0 : body.accept(bytes);
  return { accepted: taken !== -1 && body.complete, end: end + 4 + Math.max(0, taken) };
};

const lines = {
  method: ['GET', 'POST', 'PUT', 'get', 'G ET', 'OPTIONS', ''],
  target: ['/', '/a?b=c', '/a b', '/\x7f', 'http://h/a', '*', '/a\tb', '//', '/a#f', '/é', 'a'],
  version: ['HTTP/1.1', 'HTTP/1.0', 'HTTP/1.2', 'HTTP/0.9', 'http/1.1', 'HTTP/1.1 ', 'HTTP/11'],
  end: ['\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '\r\r\n', '\n\r\n'],
  field: [
    'Host: h',
    'Host: h',
    'Host: h',
    'Host:h',
    'host : h',
    'Content-Length: 3',
    'Content-Length: 3',
    'content-length: 03',
    'Content-Length: 3, 3',
    'Content-Length: -3',
    'Content-Length: 3 ',
    'Content-Length:\t3',
    'Content-Length: 3 3',
    'Content-Length: ',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: chunked',
    'transfer-encoding: Chunked',
    'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding: chunked, gzip',
    'Transfer-Encoding: xchunked',
    'Transfer-Encoding:\x0bchunked',
    'Transfer-Encoding: identity',
    'Connection: close',
    'Connection: keep-alive, x',
    'X: y',
    'X:y\x00z',
    'X: \x01',
    ' X: folded',
    '\tX: folded',
    'X y: z',
    'X',
    ': v',
    'X: y\rZ: w',
    'X: y\nZ: w',
    'X(: y',
    'X: \x80\xff',
    'Upgrade: a',
  ],
  body: [
    '',
    'abc',
    'abcd',
    '3\r\nabc\r\n0\r\n\r\n',
    '3\r\nabc\r\n0\r\nT: v\r\n\r\n',
    '3;e=1\r\nabc\r\n0\r\n\r\n',
    '3;e="a b\\"c";f\r\nabc\r\n0\r\n\r\n',
    '3;e="\r\nabc\r\n0\r\n\r\n',
    '3;=1\r\nabc\r\n0\r\n\r\n',
    '3;e=1=2\r\nabc\r\n0\r\n\r\n',
    '3;e="a"b\r\nabc\r\n0\r\n\r\n',
    '3;e="a\nb"\r\nabc\r\n0\r\n\r\n',
    '03\r\nabc\r\n0\r\n\r\n',
    '3 \r\nabc\r\n0\r\n\r\n',
    '3\nabc\r\n0\r\n\r\n',
    '3\r\nabc0\r\n\r\n',
    '3\r\nabcd\r\n0\r\n\r\n',
    '0x3\r\nabc\r\n0\r\n\r\n',
    '-3\r\nabc\r\n0\r\n\r\n',
    '3;\r\nabc\r\n0\r\n\r\n',
    '3;a\nb\r\nabc\r\n0\r\n\r\n',
    'ffffffffffffffffff\r\nabc',
    '0\r\n\r\n',
    '0\r\n\n',
    '0\n\r\n',
    '0\r\nT : v\r\n\r\n',
    '3\r\nabc\n0\r\n\r\n',
    '3\r\nabc\r0\r\n\r\n',
  ],
} as const;

const message = fc
  .record({
    method: fc.constantFrom(...lines.method.slice(0, 3), ...lines.method),
    target: fc.constantFrom('/', '/', '/', ...lines.target),
    version: fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', ...lines.version),
    fields: fc.array(
      fc.tuple(fc.constantFrom(...lines.field), fc.constantFrom(...Array<string>(30).fill('\r\n'), ...lines.end)),
      { maxLength: 4 },
    ),
    host: fc.boolean(),
    body: fc.constantFrom(...lines.body),
    flip: fc.option(fc.tuple(fc.nat(200), fc.nat(255)), { freq: 4 }),
  })
  .map(({ method, target, version, fields, host, body, flip }) => {
    let text = `${method} ${target} ${version}\r\n${host ? 'Host: h\r\n' : ''}${fields.map(([field, end]) => field + end).join('')}\r\n${body}`;
    if (flip !== null && flip[0] < text.length) {
      text = text.slice(0, flip[0]) + String.fromCharCode(flip[1]) + text.slice(flip[0] + 1);
    }
    return text;
  });

describe('against llhttp', () => {
  let server: Server;
  let port = 0;
  /** Sends one message to Node's own strict server and says whether it took it as one whole request. */
  const theirs = async (text: string): Promise<'accepted' | 'refused'> => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let answer = '';
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.end(Buffer.from(text, 'latin1'));
    await once(socket, 'close');
    return answer.startsWith('HTTP/1.1 200') ? 'accepted' : 'refused';
  };

  before(async () => {
    // Answers once the body is whole, so that a body that llhttp refuses is seen as refused.
    server = createServer({ insecureHTTPParser: false }, (request, response) => {
      request.resume();
      request.on('end', () => response.writeHead(200, { connection: 'close' }).end());
      request.on('error', () => undefined);
    });
    server.on('clientError', (_error, socket) => socket.destroy());
    server.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'));
    server.on('connect', (_request, socket) => socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  it('accepts nothing that llhttp refuses', async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(message, async (text) => {
        const mine = ours(text);
        if (!mine.accepted) return;
        accepted += 1;
        // Only what we would forward counts: what follows is the next request's matter.
        expect(await theirs(text.slice(0, mine.end)), JSON.stringify(text)).to.equal('accepted');
      }),
      { numRuns: 40_000, seed: 20_260_103, interruptAfterTimeLimit: 8000, markInterruptAsFailure: false },
    );
    expect(accepted).to.be.greaterThan(300);
  }).timeout(30_000);
});

import { expect } from 'chai';
import { dial, type Plane, podAt, readUntil, startPlane, startRaw, talk } from './support.ts';
import { setImmediate as nextTurn } from 'node:timers/promises';

const requests: readonly (readonly [name: string, message: string, forwarded: string])[] = [
  ['a GET', 'GET /x?y HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n', 'GET /x?y HTTP/1.1'],
  ['a POST', 'POST / HTTP/1.1\r\nHost: app\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello', 'hello'],
  [
    'a chunked POST with trailers',
    'POST / HTTP/1.1\r\nHost: app\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5;a="b"\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-T: v\r\n\r\n',
    '5;a="b"\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-T: v\r\n\r\n',
  ],
  [
    'two in a pipeline',
    'GET /1 HTTP/1.1\r\nHost: app\r\n\r\nGET /2 HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n',
    'GET /2',
  ],
];

const responses: readonly (readonly [name: string, answer: string, close: boolean, expected: string])[] = [
  ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello', false, '\r\n\r\nhello'],
  [
    'chunks',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: v\r\n\r\n',
    false,
    '5\r\nhello\r\n0\r\nX-T: v\r\n\r\n',
  ],
  ['an end by closing', 'HTTP/1.0 200 OK\r\nX-A: b\r\n\r\nhello', true, '\r\n\r\nhello'],
  [
    'interim answers',
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
    false,
    'HTTP/1.1 103 Early Hints',
  ],
  ['nothing in a 304', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n', false, 'HTTP/1.1 304'],
];

describe('messages split at every byte', () => {
  let setup: Plane;
  beforeEach(async () => {
    setup = await startPlane();
  });
  afterEach(() => setup.close());

  for (const [name, message, forwarded] of requests) {
    it(`forwards ${name} the same, wherever it is cut`, async () => {
      let received = '';
      const pod = await startRaw((socket) => {
        let from = 0;
        let text = '';
        socket.on('data', (chunk) => {
          const part = chunk.toString('latin1');
          received += part;
          text += part;
          // Answered when whole: what ends the message is known here beforehand.
          const end = message.includes('chunked')
            ? '0\r\nX-T: v\r\n\r\n'
            : message.includes('hello')
              ? 'hello'
              : '\r\n\r\n';
          for (let at = text.indexOf(end, from); at !== -1; at = text.indexOf(end, from)) {
            from = at + end.length;
            socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
          }
        });
        socket.on('end', () => socket.end());
      });
      setup.queue.setPods([podAt(pod.port)], performance.now());
      for (let cut = 1; cut < message.length; cut += 1) {
        received = '';
        const text = await talk(setup.port, [message.slice(0, cut), message.slice(cut)]);
        const answers = text.split('HTTP/1.1 200 OK').length - 1;
        expect(answers, `cut at ${cut}: ${text}`).to.equal(name.startsWith('two') ? 2 : 1);
        expect(received, `cut at ${cut}`).to.contain(forwarded);
      }
      await pod.close();
    });
  }

  for (const [name, answer, close, expected] of responses) {
    it(`passes on ${name} the same, wherever it is cut`, async () => {
      let cut = 1;
      const pod = await startRaw((socket) => {
        socket.on('data', () => {
          socket.write(answer.slice(0, cut), 'latin1');
          void nextTurn().then(() => {
            socket.write(answer.slice(cut), 'latin1');
            if (close) socket.end();
          });
        });
        socket.on('end', () => socket.end());
      });
      setup.queue.setPods([podAt(pod.port)], performance.now());
      for (; cut < answer.length; cut += 1) {
        const text = await talk(setup.port, ['GET / HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n']);
        expect(text, `cut at ${cut}`).to.contain(expected);
        if (expected.endsWith('hello')) expect(text.endsWith('hello')).to.equal(true);
      }
      await pod.close();
    });
  }

  it('answers each byte by itself just the same', async () => {
    const pod = await startRaw((socket) => {
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
    });
    setup.queue.setPods([podAt(pod.port)], performance.now());
    const socket = await dial(setup.port);
    const answer = readUntil(socket, (text) => text.endsWith('ok'));
    for (const char of 'GET / HTTP/1.1\r\nHost: app\r\n\r\n') {
      socket.write(char);
      await nextTurn();
    }
    expect(await answer).to.match(/^HTTP\/1\.1 200 OK/);
    socket.destroy();
    await pod.close();
  });
});

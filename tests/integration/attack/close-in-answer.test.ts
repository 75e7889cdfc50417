import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { expect } from 'chai';
import express from 'express';
import { close, listen } from '../../../shared/http/listen.ts';

describe('A server that is closed in the middle of an answer', () => {
  it('ends the connection with the answer, although its head has promised to keep it', async () => {
    const app = express();
    let finish = (): void => undefined;
    app.get('/', (_request, response) => {
      response.setHeader('content-length', 6);
      response.write('one');
      finish = () => response.end('two');
    });
    const stopping = new AbortController();
    const server = await listen(app, { host: '127.0.0.1', port: 0 }, { stopping: stopping.signal });
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    let text = '';
    client.on('data', (chunk: Buffer) => (text += chunk.toString()));
    client.write('GET / HTTP/1.1\r\nHost: any\r\n\r\n');
    while (!text.endsWith('one')) await once(client, 'data');
    stopping.abort();
    const closed = close(server, 60_000);
    // Later than connections without a request are closed.
    await new Promise((resolve) => setTimeout(resolve, 300));
    finish();
    await closed;
    expect(text).to.match(/keep-alive/i);
    expect(text.endsWith('onetwo')).to.equal(true);
  });
});

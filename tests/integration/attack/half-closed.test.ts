import { expect } from 'chai';
import {
  dial,
  podAt,
  readUntil,
  startPlane,
  startRaw,
  until,
  type Plane,
  type RawServer,
} from '../loadbalancer/support.ts';

describe('A client that has sent its FIN', () => {
  let plane: Plane;
  let pod: RawServer;
  afterEach(async () => {
    await plane.close();
    await pod.close();
  });

  it('gets an answer whose first read is large as whole as any other', async () => {
    plane = await startPlane();
    const body = 'x'.repeat(40_000);
    let answer = (): void => undefined;
    pod = await startRaw((socket) => {
      socket.once('data', () => {
        answer = () => socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
      });
    });
    plane.queue.setPods([podAt(pod.port)], performance.now());
    const client = await dial(plane.port);
    let received = 0;
    client.on('data', (chunk: Buffer) => (received += chunk.length));
    const text = readUntil(client, () => false);
    client.end('GET / HTTP/1.1\r\nhost: app\r\nconnection: close\r\n\r\n');
    // The first bytes come ahead, to find out whether anybody still listens.
    await until(() => received > 0);
    answer();
    const whole = await text;
    expect(whole.slice(0, 16)).to.equal('HTTP/1.1 200 OK\r');
    expect(whole.slice(whole.indexOf('\r\n\r\n') + 4)).to.equal(body);
    client.destroy();
  });
});

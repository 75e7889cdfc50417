import { expect } from 'chai';
import { answering, podAt, startPlane, startRaw, talk } from '../loadbalancer/support.ts';

describe('The header that tells of a cold start', () => {
  it('is ours alone: what a pod says under its name does not reach the client', async () => {
    const plane = await startPlane();
    const forged = 'HTTP/1.1 200 OK\r\nNemesis-Cold-Start: held;dur=9\r\nx-own: 1\r\ncontent-length: 0\r\n\r\n';
    const pod = await startRaw(answering(forged));
    plane.queue.setPods([podAt(pod.port)], performance.now());
    const text = await talk(plane.port, ['GET / HTTP/1.1\r\nhost: app\r\nconnection: close\r\n\r\n']).finally(
      async () => {
        await plane.close();
        await pod.close();
      },
    );
    expect(text.toLowerCase()).to.include('x-own: 1').and.not.include('nemesis-cold-start');
  });
});

import { expect } from 'chai';
import { answering, podAt, startPlane, startRaw, talk, type Plane, type RawServer } from '../loadbalancer/support.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

describe('What a client says about whom it speaks for', () => {
  let plane: Plane;
  let pod: RawServer;
  let seen: string[];
  beforeEach(async () => {
    plane = await startPlane();
    seen = [];
    pod = await startRaw(answering(ok, seen));
    plane.queue.setPods([podAt(pod.port)], performance.now());
  });
  afterEach(async () => {
    await plane.close();
    await pod.close();
  });

  /** Header lines that reached the pod, names in lower case with dashes, as applications see them. */
  const sent = async (...lines: string[]): Promise<Record<string, string[]>> => {
    const head = ['GET / HTTP/1.1', 'Host: app', 'Connection: close', ...lines, '', ''];
    expect(await talk(plane.port, [head.join('\r\n')])).to.match(/^HTTP\/1\.1 200/);
    const fields: Record<string, string[]> = {};
    for (const line of (seen.at(-1) ?? '').split('\r\n').slice(1)) {
      const colon = line.indexOf(':');
      if (colon === -1) continue;
      const name = line.slice(0, colon).toLowerCase().replaceAll('_', '-');
      fields[name] = [...(fields[name] ?? []), line.slice(colon + 1).trim()];
    }
    return fields;
  };
  const forged = [
    'X-Forwarded-For: 6.6.6.6',
    'X_Forwarded_For: 6.6.6.6',
    'x-forwarded_for: 6.6.6.6',
    'X-Forwarded-Proto: https',
    'X_Forwarded_Proto: https',
    'X-Forwarded-Host: evil.example',
    'X_FORWARDED_HOST: evil.example',
    'X-Forwarded-Port: 666',
    'X-Forwarded-Prefix: /evil',
    'X-Forwarded: for=6.6.6.6',
    'Forwarded: for=6.6.6.6;proto=https',
    'X-Real-IP: 6.6.6.6',
    'X_Real_IP: 6.6.6.6',
  ];

  it('is replaced when the client is nobody that is trusted', async () => {
    const fields = await sent(...forged);
    expect(fields['x-forwarded-for']).to.deep.equal(['127.0.0.1']);
    expect(fields['x-forwarded-proto']).to.deep.equal(['http']);
    expect(fields['x-forwarded-host']).to.deep.equal(['app']);
    expect(JSON.stringify(fields)).not.to.match(/6\.6\.6\.6|evil|https|666/);
  });

  it('is passed on from a trusted proxy, whose own address is added; spellings with underscores are nobody', async () => {
    plane.plane.setTrustedProxies(['10.0.0.0/8', '127.0.0.0/30', 'fd00::/8']);
    const fields = await sent(...forged);
    expect(fields['x-forwarded-for']).to.deep.equal(['6.6.6.6, 127.0.0.1']);
    expect(fields['x-forwarded-proto']).to.deep.equal(['https']);
    expect(fields['x-forwarded-host']).to.deep.equal(['evil.example']);
    expect(fields['x-real-ip']).to.deep.equal(['6.6.6.6']);
    expect(fields['forwarded']).to.deep.equal(['for=6.6.6.6;proto=https']);
    expect(fields['x-forwarded-port']).to.deep.equal(['666']);
  });

  it('is believed from the next request on after the list changed, also on a connection that is open', async () => {
    plane.plane.setTrustedProxies(['127.0.0.1']);
    plane.plane.setTrustedProxies(['10.0.0.0/8', 'nonsense', '10.0.0.0/99']);
    expect((await sent('X-Forwarded-For: 6.6.6.6'))['x-forwarded-for']).to.deep.equal(['127.0.0.1']);
  });

  it('cannot take ours away by naming it in Connection', async () => {
    for (const trusted of [[], ['127.0.0.1']]) {
      plane.plane.setTrustedProxies(trusted);
      const fields = await sent('Connection: x-forwarded-proto, x-forwarded-for, x-forwarded-host, via', ...forged);
      for (const name of ['x-forwarded-proto', 'x-forwarded-for', 'x-forwarded-host', 'via']) {
        expect(fields[name], name).to.have.length(1);
      }
    }
  });
});

import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { expect } from 'chai';
import { readAuthority } from '../../../autoscaler/certificates/authority-secret.ts';
import { certificatesIn, createAuthority, issueServerCertificate } from '../../../autoscaler/certificates/x509.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { controllerOn, isTrusted, OneSecret } from './certificates-support.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

async function errorOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(
    () => 'no error',
    (error: unknown) => (error as Error).message,
  );
}

describe('Managed certificates', () => {
  it('Given no Secret, When a controller starts, Then it makes one and serves what its clients trust', async () => {
    const [server, clock] = [new OneSecret(), new FakeClock()];
    const controller = controllerOn(server, clock, { leads: false });
    await controller.start();
    controller.stop();
    expect(controller.ca).to.equal(server.text('ca.crt')).and.to.equal(server.text('tls.crt'));
    expect(isTrusted(controller.current().cert, controller.ca, clock.wallMs())).to.equal(true);
    const leaf = new X509Certificate(controller.current().cert);
    for (const name of ['nemesis-autoscaler', 'nemesis-webhook.nemesis-system.svc', 'nemesis-webhook.nemesis-system']) {
      expect(leaf.checkHost(name), name).to.equal(name);
    }
    expect(leaf.checkHost('nemesis-autoscaler.other.svc')).to.equal(undefined);
    expect(leaf.ca).to.equal(false);
    expect(leaf.keyUsage, 'a server and nothing else').to.deep.equal(['1.3.6.1.5.5.7.3.1']);
  });

  it('Given an empty Secret prepared by somebody, Then it is filled', async () => {
    const [server, clock] = [new OneSecret(), new FakeClock()];
    server.edit({});
    const controller = controllerOn(server, clock);
    await controller.start();
    controller.stop();
    expect(server.text('tls.key')).to.include('PRIVATE KEY');
  });

  it('Given two that start at once, Then both use the authority of the faster one', async () => {
    const [server, clock] = [new OneSecret(), new FakeClock()];
    const [fast, slow] = [controllerOn(server, clock), controllerOn(server, clock)];
    server.beforeWrite = () => {
      server.beforeWrite = () => undefined;
      server.edit(anAuthority(clock));
    };
    await slow.start();
    await fast.start();
    slow.stop();
    fast.stop();
    expect(slow.ca).to.equal(fast.ca);
    expect(isTrusted(slow.current().cert, server.text('ca.crt'), clock.wallMs())).to.equal(true);
  });

  it('Given four years, Then at every moment each client with the bundle of a day ago trusts each controller', async function () {
    this.timeout(60_000);
    const [server, clock] = [new OneSecret(), new FakeClock()];
    const [leader, follower] = [controllerOn(server, clock), controllerOn(server, clock, { leads: false })];
    await leader.start();
    await follower.start();
    const bundles: string[] = [];
    const authorities = new Set<string>();
    for (let day = 0; day < 4 * 365; day += 1) {
      await follower.look();
      await leader.look();
      bundles.push(leader.ca);
      authorities.add(server.text('tls.crt'));
      const wallMs = clock.wallMs();
      const before = bundles.at(-2) ?? leader.ca;
      for (const controller of [leader, follower]) {
        expect(isTrusted(controller.current().cert, before, wallMs), `day ${day}`).to.equal(true);
        expect(isTrusted(controller.current().cert, leader.ca, wallMs), `day ${day}`).to.equal(true);
      }
      const bundle = certificatesIn(leader.ca);
      expect(bundle.length).to.be.within(1, 3);
      expect(bundle.every(({ validTo }) => Date.parse(validTo) > wallMs)).to.equal(true);
      clock.advance(DAY_MS);
    }
    leader.stop();
    follower.stop();
    expect(authorities.size, 'one about every 244 days').to.equal(6);
  });

  it('Given that two lead for a moment, Then one rotation happens, not two', async () => {
    const [server, clock] = [new OneSecret(), new FakeClock()];
    const [one, two] = [controllerOn(server, clock), controllerOn(server, clock)];
    await one.start();
    await two.start();
    clock.advance(250 * DAY_MS);
    server.beforeWrite = () => {
      server.beforeWrite = () => undefined;
      // Between the other's read and write.
      server.edit({ 'next.crt': nextOne.cert, 'next.key': nextOne.key });
    };
    const nextOne = createAuthority('next', lifeAt(clock));
    await one.look();
    await two.look();
    one.stop();
    two.stop();
    expect(server.text('next.crt')).to.equal(nextOne.cert);
    expect(certificatesIn(server.text('ca.crt'))).to.have.length(2);
    expect(one.ca).to.equal(two.ca);
  });

  it('Given that a rotation goes on, Then those who follow change their certificate and tell it', async () => {
    const [server, clock] = [new OneSecret(), new FakeClock()];
    const controller = controllerOn(server, clock, { leads: false });
    await controller.start();
    let told = 0;
    controller.onChange(() => (told += 1));
    await controller.look();
    expect(told).to.equal(0);
    const before = { ...controller.current(), ca: controller.ca };
    server.edit({ ...anAuthority(clock), 'ca.crt': server.text('tls.crt') });
    await controller.look();
    controller.stop();
    expect(told).to.equal(1);
    expect(controller.current().cert).not.to.equal(before.cert);
    expect(certificatesIn(controller.ca), 'the old one stays trusted').to.have.length(2);
    expect(isTrusted(before.cert, controller.ca, clock.wallMs())).to.equal(true);
  });

  it('Given that the Secret is deleted, Then the leader makes another and the others wait', async () => {
    const [server, clock] = [new OneSecret(), new FakeClock()];
    const [leader, follower] = [controllerOn(server, clock), controllerOn(server, clock, { leads: false })];
    await leader.start();
    await follower.start();
    const { ca } = leader;
    server.secret = undefined;
    await follower.look();
    expect(follower.ca).to.equal(ca);
    await leader.look();
    await follower.look();
    leader.stop();
    follower.stop();
    expect(leader.ca).not.to.equal(ca);
    expect(follower.ca).to.equal(leader.ca);
  });
});

describe('A Secret of the authority that is not ours to use', () => {
  const clock = new FakeClock();
  const good = anAuthority(clock);
  const other = anAuthority(clock);
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const leaf = issueServerCertificate({ cert: good['tls.crt'], key: good['tls.key'] }, ['x'], lifeAt(clock));
  const cases: [string, Record<string, string | undefined>, RegExp][] = [
    ['a key of another certificate', { ...good, 'tls.key': other['tls.key'] }, /tls.key does not belong to tls.crt/],
    ['no key', { ...good, 'tls.key': undefined }, /tls.key has no private key in PEM/],
    ['no certificate', { ...good, 'tls.crt': undefined }, /tls.crt has no certificate in PEM/],
    ['garbage', { 'tls.crt': 'what', 'tls.key': 'ever' }, /tls.crt has no certificate in PEM/],
    ['half a certificate', { ...good, 'tls.crt': good['tls.crt'].slice(0, 300) }, /tls.crt has no certificate in PEM/],
    ["a server's certificate", { 'tls.crt': leaf.cert, 'tls.key': leaf.key }, /may not sign certificates/],
    [
      'an RSA key',
      { ...good, 'tls.key': rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() },
      /is of type rsa, but expected ECDSA/,
    ],
  ];
  for (const [what, data, sentence] of cases) {
    it(`Given ${what}, Then a controller does not start on it, and one that runs keeps what it has`, async () => {
      const server = new OneSecret();
      const errors: string[] = [];
      const running = controllerOn(server, clock, { errors });
      await running.start();
      const { ca } = running;
      server.edit({ 'tls.crt': undefined, 'tls.key': undefined, 'ca.crt': undefined, ...data });
      const { secret, writes } = server;
      await running.look();
      await running.look();
      running.stop();
      expect(running.ca).to.equal(ca);
      expect(errors).to.have.length(1);
      expect(errors[0])
        .to.match(sentence)
        .and.to.match(/^Secret nemesis-system\/nemesis-ca .*delete the Secret/);
      expect(await errorOf(controllerOn(server, clock).start())).to.match(sentence);
      expect(server.secret, 'nobody wrote over it').to.equal(secret);
      expect(server.writes).to.equal(writes);
    });
  }

  it('Given only a damaged next authority or bundle, Then these are made anew', async () => {
    const server = new OneSecret();
    server.edit({ ...good, 'next.crt': 'x', 'next.key': 'y', 'ca.crt': 'z' });
    const controller = controllerOn(server, clock);
    await controller.start();
    controller.stop();
    expect(server.text('ca.crt')).to.equal(good['tls.crt']);
    expect(server.text('next.crt')).to.equal('');
    expect(server.text('tls.crt')).to.equal(good['tls.crt']);
  });
});

describe('The certificates themselves', () => {
  it('Given an end in 2050 or later, Then the times are right all the same', () => {
    const life = { notBeforeMs: Date.parse('2049-06-01T00:00:00Z'), notAfterMs: Date.parse('2050-06-01T00:00:00Z') };
    const { cert, key } = createAuthority('late', life);
    const certificate = new X509Certificate(cert);
    expect(Date.parse(certificate.validFrom)).to.equal(life.notBeforeMs);
    expect(Date.parse(certificate.validTo)).to.equal(life.notAfterMs);
    const read = readAuthority({
      metadata: { name: 's', uid: 'u', resourceVersion: '1', creationTimestamp: '' },
      data: { 'tls.crt': Buffer.from(cert).toString('base64'), 'tls.key': Buffer.from(key).toString('base64') },
    });
    expect(read.kind === 'authority' && read.state.current).to.deep.equal({ cert, key, ...life });
  });

  it('have serial numbers and keys of their own', () => {
    const authority = createAuthority('ca', lifeAt(new FakeClock()));
    const made = Array.from({ length: 50 }, () => issueServerCertificate(authority, ['a'], lifeAt(new FakeClock())));
    const serials = made.map(({ cert }) => new X509Certificate(cert).serialNumber);
    expect(new Set(serials).size).to.equal(50);
    expect(serials.every((serial) => /^[4-7][0-9A-F]{31}$/.test(serial))).to.equal(true);
    expect(new Set(made.map(({ key }) => key)).size).to.equal(50);
  });
});

function lifeAt(clock: FakeClock): { notBeforeMs: number; notAfterMs: number } {
  const wallMs = Math.floor(clock.wallMs() / 1000) * 1000;
  return { notBeforeMs: wallMs - HOUR_MS, notAfterMs: wallMs + 365 * DAY_MS };
}

function anAuthority(clock: FakeClock): Record<'tls.crt' | 'tls.key' | 'ca.crt', string> {
  const { cert, key } = createAuthority('test', lifeAt(clock));
  return { 'tls.crt': cert, 'tls.key': key, 'ca.crt': cert };
}

import { expect } from 'chai';
import { ClusterAccess } from '../../../shared/http/access.ts';
import type { KubeApi } from '../../../shared/kubernetes/kube-api.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { ManagementPorts, NAMESPACES } from './support/management-ports.ts';

describe('A management port under a flood of bogus tokens', function () {
  this.timeout(60_000);
  let ports: ManagementPorts;
  before(async () => {
    ports = await ManagementPorts.start();
  });
  after(() => ports.stop());

  it('asks for few reviews at a time, keeps little, and lets those with a good token in all the while', async () => {
    const clock = new FakeClock();
    let running = 0;
    let most = 0;
    let reviews = 0;
    const counting = new Proxy(ports.apis[0]!, {
      get: (target, key) =>
        key === 'request'
          ? async (...given: Parameters<KubeApi['request']>) => {
              reviews += 1;
              running += 1;
              most = Math.max(most, running);
              try {
                return await target.request(...given);
              } finally {
                running -= 1;
              }
            }
          : (Reflect.get(target, key) as unknown),
    });
    const access = new ClusterAccess(counting, NAMESPACES, { clock });
    const asked = (token: string, address: string) =>
      access.authenticate(
        { headers: { authorization: `Bearer ${token}` }, socket: { remoteAddress: address } } as never,
        { setHeader: () => undefined } as never,
      );
    const good = ports.tokens['tenant-a/default']!;
    expect((await asked(good, '10.0.0.1')).name).to.equal('system:serviceaccount:tenant-a:default');

    const attack = Array.from({ length: 10_000 }, (_, number) =>
      asked(`bogus-${number}-${'x'.repeat(4_000)}`, '10.0.0.2').then(
        () => 'let in',
        (error: unknown) => (error as { code: string }).code,
      ),
    );
    // At the same time, and when its result has to be reviewed again.
    expect((await asked(good, '10.0.0.1')).name).to.equal('system:serviceaccount:tenant-a:default');
    clock.advance(61_000);
    expect((await asked(good, '10.0.0.2')).name).to.equal('system:serviceaccount:tenant-a:default');
    const codes = await Promise.all(attack);
    expect([...new Set(codes)].sort()).to.deep.equal(['TooManyRequests', 'Unauthenticated']);
    expect(most).to.be.at.most(16);
    // The burst of an address, what it gets back in this minute at most, and the good one twice.
    expect(reviews).to.be.at.most(100 + 10 * 61 + 2);
  });
});

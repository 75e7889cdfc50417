import { expect } from 'chai';
import { isLoopback, TokenGuard } from '../../../shared/kubernetes/token-guard.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { startLocalApi, type LocalApi } from '../../support/local-api.ts';

describe('Cluster tokens', function () {
  this.timeout(30_000);
  let local: LocalApi;
  before(async () => {
    local = await startLocalApi();
  });
  after(() => local.stop());

  async function tokenFor(audience: string): Promise<string> {
    const answer = await local.api.request<{ status: { token: string } }>(
      'POST',
      '/api/v1/namespaces/default/serviceaccounts/default/token',
      { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [audience] } } },
    );
    return answer.status.token;
  }

  it('are verified for their audience, and tell the user with its groups', async () => {
    const guard = new TokenGuard(local.api, ['nemesis'], { clock: systemClock });
    const user = await guard.verify(await tokenFor('nemesis'));
    expect(user?.username).to.equal('system:serviceaccount:default:default');
    expect(user?.groups).to.include('system:serviceaccounts:default');
    expect(await guard.verify('not.a.token')).to.equal(undefined);
    expect(await guard.verify(await tokenFor('somebody-else'))).to.equal(undefined);
  });

  it('are not asked for on loopback, and on loopback only', () => {
    expect(['127.0.0.1', '127.100.3.4', '::1', '0.0.0.0', '10.1.2.3', '::'].map(isLoopback)).to.deep.equal([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});

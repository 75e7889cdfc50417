import { expect } from 'chai';
import { TokenGuard } from '../../../shared/kubernetes/token-guard.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { kubeClient } from '../../support/kube-client.ts';

/** Whether a token counts that the API server reviews so. */
async function accepts(asked: readonly string[], audiences: readonly string[] | undefined): Promise<boolean> {
  const status = { authenticated: true, user: { username: 'somebody' }, ...(audiences && { audiences }) };
  const guard = new TokenGuard(
    kubeClient(() => Promise.resolve({ status })),
    asked,
    { clock: new FakeClock() },
  );
  return (await guard.verify('token')) !== undefined;
}

describe('The audiences of a reviewed token', () => {
  it('Given an authenticator that knows no audiences, or another audience, Then the token does not count', async () => {
    expect(await accepts(['nemesis'], undefined)).to.equal(false);
    expect(await accepts(['nemesis'], [])).to.equal(false);
    expect(await accepts(['nemesis'], ['somebody-else'])).to.equal(false);
  });

  it('Given one of those that were asked for, or none asked for, Then it counts', async () => {
    expect(await accepts(['nemesis', 'other'], ['other'])).to.equal(true);
    expect(await accepts([], undefined)).to.equal(true);
  });
});

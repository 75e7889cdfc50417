import { expect } from 'chai';
import { SIDECAR_CONTAINER } from '../../shared/rules/readiness.ts';
import { TestApp } from './support/app.ts';
import { useInstallation } from './support/shared-installation.ts';

describe('The sidecar of an application that wakes', function () {
  this.timeout(60_000);
  const installation = useInstallation();

  it('T28: the application starts first, and no start waits for the sidecar', async () => {
    const app = await TestApp.create(installation(), { sidecar: true, spec: { sleep: { idleSeconds: 600 } } });
    await app.waitForPhase('Asleep');
    expect((await app.send('/')).status).to.equal(200);
    await app.waitForPhase('Active');
    const [pod] = await app.readyPods();
    // What it costs in milliseconds is for "make bench-wake": here only the order counts, which it comes from.
    expect(pod?.spec.containers.map(({ name }) => name)).to.deep.equal(['app', SIDECAR_CONTAINER]);
    expect(pod?.spec.initContainers ?? []).to.deep.equal([]);
    const startedAt = (container: string): number =>
      Date.parse(
        pod?.status?.containerStatuses?.find(({ name }) => name === container)?.state?.running?.startedAt ?? '',
      );
    expect(startedAt('app')).to.be.at.most(startedAt(SIDECAR_CONTAINER));
    await app.remove();
  });
});

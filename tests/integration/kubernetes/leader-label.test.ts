import { expect } from 'chai';
import { LEADER_LABEL, LeaderLabel } from '../../../autoscaler/controllers/leadership/leader-label.ts';
import type { Pod } from '../../../shared/kubernetes/objects.ts';
import { startLocalApi, type LocalApi } from '../../support/local-api.ts';
import { silentLogger } from '../../support/silent-logger.ts';

const PODS = '/api/v1/namespaces/default/pods';

describe('The label of the leader', () => {
  let local: LocalApi;
  before(async () => (local = await startLocalApi()));
  after(() => local.stop());

  async function labelled(): Promise<string[]> {
    const query = { labelSelector: `${LEADER_LABEL}=true` };
    const { items } = await local.api.request<{ items: Pod[] }>('GET', PODS, { query });
    return items.map(({ metadata }) => metadata.name);
  }

  it('is on the pod that leads and on no other; one whose lease has ended without its knowing does not take it back', async () => {
    const spec = { nodeName: 'nowhere', containers: [{ name: 'app', image: 'none' }] };
    for (const name of ['frozen', 'successor']) {
      await local.api.request('POST', PODS, { body: { metadata: { name }, spec } });
    }
    const leads = { frozen: true, successor: true };
    const labelOf = (podName: keyof typeof leads): LeaderLabel =>
      new LeaderLabel(
        local.api,
        { namespace: 'default', podName },
        { isLeader: () => leads[podName], logger: silentLogger },
      );
    const [frozen, successor] = [labelOf('frozen'), labelOf('successor')];
    frozen.set(true);
    await frozen.stop();
    expect(await labelled()).to.deep.equal(['frozen']);
    successor.set(true);
    await successor.stop();
    expect(await labelled()).to.deep.equal(['successor']);

    // Its timer runs before it is told that the lease has ended.
    leads.frozen = false;
    const thawed = labelOf('frozen');
    thawed.set(true);
    await thawed.stop();
    expect(await labelled()).to.deep.equal(['successor']);
  });
});

import { expect } from 'chai';
import { waitFor } from '../../demo/wait-for.ts';
import { TestApp } from './support/app.ts';
import { load } from './support/load.ts';
import { useInstallation } from './support/shared-installation.ts';

describe('An automaton moves an application, and its replicas follow', function () {
  this.timeout(90_000);
  const installation = useInstallation();

  it('by a condition, and by a timer', async () => {
    const app = await TestApp.create(installation(), {
      replicas: 1,
      spec: {
        minReplicas: 1,
        maxReplicas: 3,
        sleep: { idleSeconds: 600 },
        scaling: { behavior: { scaleDown: { stabilizationWindowSeconds: 1 } } },
        automaton: {
          initial: 'Quiet',
          states: [
            { name: 'Quiet', replicas: { max: 1 }, transitions: [{ when: 'inFlight > 1.0', for: '1s', to: 'Busy' }] },
            {
              name: 'Busy',
              replicas: { min: 2 },
              entry: [{ alert: { summary: 'It is busy' } }],
              transitions: [{ after: '8s', to: 'Quiet' }],
            },
          ],
        },
      },
    });
    const stateIs = async (name: string): Promise<boolean> => (await app.status()).automaton?.state === name;
    await waitFor('a ready pod', 20_000, async () => (await app.readyPods()).length === 1);
    await waitFor('the initial state', 20_000, () => stateIs('Quiet'));
    const traffic = load(app, 4, '/?wait=500');
    await waitFor('state Busy', 20_000, () => stateIs('Busy'));
    const statuses = await traffic.stop();
    await waitFor('two replicas', 20_000, async () => (await app.replicas()) === 2);
    await waitFor('state Quiet again', 20_000, () => stateIs('Quiet'));
    await waitFor('one replica again', 30_000, async () => (await app.replicas()) === 1);
    expect(statuses.filter((status) => status !== 200)).to.deep.equal([]);
    const { lastTransitions = [] } = (await app.status()).automaton ?? {};
    expect(lastTransitions.map(({ from, to, trigger }) => [from, to, trigger])).to.deep.equal([
      ['Quiet', 'Busy', 'when inFlight > 1.0 for 1s'],
      ['Busy', 'Quiet', 'after 8s'],
    ]);
    expect((await app.condition('AutomatonHealthy'))?.reason).to.equal('Running');
    await app.remove();
  });
});

import { expect } from 'chai';
import type { LifecycleFacts, LifecycleState } from '../../../autoscaler/domain/lifecycle/lifecycle.ts';
import { facts, lifecycle as life, NOW, run, target } from '../../support/lifecycle-facts.ts';

describe('step: a resource that is not accepted', () => {
  const rejected = 'spec.scaling.rules[0].cpu: wrong.';
  const none = target({ replicas: 0, readyReplicas: 0 });
  const late = { ...facts({ target: target({ readyReplicas: 0 }) }), startDeadlineMs: 1 };
  const failing = life('Waking', { startAttempts: 1 });
  const cases: [string, LifecycleState, LifecycleFacts][] = [
    ['it is idle', life('Active'), facts()],
    ['it was going to sleep and everybody confirmed', life('Draining', { sinceMs: NOW, drainId: 'd' }), facts()],
    ['it sleeps and minReplicas is 1', life('Asleep'), facts({ target: none, minReplicas: 1 })],
    ['it sleeps and no balancer is there', life('Asleep'), facts({ target: none, balancersMissing: true })],
    ['its start failed', failing, late],
    ['its failed start did not go to 0', life('Failed', { retryAfterMs: NOW + 1000 }), late],
  ];
  for (const [title, state, seen] of cases) {
    it(`Given ${title}, Then nothing is scaled, where else it would be`, () => {
      const scales = (given: LifecycleFacts) => run(state, given);
      const { actions, state: next } = scales({ ...seen, rejected });
      expect(actions.filter(({ kind }) => kind === 'scale')).to.deep.equal([]);
      expect(next.phase).to.not.equal('Draining');
      const accepted = scales(seen);
      const moves = accepted.actions.some(({ kind }) => kind === 'scale') || accepted.state.phase === 'Draining';
      expect(moves, 'an accepted one').to.equal(true);
    });
  }
  it('Given it is idle, Then the condition says why it does not sleep', () => {
    expect(run(life('Active'), facts({ rejected })).sleepBlocked).to.deep.equal({
      reason: 'NotAccepted',
      message: rejected,
    });
  });
  it('Given a balancer woke it, Then it wakes and becomes active as any other', () => {
    const waking = run(life('Asleep'), facts({ rejected, target: target({ readyReplicas: 0 }) }));
    expect(waking.state.phase).to.equal('Waking');
    expect(run(waking.state, facts({ rejected })).state.phase).to.equal('Active');
  });
});

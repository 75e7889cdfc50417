import { expect } from 'chai';
import { fromStatus, statusPatch } from '../../../autoscaler/controllers/application/status.ts';
import type { Phase } from '../../../shared/model/lifecycle.ts';
import {
  UNKNOWN_LIFECYCLE,
  type LifecycleFacts,
  type LifecycleState,
  type SleepBlock,
} from '../../../autoscaler/domain/lifecycle/lifecycle.ts';
import { facts, lifecycle as life, NOW, run, target } from '../../support/lifecycle-facts.ts';

describe('step: transitions', () => {
  const none = target({ replicas: 0, readyReplicas: 0 });
  const starting = target({ readyReplicas: 0 });
  const foreign = { ...none, foreignManager: 'kubectl' };
  const cases: [string, LifecycleState, LifecycleFacts, Phase, string][] = [
    ['nothing known, no Deployment', UNKNOWN_LIFECYCLE, facts({ target: undefined }), 'Observing', 'TargetMissing'],
    ['nothing known, zero', UNKNOWN_LIFECYCLE, facts({ target: none }), 'Asleep', 'NoReplicas'],
    ['nothing known, foreign zero', UNKNOWN_LIFECYCLE, facts({ target: foreign }), 'Asleep', 'NoReplicas'],
    ['nothing known, ready', UNKNOWN_LIFECYCLE, facts(), 'Active', 'Ready'],
    ['nothing known, starting', UNKNOWN_LIFECYCLE, facts({ target: starting }), 'Waking', 'Starting'],
    ['asleep, a replica is wanted', life('Asleep'), facts({ target: starting }), 'Waking', 'Starting'],
    ['waking, ready', life('Waking'), facts(), 'Active', 'Ready'],
    ['waking, our zero', life('Waking'), facts({ target: none }), 'Asleep', 'Idle'],
    ['active, foreign zero', life('Active'), facts({ target: foreign }), 'Paused', 'ScaledToZeroByOther'],
    ['waking, foreign zero', life('Waking'), facts({ target: foreign }), 'Paused', 'ScaledToZeroByOther'],
    ['draining, foreign zero', life('Draining'), facts({ target: foreign }), 'Paused', 'ScaledToZeroByOther'],
    [
      'paused by somebody, still zero',
      life('Paused', { reason: 'ScaledToZeroByOther' }),
      facts({ target: none }),
      'Paused',
      'ScaledToZeroByOther',
    ],
    ['paused by somebody, scaled up', life('Paused', { reason: 'ScaledToZeroByOther' }), facts(), 'Active', 'Ready'],
    [
      'paused by mode, mode is Active again',
      life('Paused', { reason: 'ModePaused' }),
      facts({ target: none }),
      'Asleep',
      'NoReplicas',
    ],
    ['mode Paused', life('Active'), facts({ mode: 'Paused' }), 'Paused', 'ModePaused'],
    ['mode Observe', life('Active'), facts({ mode: 'Observe' }), 'Observing', 'ModeObserve'],
    ['active, none ready any more', life('Active'), facts({ target: starting }), 'Waking', 'Starting'],
    ['active and idle', life('Active'), facts(), 'Draining', 'Idle'],
    ['draining, our zero', life('Draining'), facts({ target: none }), 'Asleep', 'Idle'],
    ['draining, the pod broke', life('Draining'), facts({ target: starting }), 'Waking', 'Starting'],
    ['failed, ready after all', life('Failed', { retryAfterMs: NOW + 1 }), facts(), 'Active', 'Ready'],
    ['failed, zero', life('Failed', { retryAfterMs: 1 }), facts({ target: none }), 'Failed', 'r'],
    [
      'failed, woken after the back-off',
      life('Failed', { retryAfterMs: NOW }),
      facts({ target: starting }),
      'Waking',
      'Starting',
    ],
    [
      'another Deployment of that name',
      life('Paused', { reason: 'ScaledToZeroByOther', targetUid: 'd0' }),
      facts({ target: none }),
      'Asleep',
      'NoReplicas',
    ],
  ];
  for (const [title, state, seen, phase, reason] of cases) {
    it(`Given ${title}, Then ${phase} because of ${reason}, and nothing is scaled`, () => {
      const next = run(state, seen);
      expect([next.state.phase, next.state.reason]).to.deep.equal([phase, reason]);
      expect(next.actions).to.deep.equal([]);
    });
  }

  it('Given a Deployment with another UID, Then attempts and back-off of the old one are forgotten', () => {
    const old = life('Failed', { targetUid: 'd0', startAttempts: 5, retryAfterMs: NOW * 9 });
    const { state } = run(old, facts({ target: target({ readyReplicas: 0 }) }));
    expect(state).to.include({ phase: 'Waking', startAttempts: 0, retryAfterMs: undefined, targetUid: 'd1' });
  });
});

describe('step: going to sleep', () => {
  const blocks: [SleepBlock, Partial<LifecycleFacts>][] = [
    ['KeptAwake', { minReplicas: 1 }],
    ['NoTrafficData', { traffic: undefined, trafficMissing: 'silence' }],
    ['NoRuleData', { rulesMissing: 'rule gpu: silence' }],
    ['NoTrafficData', { traffic: undefined, trafficAtLeast: { inFlight: 0, queued: 0 }, trafficMissing: 'silence' }],
    ['Busy', { traffic: { inFlight: 1, queued: 0, idleMs: 0 } }],
    ['Busy', { traffic: { inFlight: 0, queued: 1, idleMs: 99_000 } }],
    ['NotIdleLongEnough', { traffic: { inFlight: 0, queued: 0, idleMs: 9_999 } }],
    ['RolloutInProgress', { target: target({ rolloutInProgress: true }) }],
    ['PodsNotReady', { target: target({ replicas: 2, startingReplicas: 1 }) }],
    ['DirectConnections', { directConnections: 1 }],
    ['CpuInUse', { cpuBelow: 'above' }],
    ['CpuInUse', { cpuBelow: 'noData' }],
  ];
  for (const [reason, over] of blocks) {
    it(`Given ${JSON.stringify(over)}, Then it stays awake: ${reason}`, () => {
      const next = run(life('Active'), facts(over));
      expect(next.state.phase).to.equal('Active');
      expect(next.sleepBlocked?.reason).to.equal(reason);
      expect(next.actions).to.deep.equal([]);
    });
  }

  it('Given long silence but a start just over, Then idle time counts from the start', () => {
    expect(run(life('Active', { sinceMs: NOW - 9_999 }), facts()).sleepBlocked?.reason).to.equal('NotIdleLongEnough');
    expect(run(life('Active', { sinceMs: NOW - 10_000 }), facts()).state).to.include({
      phase: 'Draining',
      drainId: 'new-id',
      message: 'Idle for 10 s; balancers confirm that nothing is under way.',
    });
  });

  const drain = life('Draining', { drainId: 'd', sinceMs: NOW - 1000 });
  it('Given unconfirmed balancers, Then it waits, and gives up with their names', () => {
    const waiting = facts({ unconfirmed: ['lb-1'] });
    expect(run(drain, waiting)).to.deep.include({ state: drain, actions: [] });
    const late = run({ ...drain, sinceMs: NOW - 5000 }, waiting);
    expect(late.sleepBlocked?.reason).to.equal('NotConfirmed');
    expect(late.sleepBlocked?.message).to.include('lb-1');
    expect(late.state).to.include({ phase: 'Active', drainId: undefined, sinceMs: NOW });
  });
  it('Given every confirmation, Then it scales to 0; and not a moment after the time for it', () => {
    expect(run(drain, facts()).actions).to.have.length(1);
    expect(run({ ...drain, sinceMs: NOW - 4999 }, facts()).actions[0]).to.include({ kind: 'scale', replicas: 0 });
    expect(run({ ...drain, sinceMs: NOW - 5000 }, facts()).actions).to.deep.equal([]);
  });
  it('Given a request or a new minReplicas meanwhile, Then the sleep is called off', () => {
    const busy = run(drain, facts({ traffic: { inFlight: 0, queued: 1, idleMs: 0 } }));
    expect([busy.state.phase, busy.sleepBlocked?.reason]).to.deep.equal(['Active', 'Busy']);
    expect(run(drain, facts({ minReplicas: 1 })).sleepBlocked?.reason).to.equal('KeptAwake');
  });
  it('Given asleep and minReplicas raised, Then it is scaled up', () => {
    const seen = facts({ minReplicas: 2, target: target({ replicas: 0, readyReplicas: 0 }) });
    expect(run(life('Asleep'), seen).actions[0]).to.include({ kind: 'scale', replicas: 2 });
  });
});

describe('step: starts that fail', () => {
  const starting = facts({ target: target({ readyReplicas: 0 }) });
  it('Given a late start, Then it is retried once, then fails; each further wake fails at its first deadline with a longer back-off', () => {
    const first = run(life('Waking', { sinceMs: NOW - 60_000 }), starting);
    expect(first.state).to.include({ phase: 'Waking', startAttempts: 1, sinceMs: NOW });
    expect(first.actions[0]?.kind).to.equal('restartPods');
    let state = run(first.state, starting, NOW + 60_000).state;
    const backOffs: number[] = [];
    let wallMs = NOW + 60_000;
    for (let wake = 0; wake < 12; wake += 1) {
      expect(state.phase).to.equal('Failed');
      backOffs.push((state.retryAfterMs ?? 0) - wallMs);
      wallMs = state.retryAfterMs ?? 0;
      state = run(state, starting, wallMs).state;
      expect(state.phase).to.equal('Waking');
      wallMs += 60_000;
      const failed = run(state, starting, wallMs);
      expect(failed.actions[0]).to.include({ kind: 'scale', replicas: 0 });
      ({ state } = failed);
    }
    expect(backOffs.slice(0, 5)).to.deep.equal([1000, 2000, 4000, 8000, 16_000]);
    expect(backOffs.at(-1)).to.equal(300_000);
  });
  it('Given a reason that is final, Then it fails at once and quotes it; with minReplicas nothing is scaled to 0', () => {
    const startProblem = { reason: 'CrashLoopBackOff', message: 'it crashes', final: true } as const;
    const failed = run(life('Waking', { sinceMs: NOW }), { ...starting, startProblem });
    expect(failed.state).to.include({ phase: 'Failed', reason: 'CrashLoopBackOff', message: 'it crashes' });
    expect(run(life('Waking', { sinceMs: NOW }), { ...starting, startProblem, minReplicas: 1 }).actions).to.deep.equal(
      [],
    );
  });
  it('Given a pod that cannot be scheduled, Then ten minutes more', () => {
    const startProblem = { reason: 'Unschedulable', message: 'no node', final: false } as const;
    expect(run(life('Waking', { sinceMs: NOW - 659_999 }), { ...starting, startProblem }).state.startAttempts).to.equal(
      0,
    );
    expect(run(life('Waking', { sinceMs: NOW - 660_000 }), { ...starting, startProblem }).state.startAttempts).to.equal(
      1,
    );
  });
  it('Given a scale to 0 that did not land, Then it is repeated while the back-off lasts', () => {
    expect(run(life('Failed', { retryAfterMs: NOW + 1 }), starting).actions[0]).to.include({
      kind: 'scale',
      replicas: 0,
    });
  });
});

describe('step: pods that served and are not ready now (T25)', () => {
  const lost = target({ readyReplicas: 0, servedReplicas: 1, startingReplicas: 1 });
  it('Given every replica lost its readiness, Then it stays Active, however long, and nothing is restarted or scaled', () => {
    for (const wallMs of [NOW, NOW + 900_000, NOW + 1_800_000, NOW + 86_400_000]) {
      const next = run(life('Active'), facts({ target: lost }), wallMs);
      expect([next.state.phase, next.state.reason]).to.deep.equal(['Active', 'ReadinessLost']);
      expect(next.actions).to.deep.equal([]);
      expect(run(next.state, facts({ idleTimeoutMs: 1e12 }), wallMs).state.reason).to.equal('Ready');
    }
  });
  it('Given none of them is expected to become ready and nobody asks, Then it may sleep', () => {
    const given = facts({ target: { ...lost, startingReplicas: 0 } });
    const next = run(life('Active'), given);
    expect(next.state.phase).to.equal('Draining');
    expect(run({ ...next.state, sinceMs: NOW }, given).actions[0]).to.include({ kind: 'scale', replicas: 0 });
  });
  it('Given requests in flight, at the least at the balancers that report, Then a start deadline ends nothing', () => {
    for (const over of [
      { traffic: { inFlight: 1, queued: 0, idleMs: 0 } },
      { traffic: undefined, trafficAtLeast: { inFlight: 1, queued: 0 } },
    ]) {
      const busy = facts({ target: target({ readyReplicas: 0 }), ...over });
      const late = life('Waking', { sinceMs: NOW - 600_000, startAttempts: 1 });
      expect(run(late, busy)).to.deep.include({ actions: [], state: late });
      expect(run(life('Failed', { retryAfterMs: NOW + 1 }), busy).actions).to.deep.equal([]);
    }
  });
});

describe('step: a failed application that somebody repairs (T26)', () => {
  const failed = life('Failed', { retryAfterMs: NOW + 300_000, startAttempts: 6 });
  const up = (over: Partial<NonNullable<LifecycleFacts['target']>>) =>
    facts({ target: target({ readyReplicas: 0, startingReplicas: 1, ...over }) });
  it('Given somebody scales it up from 0, Then that is a wake, and the breaker begins anew', () => {
    const next = run(failed, up({ leftZeroBy: 'other', foreignManager: 'kubectl' }));
    expect(next.state).to.include({ phase: 'Waking', startAttempts: 0, retryAfterMs: undefined });
    expect(next.actions).to.deep.equal([]);
  });
  it('Given a balancer woke it, Then it starts, and the breaker goes on counting', () => {
    const next = run(failed, up({ leftZeroBy: 'us' }));
    expect(next.state).to.include({ phase: 'Waking', startAttempts: 6 });
    expect(next.actions).to.deep.equal([]);
  });
  it('Given another pod template, Then the next request wakes it at once; what runs already starts anew', () => {
    const asleep = run(failed, up({ replicas: 0, startingReplicas: 0, templateChanged: true }));
    expect(asleep.state).to.include({ phase: 'Asleep', startAttempts: 0, retryAfterMs: undefined });
    expect(run(failed, up({ templateChanged: true })).state).to.include({ phase: 'Waking', startAttempts: 0 });
    const late = life('Waking', { sinceMs: NOW - 3_600_000, startAttempts: 1 });
    expect(run(late, up({ templateChanged: true })).state).to.include({ sinceMs: NOW, startAttempts: 0 });
  });
});

describe('step: mode Observe', () => {
  const observe = (over: Partial<LifecycleFacts> = {}) => facts({ mode: 'Observe', ...over });
  it('Given it has been idle for long enough, Then it would sleep, and nothing is done', () => {
    const next = run(life('Observing'), observe());
    expect([next.state.phase, next.state.reason]).to.deep.equal(['Observing', 'WouldSleep']);
    expect(next.actions).to.deep.equal([]);
  });
  it('Given what would keep it awake, Then it says so', () => {
    const next = run(life('Observing'), observe({ traffic: { inFlight: 1, queued: 0, idleMs: 0 } }));
    expect([next.state.reason, next.sleepBlocked?.reason]).to.deep.equal(['ModeObserve', 'Busy']);
  });
});

describe('status and life', () => {
  it('Given the status of a leader that died in a drain, Then the next decides anew', () => {
    const status = { phase: 'Draining', drainId: 'd', phaseSince: '2026-01-01T00:00:00.000Z' } as const;
    expect(fromStatus(status, NOW)).to.include({ phase: 'Active', drainId: undefined });
    expect(fromStatus(undefined, NOW)).to.equal(UNKNOWN_LIFECYCLE);
    expect(fromStatus({ phase: 'Waking', phaseSince: '2026-01-01T00:00:00.000Z' }, NOW).sinceMs).to.equal(NOW);
  });
  it('Given a status without something that was there, Then the merge-patch removes it', () => {
    const patch = statusPatch({ phase: 'Active', replicas: 1 });
    for (const gone of ['drainId', 'wakeId', 'retryAfter', 'learnedStartSeconds', 'templateHash', 'lastScaleTime']) {
      expect(patch, gone).to.have.property(gone, null);
    }
    expect(patch).to.include({ phase: 'Active', replicas: 1 });
  });
});

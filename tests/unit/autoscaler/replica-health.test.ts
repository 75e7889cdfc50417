import { expect } from 'chai';
import { isRollingOut } from '../../../autoscaler/controllers/application/lifecycle-facts.ts';
import { followClock, type ReconcileState } from '../../../autoscaler/controllers/application/reconcile-state.ts';
import { UNKNOWN_LIFECYCLE } from '../../../autoscaler/domain/lifecycle/lifecycle.ts';
import { replicaHealth, type ReplicaFacts } from '../../../autoscaler/domain/lifecycle/replica-health.ts';
import { findStartProblem } from '../../../autoscaler/domain/lifecycle/start-problem.ts';
import type { Deployment } from '../../../shared/kubernetes/objects.ts';
import { deployment } from '../../support/builders.ts';

describe('replicaHealth', () => {
  const pod = (uid: string, over: { ready?: boolean; waiting?: string; deleted?: boolean } = {}) => ({
    metadata: { name: uid, uid, deletionTimestamp: over.deleted === true ? 'x' : undefined },
    status: {
      conditions: [{ type: 'Ready', status: over.ready === true ? 'True' : 'False' }],
      containerStatuses: [
        {
          name: 'app',
          ready: over.ready === true,
          state: over.waiting === undefined ? {} : { waiting: { reason: over.waiting } },
        },
      ],
    },
  });
  const health = (
    pods: ReturnType<typeof pod>[],
    replicas: number,
    over: Partial<ReplicaFacts> = {},
    monotonicMs = 0,
  ) =>
    replicaHealth(
      { spec: { replicas } },
      pods,
      ({ status }) => status.conditions[0]?.status === 'True',
      { served: new Set(), notReadySince: new Map(), inFlight: new Map(), startDeadlineMs: 60_000, ...over },
      monotonicMs,
    );
  it('Given one that runs, one that loads, one that crashes, one that goes, Then each is told apart', () => {
    const pods = [
      pod('a', { ready: true }),
      pod('b'),
      pod('c', { waiting: 'CrashLoopBackOff' }),
      pod('d', { deleted: true }),
    ];
    expect(health(pods, 3)).to.deep.equal({ ready: 1, served: 0, starting: 1, busy: 0 });
    expect(health(pods, 5)).to.include({ starting: 3 });
  });
  it('Given a pod that is not ready beyond the deadline, Then it is stuck, unless it answers', () => {
    const notReadySince = new Map([['a', 0]]);
    expect(health([pod('a')], 1, { notReadySince }, 59_999)).to.include({ starting: 1 });
    expect(health([pod('a')], 1, { notReadySince }, 60_000)).to.include({ starting: 0 });
    const inFlight = new Map([['a', 1]]);
    expect(health([pod('a')], 1, { notReadySince, inFlight }, 1e9)).to.include({ starting: 1, busy: 1 });
  });
});

describe('isRollingOut', () => {
  const progressing = (reason: string): Deployment =>
    deployment(2, {
      metadata: { ...deployment().metadata, generation: 2 },
      status: {
        observedGeneration: 2,
        replicas: 3,
        updatedReplicas: 1,
        conditions: [{ type: 'Progressing', status: reason === 'ProgressDeadlineExceeded' ? 'False' : 'True', reason }],
      },
    });
  it('Given a rollout beyond its progress deadline, Then it is not in progress any more', () => {
    expect(isRollingOut(progressing('ReplicaSetUpdated'))).to.equal(true);
    expect(isRollingOut(progressing('ProgressDeadlineExceeded'))).to.equal(false);
  });
});

describe('followClock', () => {
  it('Given the wall clock is set, Then what was to happen after some time still happens after it', () => {
    const memory = {
      lifecycle: { ...UNKNOWN_LIFECYCLE, phase: 'Failed', sinceMs: 1_000_000, retryAfterMs: 1_030_000 },
      contention: { count: 2, by: 'x', lastMs: 1_000_000 },
      wallOffsetMs: 900_000,
    } as ReconcileState;
    followClock(memory, 100_000, 1_000_000.4);
    expect(memory.lifecycle.sinceMs).to.equal(1_000_000);
    followClock(memory, 110_000, 1_010_000 + 600_000);
    expect(memory.lifecycle).to.include({ sinceMs: 1_600_000, retryAfterMs: 1_630_000 });
    expect(memory.contention?.lastMs).to.equal(1_600_000);
    followClock(memory, 120_000, 1_020_000);
    expect(memory.lifecycle).to.include({ sinceMs: 1_000_000, retryAfterMs: 1_030_000 });
  });
});

describe('findStartProblem', () => {
  const pod = (reason: string | undefined, over: object = {}) => ({
    metadata: { name: 'p', ...over },
    status: {
      containerStatuses: [{ name: 'app', ready: false, state: reason === undefined ? {} : { waiting: { reason } } }],
    },
  });
  const none = { spec: {} };
  it('Given pods, Then the reason is final only when none of them may still start', () => {
    expect(findStartProblem(none, [pod('CrashLoopBackOff')])).to.include({ reason: 'CrashLoopBackOff', final: true });
    expect(findStartProblem(none, [pod('ImagePullBackOff'), pod(undefined)])).to.include({
      reason: 'Starting',
      final: false,
    });
    expect(
      findStartProblem(none, [pod('CrashLoopBackOff', { deletionTimestamp: 'x' }), pod(undefined)])?.final,
    ).to.equal(false);
  });
  it('Given no pod, Then the Deployment tells why', () => {
    const status = { conditions: [{ type: 'ReplicaFailure', status: 'True', message: 'quota' }] };
    expect(findStartProblem({ spec: {}, status }, [])?.message).to.include('quota');
    expect(findStartProblem({ spec: { paused: true } }, [])?.reason).to.equal('DeploymentPaused');
    expect(findStartProblem(none, [])).to.equal(undefined);
  });
});

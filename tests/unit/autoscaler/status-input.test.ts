import { expect } from 'chai';
import { sameStatusInput, type StatusInput } from '../../../autoscaler/controllers/application/status.ts';
import { compileAutomaton } from '../../../autoscaler/domain/automaton/automaton.ts';
import { step } from '../../../autoscaler/domain/automaton/step.ts';
import { autoscaler } from '../../support/builders.ts';
import { lifecycle } from '../../support/lifecycle-facts.ts';

const CONDITION = { type: 'Ready', status: 'True', reason: 'r', message: 'm' } as const;

const AUTOMATON = step(
  compileAutomaton({ initial: 'A', states: [{ name: 'A' }] }, 'f'),
  undefined,
  { read: () => ({ variables: {}, signals: {} }) },
  0,
).state;

/** Made anew with every call, as a reconciliation makes it; what stays the same object there is the same here. */
const resource = autoscaler();
const startTimes = { ready: { p50Seconds: 1, p95Seconds: 1 }, recent: [{ ready: 1 }] };
const lastDecision = { time: 't', reason: 'r', message: 'm' };
function input(): StatusInput {
  return {
    resource,
    lifecycle: lifecycle('Active'),
    replicas: 1,
    desiredReplicas: 1,
    readyReplicas: 1,
    lastDecision,
    lastScaleTime: 't',
    learnedStartSeconds: 1,
    startTimes,
    eta: 'e',
    templateHash: 'h',
    automaton: undefined,
    conditions: [{ ...CONDITION }],
  };
}

describe('What a status is made of', () => {
  it('is the same when a reconciliation has found nothing new', () => {
    expect(sameStatusInput(input(), input())).to.equal(true);
  });

  const changes: Record<keyof StatusInput, Partial<StatusInput>> = {
    resource: { resource: autoscaler() },
    lifecycle: { lifecycle: lifecycle('Draining') },
    replicas: { replicas: 2 },
    desiredReplicas: { desiredReplicas: 2 },
    readyReplicas: { readyReplicas: 2 },
    lastDecision: { lastDecision: { ...lastDecision } },
    lastScaleTime: { lastScaleTime: 'u' },
    learnedStartSeconds: { learnedStartSeconds: undefined },
    startTimes: { startTimes: { ...startTimes } },
    eta: { eta: undefined },
    templateHash: { templateHash: 'i' },
    automaton: { automaton: AUTOMATON },
    conditions: { conditions: [{ ...CONDITION, message: 'n' }] },
  };
  for (const [field, change] of Object.entries(changes)) {
    it(`is another when ${field} is`, () => {
      expect(sameStatusInput(input(), { ...input(), ...change })).to.equal(false);
    });
  }

  const state = lifecycle('Active');
  for (const field of Object.keys(state)) {
    it(`is another when ${field} of the lifecycle is`, () => {
      expect(sameStatusInput(input(), { ...input(), lifecycle: { ...state, [field]: 'another' } })).to.equal(false);
    });
  }
});

import { expect } from 'chai';
import {
  bundleOf,
  isDueForRenewal,
  lifeFrom,
  planRotation,
  type Authority,
  type AuthorityState,
} from '../../../autoscaler/certificates/rotation-plan.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const KNOWN_MS = HOUR_MS;
const START_MS = Date.parse('2026-01-01T00:00:00Z');

function authority(name: string, madeMs: number, days = 365): Authority {
  return { cert: `${name}\n`, key: `key of ${name}`, ...lifeFrom(madeMs, days * DAY_MS) };
}

function state(current: Authority, next?: Authority, trusted: Authority[] = []): AuthorityState {
  const parts = { current, next, trusted: [current, ...(next === undefined ? [] : [next]), ...trusted] };
  return { ...parts, bundle: bundleOf(parts, START_MS) };
}

describe('The plan of the authority', () => {
  const current = authority('one', START_MS);
  const dueMs = START_MS + 243.4 * DAY_MS;

  it('Given no authority, Then one is made', () => {
    expect(planRotation(undefined, START_MS, KNOWN_MS)).to.equal('create');
  });

  it('Given a young one, Then nothing is done; Given two thirds are over, Then the next is introduced', () => {
    expect(planRotation(state(current), START_MS, KNOWN_MS)).to.equal('keep');
    expect(planRotation(state(current), START_MS + 243 * DAY_MS, KNOWN_MS)).to.equal('keep');
    expect(planRotation(state(current), dueMs, undefined)).to.equal('introduce');
  });

  it('Given a next one, Then it signs after a day, and only when every client knows it', () => {
    const both = state(current, authority('two', dueMs));
    expect(planRotation(both, dueMs, KNOWN_MS)).to.equal('keep');
    expect(planRotation(both, dueMs + 23 * HOUR_MS, KNOWN_MS)).to.equal('keep');
    expect(planRotation(both, dueMs + 24 * HOUR_MS, KNOWN_MS)).to.equal('promote');
    expect(planRotation(both, dueMs + 24 * HOUR_MS, undefined), 'some lack it').to.equal('keep');
    expect(planRotation(both, dueMs + 24 * HOUR_MS, 60_000), 'kubelets are not through').to.equal('keep');
  });

  it('Given a pod that never gets the bundle, Then it does not hold the rotation up to the very end', () => {
    const both = state(current, authority('two', dueMs));
    expect(planRotation(both, START_MS + 334 * DAY_MS, undefined)).to.equal('keep');
    expect(planRotation(both, START_MS + 336 * DAY_MS, undefined)).to.equal('promote');
  });

  it('Given an authority that expired while nobody ran, Then the next one signs, or a new one is made', () => {
    const lateMs = START_MS + 400 * DAY_MS;
    expect(planRotation(state(current, authority('two', dueMs)), lateMs, undefined)).to.equal('promote');
    expect(planRotation(state(current), lateMs, undefined)).to.equal('create');
    expect(planRotation(state(current, authority('two', dueMs, 10)), lateMs, KNOWN_MS)).to.equal('create');
  });

  it('Given an expired certificate in the bundle, or a lacking one, Then the bundle is written anew', () => {
    const old = authority('zero', START_MS - 300 * DAY_MS);
    const two = state(current, undefined, [old]);
    expect(planRotation(two, START_MS, KNOWN_MS)).to.equal('keep');
    expect(planRotation(two, START_MS + 66 * DAY_MS, KNOWN_MS)).to.equal('rebundle');
    expect(bundleOf(two, START_MS + 66 * DAY_MS)).to.equal('one\n');
    expect(planRotation({ ...state(current), bundle: '' }, START_MS, KNOWN_MS)).to.equal('rebundle');
  });

  it('Given clocks that differ by half an hour, Then what one makes holds for the other', () => {
    const { notBeforeMs } = authority('two', dueMs);
    expect(notBeforeMs).to.be.below(dueMs - HOUR_MS / 2);
    const behindMs = dueMs - HOUR_MS / 2;
    expect(planRotation(state(current, authority('two', dueMs)), behindMs, KNOWN_MS)).to.equal('keep');
  });
});

describe('The life of a certificate', () => {
  it('ends no later than its signer', () => {
    const signer = lifeFrom(START_MS, DAY_MS);
    expect(lifeFrom(START_MS, 30 * DAY_MS, signer).notAfterMs).to.equal(signer.notAfterMs);
    expect(lifeFrom(START_MS, HOUR_MS, signer)).to.deep.equal({
      notBeforeMs: START_MS - HOUR_MS,
      notAfterMs: START_MS + HOUR_MS,
    });
  });

  it('is renewed when two thirds are over', () => {
    const life = lifeFrom(START_MS, 30 * DAY_MS);
    expect(isDueForRenewal(life, START_MS + 19 * DAY_MS)).to.equal(false);
    expect(isDueForRenewal(life, START_MS + 20 * DAY_MS)).to.equal(true);
  });
});

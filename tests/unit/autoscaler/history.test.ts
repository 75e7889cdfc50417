import { expect } from 'chai';
import { DecisionFilter } from '../../../autoscaler/store/decision-filter.ts';
import { PendingRecords } from '../../../autoscaler/store/pending-records.ts';
import type { DecisionRecord } from '../../../autoscaler/domain/records.ts';

const MIB = 2 ** 20;

describe('Decisions', () => {
  const decision = (timeMs: number, changed: Partial<DecisionRecord> = {}): DecisionRecord => ({
    ...{ timeMs, application: 'n/a', phase: 'Active', replicas: 1, desiredReplicas: 1, reason: 'Steady', message: '' },
    ...{ votes: [], acted: false },
    ...changed,
  });

  it('Given one that did not change, Then it is no row, however long it lasts and whatever its message says', () => {
    const filter = new DecisionFilter();
    const days = Array.from({ length: 20_000 }, (_, time) => decision(time * 30_000, { message: `value ${time}` }));
    expect(days.filter((each) => filter.accept(each))).to.have.length(1);
  });

  it('Given other replicas or another phase, Then it is a row at once; another reason, once in ten minutes', () => {
    const filter = new DecisionFilter();
    expect(filter.accept(decision(0))).to.equal(true);
    expect(filter.accept(decision(1, { desiredReplicas: 2 }))).to.equal(true);
    expect(filter.accept(decision(2, { replicas: 2, desiredReplicas: 2 }))).to.equal(true);
    expect(filter.accept(decision(3, { phase: 'Draining', replicas: 2, desiredReplicas: 2 }))).to.equal(true);
    const flapping = Array.from({ length: 3_600 }, (_, second) =>
      decision(10_000 + second * 1_000, { reason: second % 2 === 0 ? 'Steady' : 'Tolerance' }),
    );
    expect(flapping.filter((each) => filter.accept(each)).length).to.be.within(5, 8);
  });
});

describe('Records that cannot be written', () => {
  it('Given more than fits, Then the oldest go and the memory stays within the bound', () => {
    const pending = new PendingRecords(MIB);
    for (let number = 0; number < 20_000; number += 1) {
      pending.add({ table: 'audit', timeMs: number, application: 'n/a', record: 'x'.repeat(150) });
      expect(pending.bytes).to.be.at.most(MIB);
    }
    expect(pending.size + pending.dropped).to.equal(20_000);
    const taken = pending.take(10);
    expect(taken[0]?.timeMs).to.equal(pending.dropped);
    pending.putBack(taken);
    expect(pending.take(1)[0]?.timeMs).to.equal(pending.dropped);
  });
});

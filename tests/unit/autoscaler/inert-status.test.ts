import { expect } from 'chai';
import { restoreState } from '../../../autoscaler/controllers/application/reconcile-state.ts';
import { inertConditions } from '../../../autoscaler/controllers/application/conditions.ts';
import { StatusWriter } from '../../../autoscaler/controllers/application/status-writer.ts';
import type { AutoscalerStatus } from '../../../shared/api/autoscaler.ts';
import { application, autoscaler } from '../../support/builders.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { kubeClient } from '../../support/kube-client.ts';
import { silentLogger } from '../../support/silent-logger.ts';

describe('The status of a resource in conflict', () => {
  it('Given another sentence, Then no condition changes its time, and what was learned of starts stays', async () => {
    const clock = new FakeClock();
    const written: AutoscalerStatus[] = [];
    const api = kubeClient((_method, _path, { body }) => {
      written.push((body as { status: AutoscalerStatus }).status);
      return Promise.resolve({ metadata: { resourceVersion: String(written.length + 1) } });
    });
    const writer = new StatusWriter(api, { isLeader: () => true, clock, logger: silentLogger });
    const status = { learnedStartSeconds: 7, templateHash: 'h' };
    const shown = application({ resource: autoscaler({}, status) });
    const state = restoreState(shown, status, { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() });
    await writer.writeInert(shown, state, inertConditions('Conflicted', 'one owns it', true));
    clock.advance(60_000);
    await writer.writeInert(shown, state, inertConditions('Conflicted', 'another owns it', true));
    const [first, second] = written;
    expect(written).to.have.length(2);
    expect(second).to.include({ learnedStartSeconds: 7, templateHash: 'h', observedGeneration: 1 });
    expect(second?.conditions?.[0]?.message).to.equal('another owns it');
    for (const [index, condition] of (second?.conditions ?? []).entries()) {
      expect(condition.lastTransitionTime).to.equal(first?.conditions?.[index]?.lastTransitionTime);
      expect(condition.observedGeneration).to.equal(1);
    }
  });
});

import { expect } from 'chai';
import { explanationText } from '../../../autoscaler/commands/explain.ts';
import { ApplicationController } from '../../../autoscaler/controllers/application/controller.ts';
import { replay } from '../../../autoscaler/controllers/application/explain.ts';
import { heldThoughReady } from '../../../autoscaler/controllers/application/held-though-ready.ts';
import { restoreState } from '../../../autoscaler/controllers/application/reconcile-state.ts';
import { ApplicationRecorder } from '../../../autoscaler/controllers/application/record.ts';
import type { DecisionRecord } from '../../../autoscaler/domain/records.ts';
import { MetricsCollector } from '../../../autoscaler/domain/signals/metrics-collector.ts';
import { DEFAULT_SETTINGS } from '../../../shared/api/load-balancer-settings.ts';
import { application, autoscaler, deployment } from '../../support/builders.ts';
import { controllerDeps } from '../../support/controller-deps.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** A controller that looks at an application with a rule of 4 requests per replica, under these loads one after the other. */
async function looked(loads: readonly number[]): Promise<{
  controller: ApplicationController;
  records: DecisionRecord[];
  look: (inFlight: number) => Promise<void>;
}> {
  const clock = new FakeClock();
  const collector = new MetricsCollector();
  const records: DecisionRecord[] = [];
  const spec = { maxReplicas: 9, scaling: { rules: [{ name: 'load', concurrency: { target: 4 } }] } };
  const busy = application({ resource: autoscaler(spec), deployment: deployment(2) });
  const recorder = new ApplicationRecorder({
    publish: (event) => {
      if (event.kind === 'Decided') records.push(event.record);
    },
    clock,
  });
  const deps = { watch: { get: () => busy, settings: DEFAULT_SETTINGS }, collector, recorder, clock };
  const controller = new ApplicationController(controllerDeps(deps));
  const quiet = { queued: 0, completions: 0, idleMs: 0, responseTimes: [], podsInFlight: {}, drained: false };
  const look = async (inFlight: number): Promise<void> => {
    clock.advance(60_000);
    collector.traffic.add('n/a', 'lb', { ...quiet, inFlight, drainId: undefined }, clock.monotonicMs(), 15_000);
    await controller.reconcile('n/a');
  };
  for (const inFlight of loads) await look(inFlight);
  return { controller, records, look };
}

describe('Requests that are held although pods are ready', () => {
  it('Given some for 10 s, Then the condition Ready says where to look; once one is answered, no more', () => {
    const resource = autoscaler({ route: { port: 9999 } });
    const state = restoreState(application({ resource }), { phase: 'Active' }, { monotonicMs: 0, wallMs: 0 });
    const look = (monotonicMs: number, queued: number, inFlight = 0): string | undefined => {
      const collector = new MetricsCollector();
      const quiet = {
        completions: 0,
        idleMs: 0,
        responseTimes: [],
        podsInFlight: {},
        drained: false,
        drainId: undefined,
      };
      collector.traffic.add('n/a', 'lb', { ...quiet, queued, inFlight }, monotonicMs, 15_000);
      const balancers = [{ uid: 'lb', name: 'lb', address: undefined }];
      const signals = collector.signals('n/a', [], balancers, monotonicMs, 15_000);
      return heldThoughReady(resource, state, signals, 1, monotonicMs);
    };
    expect(look(0, 3)).to.equal(undefined);
    expect(look(9_999, 3)).to.equal(undefined);
    expect(look(10_000, 1)).to.match(/listens on port 9999 \(spec\.route\.port\)\.$/);
    expect(look(11_000, 1, 1)).to.equal(undefined);
    expect(look(12_000, 1)).to.equal(undefined);
    expect(look(22_000, 1)).to.match(/held for more than 10 s/);
  });
});

describe('Why an application has as many replicas as it has', () => {
  it('Given a rule, Then its vote, the least number, what keeps it awake, and the smallest change are told', async () => {
    const { controller, look } = await looked([7]);
    const asked = [controller.explain('n/a'), controller.explain('n/a')] as const;
    await look(7);
    const explanation = await asked[0];
    expect(explanation).to.include({ application: 'n/a', phase: 'Active', replicas: 2, desiredReplicas: 2 });
    // However many ask, it is made once for a look.
    expect(await asked[1]).to.equal(explanation);
    expect(explanation?.votes.map(({ rule, replicas }) => [rule, replicas])).to.deep.equal([['load', 2]]);
    expect(explanation?.floor).to.deep.equal({ minReplicas: 0, why: 'minReplicas is 0' });
    expect(explanation?.sleepBlocked?.reason).to.equal('Busy');
    const [up] = explanation?.smallestChanges ?? [];
    expect(up).to.include({ rule: 'load', from: 7, replicas: 3 });
    expect(up?.to).to.be.within(8.8, 8.81);
    const text = explanationText(explanation as NonNullable<typeof explanation>);
    expect(text).to.match(/^n\/a is Active, with 2 replicas; 2 are wanted/);
    expect(text).to.match(/load \(target 4 per replica\): wants 2; /);
    expect(text).to.match(/3 replicas instead of 2 when requests in flight and queued of rule load reaches 8\.8/);
    expect(text).to.match(/It does not sleep \(Busy\): Requests are in flight\./);
  });

  it('Given it goes before it is looked at, Then there is no explanation, and nobody waits', async () => {
    const { controller } = await looked([7]);
    const asked = controller.explain('n/a');
    controller.reset();
    expect(await asked).to.equal(undefined);
  });

  it('Given decisions that were recorded, Then each comes to the same again, also after a trip through JSON', async () => {
    const { records } = await looked([7, 30, 1, 0, 20, 8, 35, 3]);
    const replayed = records.filter(({ input }) => input !== undefined);
    expect(replayed.length).to.be.greaterThan(3);
    for (const record of replayed) {
      expect(replay(JSON.parse(JSON.stringify(record)) as DecisionRecord)?.isSame, record.message).to.equal(true);
    }
    const [first] = replayed;
    if (first === undefined) throw new Error('No decision was recorded.');
    expect(replay({ ...first, message: 'another' })?.isSame).to.equal(false);
    expect(replay({ ...first, input: undefined })).to.equal(undefined);
  });
});

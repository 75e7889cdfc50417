import { expect } from 'chai';
import { ApplicationController } from '../../../autoscaler/controllers/application/controller.ts';
import { buildStatus } from '../../../autoscaler/controllers/application/status.ts';
import { MetricsCollector } from '../../../autoscaler/domain/signals/metrics-collector.ts';
import type { AutoscalerStatus } from '../../../shared/api/autoscaler.ts';
import { DEFAULT_SETTINGS } from '../../../shared/api/load-balancer-settings.ts';
import { application, autoscaler } from '../../support/builders.ts';
import { controllerDeps, workloads } from '../../support/controller-deps.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const KEY = 'n/a';

/** An idle application whose balancer confirms; the write of the status before the scale call takes as long as told. */
async function scalesAfter(writeMs: number): Promise<number[]> {
  const clock = new FakeClock();
  const collector = new MetricsCollector();
  const scales: number[] = [];
  let writing = 0;
  let written: AutoscalerStatus | undefined;
  const idle = application({ resource: autoscaler({ sleep: { idleSeconds: 1 } }) });
  const deps = controllerDeps({
    watch: { get: () => idle, settings: DEFAULT_SETTINGS },
    collector,
    actuator: workloads({
      scale: (_application, replicas) => {
        scales.push(replicas);
        return Promise.resolve({ kind: 'done' });
      },
    }),
    statusWriter: {
      write: (_application, _state, wanted) => {
        clock.advance(writing);
        written = buildStatus(wanted, clock.wallMs());
        return Promise.resolve(true);
      },
      writeInert: () => Promise.resolve(),
    },
    clock,
  });
  const controller = new ApplicationController(deps);
  const report = (drainId?: string): void => {
    const quiet = { inFlight: 0, queued: 0, completions: 0, idleMs: 60_000, responseTimes: [], podsInFlight: {} };
    collector.traffic.add(
      KEY,
      'lb',
      { ...quiet, drained: drainId !== undefined, drainId },
      clock.monotonicMs(),
      15_000,
    );
  };
  report();
  await controller.reconcile(KEY);
  clock.advance(2000);
  report();
  await controller.reconcile(KEY);
  expect(written).to.include({ phase: 'Draining', drainId: 'drain-1' });
  clock.advance(4000);
  report('drain-1');
  writing = writeMs;
  await controller.reconcile(KEY);
  return scales;
}

describe('a scale to 0 that is decided in time', () => {
  it('Given the status is written at once, Then it is called', async () => {
    expect(await scalesAfter(999)).to.deep.equal([0]);
  });
  it('Given the API server takes so long for the status that holds may expire, Then it is not called any more', async () => {
    expect(await scalesAfter(1000)).to.deep.equal([]);
  });
});

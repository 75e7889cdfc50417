import { expect } from 'chai';
import {
  ApplicationController,
  type ApplicationControllerDeps,
} from '../../../autoscaler/controllers/application/controller.ts';
import { ScalingSpecs } from '../../../autoscaler/controllers/application/scaling-spec.ts';
import { MetricsCollector } from '../../../autoscaler/domain/signals/metrics-collector.ts';
import { autoscalerSpecSchema, type AutoscalerStatus } from '../../../shared/api/autoscaler.ts';
import { DEFAULT_SETTINGS } from '../../../shared/api/load-balancer-settings.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const KEY = 'n/a';

/** An idle application whose balancer confirms; the write of the status before the scale call takes as long as told. */
async function scalesAfter(writeMs: number): Promise<number[]> {
  const clock = new FakeClock();
  const collector = new MetricsCollector();
  const scales: number[] = [];
  let writing = 0;
  let written: AutoscalerStatus | undefined;
  const pod = {
    metadata: { name: 'p', namespace: 'n', uid: 'p' },
    spec: { containers: [] },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  };
  const metadata = { namespace: 'n', name: 'a', uid: 'u', resourceVersion: '1' };
  const spec = autoscalerSpecSchema.parse({ scaleTargetRef: { name: 'd' }, route: {}, sleep: { idleSeconds: 1 } });
  const application = {
    key: KEY,
    metadata,
    resource: { metadata: { ...metadata, generation: 1 }, spec },
    invalid: [],
    conflict: undefined,
    deployment: {
      metadata: { name: 'd', namespace: 'n', uid: 'd', resourceVersion: '1' },
      spec: { replicas: 1, template: {} },
    },
    pods: [pod],
  };
  const nothing = (): void => undefined;
  const deps = {
    watch: { get: () => application, settings: DEFAULT_SETTINGS },
    collector,
    balancers: () => [{ uid: 'lb', name: 'lb', address: undefined }],
    otherScaler: () => undefined,
    balancersMissing: () => false,
    isLeader: () => true,
    actuator: {
      scale: (_application: unknown, replicas: number) => Promise.resolve({ kind: (scales.push(replicas), 'done') }),
    },
    statusWriter: {
      write: (_application: unknown, _memory: unknown, status: AutoscalerStatus) => {
        clock.advance(writing);
        written = status;
        return Promise.resolve(true);
      },
    },
    story: {
      replicasSeen: () => false,
      contended: nothing,
      otherScalerSeen: nothing,
      decided: nothing,
      phaseChanged: nothing,
    },
    specs: new ScalingSpecs(),
    observations: { note: nothing, forget: nothing },
    again: nothing,
    metrics: { observe: nothing, scaleWrites: { inc: nothing } },
    clock,
    newId: () => 'drain-1',
  } as unknown as ApplicationControllerDeps;
  const controller = new ApplicationController(deps);
  const report = (drainId?: string): void => {
    const quiet = { inFlight: 0, queued: 0, completions: 0, idleMs: 60_000, responseTimes: [], podsInFlight: {} };
    collector.addTraffic(KEY, 'lb', { ...quiet, drained: drainId !== undefined, drainId }, clock.nowMs(), 15_000);
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

import type { ApplicationControllerDeps } from '../../autoscaler/controllers/application/controller.ts';
import { AutomatonEvents } from '../../autoscaler/controllers/application/automaton-events.ts';
import { ScalingSpecs } from '../../autoscaler/controllers/application/scaling-spec.ts';
import { MetricsCollector } from '../../autoscaler/domain/signals/metrics-collector.ts';
import { DEFAULT_SETTINGS } from '../../shared/api/load-balancer-settings.ts';
import { FakeClock } from './fake-clock.ts';

const nothing = (): void => undefined;

/** Ports of a controller that leads, sees no application and changes nothing; `over` replaces them one by one. */
export function controllerDeps(over: Partial<ApplicationControllerDeps> = {}): ApplicationControllerDeps {
  return {
    watch: { get: () => undefined, settings: DEFAULT_SETTINGS },
    collector: new MetricsCollector(),
    balancers: () => [{ uid: 'lb', name: 'lb', address: undefined }],
    balancersMissing: () => false,
    otherScaler: () => undefined,
    isLeader: () => true,
    actuator: workloads(),
    statusWriter: { write: () => Promise.resolve(true), writeInert: () => Promise.resolve() },
    recorder: {
      observeReplicas: () => false,
      observeOtherScaler: nothing,
      contention: () => undefined,
      recordDecision: nothing,
      recordPhaseChange: nothing,
    },
    specs: new ScalingSpecs(),
    observations: { note: nothing, forget: nothing },
    metrics: { observe: nothing, countScaleWrite: nothing, forget: nothing },
    clock: new FakeClock(),
    publish: nothing,
    events: new AutomatonEvents(),
    newId: () => 'drain-1',
    ...over,
  };
}

/** Workloads that take every change and make none. */
export function workloads(
  over: Partial<ApplicationControllerDeps['actuator']> = {},
): ApplicationControllerDeps['actuator'] {
  return {
    scale: () => Promise.resolve({ kind: 'done' }),
    fence: () => Promise.resolve(true),
    adviseDeletion: () => Promise.resolve(),
    restartPods: () => Promise.resolve(),
    ...over,
  };
}

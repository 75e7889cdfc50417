import { withCondition } from '../controllers/conditions.ts';
import type { Condition } from '../model/objects.ts';
import { isSidecar, type Pod, type PodStatus } from '../model/workloads.ts';
import type { ContainerRunner } from './container-runner.ts';

/** What a pod's status is computed from. */
export interface PodState {
  pod: Pod;
  podIP: string | undefined;
  startTime: string;
  init: readonly ContainerRunner[];
  app: readonly ContainerRunner[];
  /** The regular init containers are done and the sidecars have started. */
  initialized: boolean;
}

function phase({ pod, init, app, initialized }: PodState): PodStatus['phase'] {
  const failedInit = init.some((runner) => runner.finished && !isSidecar(runner.container) && runner.exitCode !== 0);
  const sidecarsEnded = init.every((runner) => !runner.running);
  if (failedInit && app.every((runner) => !runner.begun)) return sidecarsEnded ? 'Failed' : 'Pending';
  if (app.every((runner) => runner.finished && runner.begun) && sidecarsEnded) {
    return app.every((runner) => runner.exitCode === 0) ? 'Succeeded' : 'Failed';
  }
  const begun = app.some((runner) => runner.running || runner.exitCode !== undefined);
  if (initialized && begun) return 'Running';
  return pod.status.phase === 'Running' ? 'Running' : 'Pending';
}

function unready(runners: readonly ContainerRunner[]): string {
  const names = runners.filter((runner) => !runner.status().ready).map((runner) => runner.container.name);
  return `containers with unready status: [${names.join(' ')}]`;
}

/** The status of a pod as the kubelet writes it; conditions of others stay. */
export function podStatus(state: PodState, hostIP: string): PodStatus {
  const { pod, podIP, init, app, initialized } = state;
  const current = phase(state);
  const finished = current === 'Succeeded' || current === 'Failed';
  const counted = [...init.filter((runner) => isSidecar(runner.container)), ...app];
  const allReady = counted.every((runner) => runner.status().ready);
  const gates = (pod.spec.readinessGates ?? []).filter(
    ({ conditionType }) =>
      !pod.status.conditions?.some((condition) => condition.type === conditionType && condition.status === 'True'),
  );
  const reason = finished
    ? current === 'Succeeded'
      ? 'PodCompleted'
      : 'PodFailed'
    : allReady
      ? undefined
      : 'ContainersNotReady';
  const message = finished || allReady ? undefined : unready(counted);
  const next: Pick<Condition, 'type' | 'status' | 'reason' | 'message'>[] = [
    { type: 'PodReadyToStartContainers', status: podIP !== undefined && !finished ? 'True' : 'False' },
    initialized
      ? { type: 'Initialized', status: 'True', ...(current === 'Succeeded' ? { reason: 'PodCompleted' } : {}) }
      : {
          type: 'Initialized',
          status: 'False',
          reason: 'ContainersNotInitialized',
          message: 'containers with incomplete status',
        },
    {
      type: 'Ready',
      status: allReady && !finished && gates.length === 0 ? 'True' : 'False',
      ...optional(reason, message),
    },
    { type: 'ContainersReady', status: allReady && !finished ? 'True' : 'False', ...optional(reason, message) },
  ];
  if (allReady && !finished && gates.length > 0) {
    const text = gates.map(
      ({ conditionType }) => `corresponding condition of pod readiness gate "${conditionType}" does not exist.`,
    );
    next[2] = { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', message: text.join(', ') };
  }
  let conditions = pod.status.conditions ?? [];
  for (const condition of next) conditions = withCondition(conditions, condition);
  return {
    ...pod.status,
    phase: current ?? 'Pending',
    conditions,
    hostIP,
    hostIPs: [{ ip: hostIP }],
    ...(podIP === undefined ? {} : { podIP, podIPs: [{ ip: podIP }] }),
    startTime: state.startTime,
    containerStatuses: app.map((runner) => runner.status()),
    ...(init.length === 0 ? {} : { initContainerStatuses: init.map((runner) => initStatus(runner)) }),
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
  };
}

/** A regular init container is ready once it has ended well. */
function initStatus(runner: ContainerRunner): ReturnType<ContainerRunner['status']> {
  const status = runner.status();
  return isSidecar(runner.container)
    ? status
    : { ...status, ready: runner.finished && runner.exitCode === 0, started: runner.running };
}

function optional(reason: string | undefined, message: string | undefined): Pick<Condition, 'reason' | 'message'> {
  return { ...(reason === undefined ? {} : { reason }), ...(message === undefined ? {} : { message }) };
}

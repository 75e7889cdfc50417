import type { StartProblem } from './lifecycle.ts';

interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string } | undefined;
  readonly terminated?: { readonly reason?: string; readonly exitCode?: number; readonly message?: string } | undefined;
}

interface StartingContainer {
  readonly name: string;
  readonly ready: boolean;
  readonly state?: ContainerState | undefined;
  readonly lastState?: ContainerState | undefined;
}

/** What of a pod tells why it does not start; a Kubernetes Pod has this shape. */
export interface StartingPod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string | undefined };
  readonly status?:
    | {
        readonly conditions?:
          | readonly {
              readonly type: string;
              readonly status: string;
              readonly reason?: string;
              readonly message?: string;
            }[]
          | undefined;
        readonly initContainerStatuses?: readonly StartingContainer[] | undefined;
        readonly containerStatuses?: readonly StartingContainer[] | undefined;
      }
    | undefined;
}

/** What of a Deployment tells why it starts nothing. */
export interface StartingDeployment {
  readonly spec: { readonly paused?: boolean | undefined };
  readonly status?:
    | {
        readonly conditions?:
          readonly { readonly type: string; readonly status: string; readonly message?: string }[] | undefined;
      }
    | undefined;
}

/**
 * Why no replica is ready, from what Kubernetes says of the Deployment and its pods; undefined when it says nothing.
 * `final` only when nothing of it may still become ready.
 */
export function findStartProblem(
  deployment: StartingDeployment,
  pods: readonly StartingPod[],
): StartProblem | undefined {
  const living = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  if (living.length === 0) {
    const failure = deployment.status?.conditions?.find(
      ({ type, status }) => type === 'ReplicaFailure' && status === 'True',
    );
    if (failure !== undefined) {
      return {
        reason: 'ReplicaFailure',
        message: `No pod can be created: ${failure.message ?? 'no reason given'}`,
        final: true,
      };
    }
    if (deployment.spec.paused === true) {
      return { reason: 'DeploymentPaused', message: 'The Deployment is paused, so no pod is created.', final: true };
    }
    return undefined;
  }
  const problems = living.map(problemOfPod);
  if (problems.some((each) => each === undefined)) return undefined;
  return problems.find((each) => each?.final === false) ?? problems[0];
}

/** Why one pod is not ready, from what Kubernetes says of it; undefined when it says nothing. */
export function problemOfPod(pod: StartingPod): StartProblem | undefined {
  const { name } = pod.metadata;
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  // Sidecars are init containers: nothing of the application starts before they do.
  for (const container of [...initContainerStatuses, ...containerStatuses]) {
    const waiting = container.state?.waiting;
    const where = `container ${container.name} of pod ${name}`;
    switch (waiting?.reason) {
      case 'CrashLoopBackOff': {
        const last = container.lastState?.terminated;
        const how =
          last === undefined
            ? ''
            : ` (exit code ${last.exitCode ?? '?'}${last.reason === undefined ? '' : `, ${last.reason}`})`;
        return { reason: 'CrashLoopBackOff', message: `${where} crashes again and again${how}.`, final: true };
      }
      case 'ErrImagePull':
        // The first try failed; the registry may answer the next one.
        return {
          reason: 'ImagePullBackOff',
          message: `${where} has an image that could not be pulled yet: ${waiting.message ?? waiting.reason}.`,
          final: false,
        };
      case 'ImagePullBackOff':
      case 'InvalidImageName':
        return {
          reason: 'ImagePullBackOff',
          message: `${where} has an image that cannot be pulled: ${waiting.message ?? waiting.reason}.`,
          final: true,
        };
      case 'CreateContainerConfigError':
      case 'RunContainerError':
      case 'CreateContainerError':
        return {
          reason: 'ContainerError',
          message: `${where} cannot be created: ${waiting.message ?? waiting.reason}.`,
          final: true,
        };
      default:
    }
  }
  const scheduled = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False') {
    return {
      reason: 'Unschedulable',
      message: `pod ${name} cannot be scheduled: ${scheduled.message ?? scheduled.reason ?? ''}`,
      final: false,
    };
  }
  const waitingFor = containerStatuses.filter(({ ready }) => !ready).map((each) => each.name);
  if (waitingFor.length === 0) return undefined;
  return {
    reason: 'Starting',
    message: `pod ${name} waits for container ${waitingFor.join(', ')} to become ready.`,
    final: false,
  };
}

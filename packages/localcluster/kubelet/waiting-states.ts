import type { Container, Pod } from '../model/workloads.ts';

/** Type, reason and message of an event. */
type WaitingEvent = ['Normal' | 'Warning', string, string];

/** What a container shows while it waits, and the events that go with it. */
export interface WaitingState {
  reason: string;
  message: string;
  events: WaitingEvent[];
}

/** What a container with an unknown image shows: at once, and while it waits for the next try. */
export function pullFailure({ image, imagePullPolicy }: Container): { first: WaitingState; then: WaitingState } {
  if (imagePullPolicy === 'Never') {
    const message = `Container image "${image}" is not present with pull policy of Never`;
    const state: WaitingState = {
      reason: 'ErrImageNeverPull',
      message,
      events: [['Warning', 'ErrImageNeverPull', message]],
    };
    return { first: state, then: { ...state, events: [] } };
  }
  const why = `failed to pull and unpack image "${image}": not found: this cluster knows no image of that name`;
  return {
    first: {
      reason: 'ErrImagePull',
      message: why,
      events: [
        ['Normal', 'Pulling', `Pulling image "${image}"`],
        ['Warning', 'Failed', `Failed to pull image "${image}": ${why}`],
        ['Warning', 'Failed', 'Error: ErrImagePull'],
      ],
    },
    then: {
      reason: 'ImagePullBackOff',
      message: `Back-off pulling image "${image}": ErrImagePull: ${why}`,
      events: [
        ['Normal', 'BackOff', `Back-off pulling image "${image}"`],
        ['Warning', 'Failed', 'Error: ImagePullBackOff'],
      ],
    },
  };
}

/** What a container shows whose environment or volumes refer to what is not there. */
export function configFailure(message: string): WaitingState {
  return {
    reason: 'CreateContainerConfigError',
    message,
    events: [['Warning', 'Failed', `Error: ${message}`]],
  };
}

/** What a container shows that ended and is started again after a while. */
export function crashLoop(container: string, { metadata }: Pod, waitMs: number): WaitingState {
  const { name, namespace = '', uid } = metadata;
  const pod = `${name}_${namespace}(${uid})`;
  return {
    reason: 'CrashLoopBackOff',
    message: `back-off ${Math.round(waitMs / 1000)}s restarting failed container=${container} pod=${pod}`,
    events: [['Warning', 'BackOff', `Back-off restarting failed container ${container} in pod ${pod}`]],
  };
}

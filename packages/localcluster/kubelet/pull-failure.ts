import type { Container } from '../model/workloads.ts';

/** Type, reason and message of an event. */
export type PullEvent = ['Normal' | 'Warning', string, string];

/** A waiting state and the events that go with it. */
export interface PullState {
  reason: string;
  message: string;
  events: PullEvent[];
}

/** What a container with an unknown image shows: at once, and while it waits for the next try. */
export function describePullFailure({ image, imagePullPolicy }: Container): { first: PullState; then: PullState } {
  if (imagePullPolicy === 'Never') {
    const message = `Container image "${image}" is not present with pull policy of Never`;
    const state: PullState = {
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

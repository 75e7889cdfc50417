import type { Screen } from './screen.ts';
import type { ClusterView } from './cluster-view.ts';
import type { ModelClient } from './model-client.ts';
import { wakeWithOneRequest } from './steps/one-request.ts';
import { scaleUnderLoad } from './steps/under-load.ts';
import { goToSleep } from './steps/to-sleep.ts';
import { wakeWithManyRequests } from './steps/many-requests.ts';
import { showRecords } from './steps/records.ts';

/** What the steps of the tour use. */
export interface TourContext {
  readonly screen: Screen;
  readonly view: ClusterView;
  readonly client: ModelClient;
  /** Base URL of the balancer's API. */
  readonly balancerUrl: string;
  /** Base URL of the autoscaler's API. */
  readonly autoscalerUrl: string;
  /** Number of model processes on this machine; undefined where the system does not tell. */
  readonly processes: () => number | undefined;
}

/**
 * The tour: each step does something, measures it from outside and states what must be true.
 *
 * @throws StepFailed or Error as soon as something did not happen
 */
export async function tour(context: TourContext): Promise<void> {
  const beganMs = performance.now();
  await wakeWithOneRequest(context);
  await scaleUnderLoad(context);
  await goToSleep(context);
  await wakeWithManyRequests(context);
  await showRecords(context);
  context.screen.say(`\nEverything above happened, in ${((performance.now() - beganMs) / 1000).toFixed(0)} s.`);
}

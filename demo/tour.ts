import type { TourContext } from './tour-context.ts';
import { wakeWithOneRequest } from './steps/one-request.ts';
import { scaleUnderLoad } from './steps/under-load.ts';
import { goToSleep } from './steps/to-sleep.ts';
import { wakeWithManyRequests } from './steps/many-requests.ts';
import { showRecords } from './steps/records.ts';

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

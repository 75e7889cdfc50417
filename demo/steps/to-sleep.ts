import { DEMO_TIMES } from '../demo-application.ts';
import { milliseconds } from '../screen.ts';
import type { TourContext } from '../tour-context.ts';

/** Nobody asks any more: the application goes to sleep, in two phases. */
export async function goToSleep({ screen, view, processes }: TourContext): Promise<void> {
  screen.heading('3. Nobody asks any more');
  const beganMs = performance.now();
  const phases = view.phases.length - 1;
  await screen.during(
    `after ${DEMO_TIMES.idleSeconds} s without a request it goes to sleep`,
    view.until('the phase Asleep and no pod', 40_000, (now) => now.phase === 'Asleep' && now.pods.length === 0),
    () => view.describe(),
  );
  const seen = view.phases.slice(Math.max(0, phases)).map(({ value }) => value);
  screen.proved(
    seen.join(' ').endsWith('Active Draining Asleep'),
    `${milliseconds(performance.now() - beganMs)} later it sleeps; the phases were ${seen.join(' -> ')}.`,
  );
  screen.detail(
    'Draining: every balancer holds new requests and confirms that none is under way, then comes the scale call.',
  );
  const running = processes();
  screen.proved(
    view.wanted === 0 && (running ?? 0) === 0,
    `spec.replicas is 0${running === undefined ? '' : ' and no process of the model runs'}.`,
  );
}

import { DecisionSource, type ScalingEvent } from '../decision-source.ts';
import { epochMs, judgementOf } from '../model-client.ts';
import { milliseconds } from '../screen.ts';
import type { TourContext } from '../tour-context.ts';

const REQUESTS = 50;

/** Fifty requests at once to a sleeping application: one wake, as many replicas as the queue needs, fifty right answers. */
export async function wakeWithManyRequests(context: TourContext): Promise<void> {
  const { screen, view, client } = context;
  screen.heading(`4. ${REQUESTS} requests at once to the sleeping model`);
  const beganMs = epochMs();
  const changes = view.replicas.length;
  const asked = Array.from({ length: REQUESTS }, (_, index) => {
    const good = index % 2 === 0;
    const text = good
      ? `Visit number ${index} was wonderful, I love it.`
      : `Visit number ${index} was terrible, I hate it.`;
    return { text, expected: good ? 'positive' : 'negative', answer: client.ask(text, { waitMs: 100 }) };
  });
  const all = Promise.all(asked.map(({ answer }) => answer));
  const answers = await screen.during('all of them are held', all, () => view.describe());
  const tookMs = epochMs() - beganMs;

  const perPod = new Map<string, number>();
  let right = 0;
  for (const [index, answer] of answers.entries()) {
    if (answer.status !== 200) continue;
    const { sentiment, sentences, pod } = judgementOf(answer);
    const own = sentences.map(({ text }) => text).join(' ') === asked[index]?.text;
    if (own && sentiment === asked[index]?.expected) right += 1;
    perPod.set(pod, (perPod.get(pod) ?? 0) + 1);
  }
  screen.proved(
    right === REQUESTS,
    `${right} of ${REQUESTS} answers are right, each for its own text, after ${milliseconds(tookMs)}.`,
  );

  const wakes = view.replicas
    .slice(changes)
    .filter(({ value }, index, all) => value > 0 && (all[index - 1]?.value ?? 0) === 0);
  const history = new DecisionSource(context.autoscalerUrl);
  const recorded = (await history.read<ScalingEvent>('scalingEvents', beganMs)).filter(({ from }) => from === 0);
  screen.proved(
    wakes.length === 1 && recorded.length === 1,
    `One wake, ${milliseconds((wakes[0]?.atMs ?? Number.NaN) - beganMs)} after the first request was sent: ${recorded.map(({ from, to, by }) => `${from} -> ${to} by ${by}`).join()}.`,
  );
  const queue = await history.find(({ reason }) => reason === 'QueueDepth', beganMs);
  screen.proved(
    queue.desiredReplicas > 1,
    `At once as many replicas as the queue needs: ${queue.desiredReplicas}. ${queue.message}`,
  );
  const shares = [...perPod.values()].sort((a, b) => b - a);
  screen.proved(perPod.size > 1, `The answers came from ${perPod.size} pods: ${shares.join(' + ')}.`);
}

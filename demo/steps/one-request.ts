import { DEMO_TIMES } from '../demo-application.ts';
import { judgementOf } from '../model-client.ts';
import { milliseconds } from '../screen.ts';
import type { TourContext } from '../tour-context.ts';

const TEXT = 'I love this wonderful product, it works great!';

/** A request comes to a sleeping application: held, woken, answered. */
export async function wakeWithOneRequest({ screen, view, client, processes }: TourContext): Promise<void> {
  screen.heading('1. One request to a sleeping model');
  const running = processes();
  screen.proved(
    view.wanted === 0 && view.pods.length === 0 && (running ?? 0) === 0,
    `It sleeps: spec.replicas is 0, there is no pod${running === undefined ? '' : ', and no process of the model runs'}.`,
  );
  const changes = view.replicas.length;
  const answer = await screen.during('a request is held while the model starts', client.ask(TEXT), () =>
    view.describe(),
  );
  const woken = view.replicas[changes] ?? { atMs: Number.NaN, value: 0 };
  screen.proved(
    answer.status === 200,
    `The request was held and answered: 200 after ${milliseconds(answer.answeredAtMs - answer.sentAtMs)}.`,
  );
  screen.proved(woken.value === 1, 'A watch of our own saw spec.replicas go from 0 to 1, once.');
  const judgement = judgementOf(answer);
  screen.proved(
    judgement.sentiment === 'positive' && judgement.loadSeconds >= DEMO_TIMES.loadSeconds,
    `The model really ran: "${TEXT}" is ${judgement.sentiment} (${judgement.score}); its load took ${judgement.loadSeconds.toFixed(1)} s.`,
  );
  screen.proved(
    /^held;dur=\d+$/.test(answer.headers['nemesis-cold-start'] ?? ''),
    `The answer says that it waited: nemesis-cold-start: ${answer.headers['nemesis-cold-start'] ?? ''}`,
  );
  const [started, loaded, received] = ['started', 'loaded', 'received'].map((name) =>
    Number(answer.headers[`model-${name}-at`]),
  ) as [number, number, number];
  screen.waterfall([
    { label: 'decision', ms: woken.atMs - answer.sentAtMs, what: 'request sent -> spec.replicas is 1' },
    { label: 'start', ms: started - woken.atMs, what: 'pod made, process started' },
    { label: '', ms: loaded - started, what: 'model loaded' },
    { label: 'release', ms: received - loaded, what: 'loaded -> the request is at the model' },
    { label: 'serve', ms: answer.answeredAtMs - received, what: 'the answer is back' },
  ]);
}

import type { ClusterView } from '../cluster-view.ts';
import { DecisionSource } from '../decision-source.ts';
import { Load } from '../load.ts';
import { epochMs } from '../model-client.ts';
import { milliseconds } from '../screen.ts';
import type { TourContext } from '../tour-context.ts';

/** Load makes replicas, by the CPU rule and by the concurrency rule; its end takes them away. */
export async function scaleUnderLoad(context: TourContext): Promise<void> {
  const { screen, view, client } = context;
  const decisions = new DecisionSource(context.autoscalerUrl);
  screen.heading('2. Load, and its end');
  const where = (): string => view.describe();
  const sinceMs = epochMs();

  const heavy = new Load(client, { users: 2, cost: { workMs: 200 } });
  await screen.during(
    '2 users, each text costs 200 ms of CPU',
    view.until('a second replica', 20_000, (now) => (now.wanted ?? 0) >= 2),
    where,
  );
  const byCpu = await decisions.find(
    (each) => each.reason === 'ScaleUp' && each.message.startsWith('rule cpu'),
    sinceMs,
  );
  screen.proved(
    byCpu.desiredReplicas === 2,
    `${milliseconds(epochMs() - sinceMs)} later spec.replicas is 2: ${byCpu.message}`,
  );

  const lightMs = epochMs();
  const light = new Load(client, { users: 12, cost: { waitMs: 300 } });
  await heavy.stop();
  await screen.during(
    '12 users at once, each text waits 300 ms for a GPU and costs no CPU',
    view.until('a third replica', 30_000, (now) => (now.wanted ?? 0) >= 3),
    where,
  );
  const byLoad = await decisions.find(
    (each) => each.reason === 'ScaleUp' && each.message.startsWith('rule load'),
    lightMs,
  );
  screen.proved(
    byLoad.desiredReplicas >= 3,
    `${milliseconds(epochMs() - lightMs)} later spec.replicas is ${byLoad.desiredReplicas}: ${byLoad.message}`,
  );
  const wanted = byLoad.desiredReplicas;
  await screen.during(
    `${wanted} replicas load the model`,
    view.until(`${wanted} ready replicas`, 40_000, (now) => now.ready >= wanted),
    where,
  );
  screen.proved(view.ready >= wanted, `${view.ready} replicas are ready and share the load.`);

  const endMs = epochMs();
  await light.stop();
  const one = new Load(client, { users: 1, pauseMs: 400 });
  await screen.during('one user stays and asks now and then', downToOne(view), where);
  await one.stop();
  screen.proved(view.wanted === 1, `${milliseconds(epochMs() - endMs)} after the load ended spec.replicas is 1 again.`);
  const answered = heavy.good + light.good + one.good;
  const failures = [heavy, light, one].flatMap((load) => load.failures);
  screen.proved(
    failures.length === 0,
    `${answered} requests, all answered${failures.length === 0 ? '' : `, but for: ${failures[0] ?? ''}`}.`,
  );
}

function downToOne(view: ClusterView): Promise<void> {
  return view.until('one replica', 40_000, (now) => now.wanted === 1);
}

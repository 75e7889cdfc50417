import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parseTrace, planReplay } from './plan.ts';
import { sendPlan } from './replay.ts';
import { formatReport, summarise } from './report.ts';

const USAGE = `Replays a recorded trace: calls per minute and application become HTTP requests at their times.

  node examples/replay/main.ts --file FILE --target URL [options]

  --file FILE        CSV: id columns, then 1_minute, 2_minute ... (or 1, 2 ...); a row is an application
  --target URL       where to; {application} and {name of an id column} are filled in
  --rows 0,3         only these rows, from 0                          (all)
  --start N          first minute of the trace                        (0)
  --minutes N        so many minutes of it                            (all)
  --speed-up N       a minute takes 60/N seconds                      (1)
  --concurrency N    requests under way at once; others are sent late (256)
  --seed N           the same seed gives the same times               (1)
  --body JSON        sent with each request, as POST
  --plan             prints the plan and sends nothing
`;

const { values } = parseArgs({
  options: {
    file: { type: 'string' },
    target: { type: 'string' },
    rows: { type: 'string' },
    start: { type: 'string' },
    minutes: { type: 'string' },
    'speed-up': { type: 'string' },
    concurrency: { type: 'string' },
    seed: { type: 'string' },
    body: { type: 'string' },
    plan: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

type NumberOption = 'start' | 'minutes' | 'speed-up' | 'concurrency' | 'seed';

function numberOf(name: NumberOption): number | undefined {
  const text = values[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text === '' || !Number.isFinite(value) || value < 0) {
    throw new Error(`--${name} is "${text}", but expected a number from 0 on.`);
  }
  return value;
}

async function main(): Promise<number> {
  if (values.help || values.file === undefined || (values.target === undefined && !values.plan)) {
    process.stdout.write(USAGE);
    return values.help ? 0 : 1;
  }
  const options = {
    startMinute: numberOf('start'),
    minutes: numberOf('minutes'),
    speedUp: numberOf('speed-up'),
    seed: numberOf('seed'),
    rows: values.rows?.split(',').map(Number),
  };
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const plan = planReplay(parseTrace(readFileSync(values.file, 'utf8')), given);
  const lastSeconds = (plan.at(-1)?.atMs ?? 0) / 1000;
  process.stdout.write(`${plan.length} requests within ${lastSeconds.toFixed(1)} s\n`);
  if (values.plan || values.target === undefined) {
    for (const { atMs, application } of plan) process.stdout.write(`${(atMs / 1000).toFixed(3)} ${application}\n`);
    return 0;
  }
  const ended = new AbortController();
  process.once('SIGINT', () => ended.abort());
  const concurrency = numberOf('concurrency');
  const outcomes = await sendPlan(plan, {
    target: values.target,
    signal: ended.signal,
    ...(concurrency === undefined ? {} : { concurrency: Math.max(1, concurrency) }),
    ...(values.body === undefined ? {} : { body: values.body }),
  });
  const report = summarise(outcomes);
  process.stdout.write(`${formatReport(report)}\n`);
  return report.failures === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

import { writeFile } from 'node:fs/promises';
import { BackTest } from '../../domain/backtest/back-test.ts';
import { messageOf } from '../../../shared/runtime/message-of.ts';
import { defineCommand } from '../command.ts';
import { anyText, flag, option, optionOr, type Option } from '../options.ts';
import { csvOf, svgOf, tableOf } from './print.ts';
import { readTrace, TraceError } from './read-trace.ts';

/** Goals that are compared at most. */
const MAX_GOALS = 10;

const OPTIONS = {
  'start-seconds': number('30', 'SECONDS', 'how long a start takes', 0, 86_400),
  'request-seconds': number('1', 'SECONDS', 'how long a request takes, where the file does not say it', 0, 86_400),
  'delayed-requests': optionOr('0.5%,1%,2%,5%', {
    value: 'SHARES',
    description: 'shares of requests that may wait for a start, such as 1%',
    allowed: `up to ${MAX_GOALS} shares above 0% and up to 100%, such as 1%,5%`,
    parse: sharesOf,
  }),
  'learn-share': number('0.667', 'SHARE', 'share of the time that is learned from; the rest is judged', 0.01, 0.99),
  'fallback-minutes': number('10', 'MINUTES', 'time-out of applications that were hardly seen', 1, 60),
  'cost-per-hour': number('1', 'PRICE', 'what a replica costs in an hour', 0, 1e9),
  seed: number('1', 'NUMBER', 'other times of the requests within their minutes', 0, 1e9),
  csv: flag({ description: 'print CSV, with each of the 60 fixed time-outs' }),
  svg: option({ value: 'FILE', description: 'writes a plot into this file as well', parse: anyText }),
};

/**
 * Compares sleep policies over recorded requests.
 *
 * @returns 0; 1 when a file could not be read or written; 2 when the arguments are wrong
 */
export const backtest = defineCommand({
  name: 'backtest',
  synopsis: 'FILE [OPTIONS]',
  description: `Compares sleep policies over recorded requests: what each would have come to in cold starts, delayed requests and
replica-hours. FILE is CSV with the calls in each minute, a row for each application (columns 1_minute, 2_minute …), or has a
JSON object for each request: {"timestamp": …, "durationMs": …, "application": …}. No cluster is asked.`,
  arguments: ['FILE'],
  noArguments: 'it takes one argument, FILE',
  options: OPTIONS,
  run: async (values, io, [file = '']) => {
    try {
      const trace = await readTrace(file, { seed: values.seed, requestSeconds: values['request-seconds'] });
      const learnedUntil = trace.lengthSeconds * values['learn-share'];
      const test = new BackTest({
        startSeconds: values['start-seconds'],
        learned: { fromSeconds: 0, toSeconds: learnedUntil },
        judged: { fromSeconds: learnedUntil, toSeconds: trace.lengthSeconds },
        delayedShares: values['delayed-requests'],
        fallbackSeconds: values['fallback-minutes'] * 60,
      });
      for await (const arrivals of trace.applications) test.add(arrivals);
      if (test.applications === 0) throw new TraceError(`${file} has no application.`);
      const results = test.results();
      const cost = values['cost-per-hour'];
      if (values.svg !== undefined) await write(values.svg, svgOf(results));
      io.stdout.write(values.csv ? csvOf(results, cost) : tableOf(results, cost));
      return 0;
    } catch (error) {
      if (!(error instanceof TraceError)) throw error;
      io.stderr.write(`backtest: ${error.message}\n`);
      return 1;
    }
  },
});

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    throw new TraceError(`${file} cannot be written: ${messageOf(error)}.`);
  }
}

function number(fallback: string, value: string, description: string, least: number, most: number): Option<number> {
  return optionOr(fallback, {
    value,
    description,
    allowed: `a number from ${least} to ${most}`,
    parse: (text) => {
      const parsed = text.trim() === '' ? Number.NaN : Number(text);
      return parsed >= least && parsed <= most ? parsed : undefined;
    },
  });
}

function sharesOf(text: string): number[] | undefined {
  const shares = text.split(',').map((each) => /^(\d+(?:\.\d+)?)%$/.exec(each.trim())?.[1]);
  const numbers = shares.map((each) => Number(each) / 100);
  return numbers.length <= MAX_GOALS && numbers.every((each) => each > 0 && each <= 1) ? numbers : undefined;
}

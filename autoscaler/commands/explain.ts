import axios, { isAxiosError } from 'axios';
import { messageOf } from '../../shared/runtime/message-of.ts';
import { readSettings } from '../../shared/runtime/settings.ts';
import { explanationSchema } from '../api/decisions/schemas.ts';
import type { Explanation } from '../controllers/application/explain.ts';
import { defineCommand } from './command.ts';
import { commandSettings } from './command-settings.ts';
import { anyText, flag, option, optionOr, UsageError } from './options.ts';

const TIMEOUT_MS = 10_000;

/** Says why an application has as many replicas as it has, as the leading controller sees it. */
export const explain = defineCommand({
  name: 'explain',
  synopsis: 'NAMESPACE/NAME [OPTIONS]',
  description: `Says why an application has as many replicas as it has, and what would have to change for another number. It asks the
controller, whose port 8090 has to be reachable, for instance with
"kubectl -n nemesis-system port-forward service/nemesis-autoscaler 8090".`,
  arguments: ['NAMESPACE/NAME'],
  noArguments: 'it takes one argument, NAMESPACE/NAME',
  options: {
    url: optionOr('http://127.0.0.1:8090', {
      value: 'URL',
      description: 'where the controller answers (default http://127.0.0.1:8090)',
      allowed: 'an address that begins with http:// or https://',
      parse: (text) => (/^https?:\/\//.test(text) && URL.canParse(text) ? text : undefined),
    }),
    token: option({
      value: 'TOKEN',
      description: 'bearer token (default $NEMESIS_TOKEN, which ps does not show)',
      parse: anyText,
    }),
    json: flag({ description: 'print the answer as JSON' }),
  },
  run: async ({ url, token, json }, io, [application = '']) => {
    const parts = application.split('/');
    if (parts.length !== 2 || parts.some((part) => part === '')) {
      throw new UsageError(`"${application}" is no application; expected NAMESPACE/NAME, such as models/sentiment.`);
    }
    const shown = token ?? readSettings(commandSettings, process.env).token;
    const path = `/api/v1/applications/${parts.map(encodeURIComponent).join('/')}/explain`;
    const answer = await ask(`${url.replace(/\/$/, '')}${path}`, shown);
    const explanation = explanationSchema.parse(answer);
    io.stdout.write(json ? `${JSON.stringify(answer, null, 2)}\n` : explanationText(explanation as Explanation));
    return 0;
  },
});

async function ask(url: string, token: string): Promise<unknown> {
  try {
    const headers = token === '' ? {} : { authorization: `Bearer ${token}` };
    return (await axios.get<unknown>(url, { headers, timeout: TIMEOUT_MS, maxRedirects: 0 })).data;
  } catch (error) {
    const detail = isAxiosError<{ detail?: string }>(error) ? error.response?.data.detail : undefined;
    throw new Error(detail ?? `${url} cannot be asked: ${messageOf(error)}.`, { cause: error });
  }
}

/** An explanation for people. */
export function explanationText(explanation: Explanation): string {
  const { application, time, phase, replicas, desiredReplicas, reason, message } = explanation;
  const { votes, floor, ceiling, automaton, sleepBlocked, rejected, smallestChanges } = explanation;
  const lines = [
    `${application} is ${phase}, with ${replicas} replicas; ${desiredReplicas} are wanted (as of ${time}).`,
    `${reason}: ${message}`,
    ...(rejected === undefined ? [] : ['', `The resource is not acted on: ${rejected}`]),
  ];
  if (votes.length > 0) {
    lines.push('', 'Rules:');
    for (const { rule, threshold, replicas: wanted, why } of votes) {
      lines.push(`  ${rule} (${threshold}): ${wanted === undefined ? 'no wish' : `wants ${wanted}`}; ${why}`);
    }
  }
  if (floor.minReplicas > 0) lines.push('', `At least ${floor.minReplicas}: ${floor.why}.`);
  if (replicas >= ceiling.maxReplicas) lines.push('', `At most ${ceiling.maxReplicas}: ${ceiling.why}.`);
  if (automaton !== undefined) lines.push('', `Its automaton is in state ${automaton.state} since ${automaton.since}.`);
  if (sleepBlocked !== undefined) lines.push('', `It does not sleep (${sleepBlocked.reason}): ${sleepBlocked.message}`);
  if (smallestChanges.length > 0) {
    lines.push('', 'What would change the number:');
    for (const change of smallestChanges) lines.push(`  ${change.message}`);
  }
  return `${lines.join('\n')}\n`;
}

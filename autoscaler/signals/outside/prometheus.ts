import { z } from 'zod';
import type { ObservabilitySystem } from '../../../shared/api/observability-system.ts';
import { messageOf } from '../../../shared/runtime/logger.ts';
import type { OutboundClient } from '../../outbound/outbound-client.ts';
import { confineQuery } from './promql.ts';
import { SignalFault } from './signal-fault.ts';

const TIMEOUT_MS = 5_000;
const MAX_BYTES = 1_048_576;

const sample = z.tuple([z.number(), z.string()]);
const answerSchema = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('success'),
    data: z.discriminatedUnion('resultType', [
      z.object({ resultType: z.literal('scalar'), result: sample }),
      z.object({ resultType: z.literal('vector'), result: z.array(z.object({ value: sample.optional() })) }),
      z.object({ resultType: z.enum(['matrix', 'string']) }),
    ]),
  }),
  z.object({ status: z.literal('error'), errorType: z.string(), error: z.string() }),
]);

/** What speaking to a system takes beside its resource. */
export interface SystemCredentials {
  readonly authorization: string | undefined;
  readonly ca: string | undefined;
}

/** The query as it is sent for an application of a namespace. @throws SignalFault */
export function prometheusQuery({ spec }: ObservabilitySystem, query: string, namespace: string): string {
  return spec.namespaceLabel === '' ? query : confineQuery(query, spec.namespaceLabel, namespace);
}

/**
 * The number that an instant query gives now.
 *
 * @throws SignalFault where it gives none, or several
 * @see https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
 */
export async function queryPrometheus(
  client: Pick<OutboundClient, 'request'>,
  { metadata, spec }: ObservabilitySystem,
  { authorization, ca }: SystemCredentials,
  query: string,
): Promise<number> {
  const name = `Prometheus ${metadata.name}`;
  let answer;
  try {
    answer = await client.request({
      method: 'POST',
      url: `${spec.url.replace(/\/$/, '')}/api/v1/query`,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        ...(authorization === undefined ? {} : { authorization }),
      },
      body: new URLSearchParams({ query, timeout: `${TIMEOUT_MS / 1000}s` }).toString(),
      ...{ timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES, ca },
    });
  } catch (error) {
    throw new SignalFault(`${name} cannot be asked: ${messageOf(error)}`, { cause: error });
  }
  const parsed = answerSchema.safeParse(jsonOf(answer.body));
  if (!parsed.success) throw new SignalFault(`${name} answered ${answer.status} with something else than a result`);
  if (parsed.data.status === 'error') throw new SignalFault(`${name} refused the query: ${parsed.data.error}`);
  return numberOf(name, parsed.data.data);
}

type Result = Extract<z.output<typeof answerSchema>, { status: 'success' }>['data'];

function numberOf(name: string, data: Result): number {
  if (data.resultType !== 'scalar' && data.resultType !== 'vector') {
    throw new SignalFault(`its query gives a ${data.resultType}, and one number was expected`);
  }
  const samples = data.resultType === 'scalar' ? [data.result] : data.result.map(({ value }) => value);
  const [first] = samples;
  if (first === undefined) throw new SignalFault(`${name} has no value for its query`);
  if (samples.length > 1) {
    throw new SignalFault(
      `its query gives ${samples.length} values, and one was expected; aggregate them, with sum or max for instance`,
    );
  }
  const value = Number(first[1]);
  if (!Number.isFinite(value)) throw new SignalFault(`its query gives ${first[1]}`);
  return value;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

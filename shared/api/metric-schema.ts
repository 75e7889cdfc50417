import { z } from 'zod';
import type { MetricDefinition, Notation } from '../model/metrics/metric.ts';
import type { Metric, MetricName, ThresholdMetric } from '../model/metrics/registry.ts';
import { parseBytes, parseDurationMs, parseMillicores, parseQuantity } from './quantity.ts';
import { duration, quantity, quantityOrPercent, withRules } from './schema.ts';

const durationMs = (text: string | number): number => parseDurationMs(String(text));

const MAX_COUNT = 1_000_000;
const ORDER = 'scaleDownAt must be less than scaleUpAt, else replicas would be added and removed in turn';

/**
 * How each notation is written, read and compared. Where there is `cel`, the API server compares. Quantities are compared by
 * our webhook and by the controller ({@link ruleFaults}): an int-or-string has no length in the schema, so the API server
 * estimates CEL over it as if it could be megabytes long, and refuses a schema with more than 7 such rules.
 */
const NOTATIONS = {
  cpu: {
    schema: quantity,
    parse: parseMillicores,
    /** In cores, in which 700m and 0.7 are the same number. */
    ordered: parseQuantity,
    cel: undefined,
    target: quantityOrPercent,
  },
  bytes: {
    schema: quantity,
    parse: parseBytes,
    ordered: parseQuantity,
    cel: undefined,
    target: quantityOrPercent,
  },
  duration: {
    schema: duration,
    parse: durationMs,
    ordered: durationMs,
    cel: 'duration(self.scaleDownAt) < duration(self.scaleUpAt)',
    target: duration,
  },
  count: {
    schema: (description: string, isLower: boolean) =>
      z.number().int().min(isLower ? 0 : 1).max(MAX_COUNT).describe(description), // prettier-ignore
    parse: Number,
    ordered: Number,
    cel: 'self.scaleDownAt < self.scaleUpAt',
    target: (description: string) => z.number().int().min(1).max(MAX_COUNT).describe(description),
  },
} as const satisfies Readonly<Record<Notation, unknown>>;

type Written<N extends Notation> = ReturnType<(typeof NOTATIONS)[N]['schema']>;

type Thresholds<M extends ThresholdMetric> = z.ZodObject<
  {
    scaleUpAt: z.ZodOptional<Written<M['notation']>>;
    scaleDownAt: z.ZodOptional<Written<M['notation']>>;
    target: z.ZodOptional<ReturnType<(typeof NOTATIONS)[M['notation']]['target']>>;
  } & (M extends { scope: 'responses' } ? { percentile: z.ZodDefault<z.ZodNumber> } : unknown)
>;
type MetricSchema<M extends Metric> = M extends ThresholdMetric ? Thresholds<M> : z.ZodObject<{ target: z.ZodNumber }>;

/** The fields of a rule for these metrics, each of which may be absent. */
export type MetricFields = { [N in MetricName]: z.ZodOptional<MetricSchema<Extract<Metric, { name: N }>>> };

/** The schema of each metric's field in a rule. */
export function metricFields(metrics: readonly MetricDefinition[]): MetricFields {
  // Built from the definitions, of which the type says the same.
  return Object.fromEntries(metrics.map((metric) => [metric.name, schemaOf(metric).optional()])) as MetricFields;
}

/** The percentage that a target such as `70%` is; undefined where it is an amount. */
export function parsePercent(text: string | number): number | undefined {
  const percent = /^([0-9]+)%$/.exec(String(text))?.[1];
  return percent === undefined ? undefined : Number(percent);
}

/** A threshold in the base unit of its notation. */
export function parseThreshold(notation: Notation, text: string | number): number {
  return NOTATIONS[notation].parse(text);
}

/** What is wrong with a field of a resource. */
export interface FieldFault {
  /** From the resource, or from the part of it that was looked at. */
  readonly path: string;
  readonly message: string;
}

/** What is wrong with a rule that the schema lets pass: quantities in the wrong order. */
export function ruleFaults(
  rule: Readonly<Record<string, unknown>>,
  metrics: readonly MetricDefinition[],
): FieldFault[] {
  return metrics.flatMap((metric) => {
    const given = rule[metric.name] as
      Partial<Readonly<Record<'scaleUpAt' | 'scaleDownAt', string | number>>> | undefined;
    if (given === undefined || metric.vote === 'target') return [];
    const { cel } = NOTATIONS[metric.notation];
    return cel !== undefined || isOrdered(metric.notation, given) ? [] : [{ path: metric.name, message: ORDER }];
  });
}

function schemaOf(metric: MetricDefinition): z.ZodType {
  if (metric.vote === 'target') {
    const counted = `${metric.counted.charAt(0).toUpperCase()}${metric.counted.slice(1)}`;
    return z.object({ target: z.number().int().min(1).max(100_000).describe(`${counted}, per replica.`) });
  }
  const { notation, subject, example } = metric;
  const lower = metric.scope === 'traffic' && metric.lowerIncluded ? 'at or below' : 'below';
  const { schema, cel, target } = NOTATIONS[notation];
  const thresholds = z.object({
    ...(metric.scope === 'responses'
      ? { percentile: z.number().int().min(1).max(99).default(95).describe('Percentile of the response times.') }
      : {}),
    scaleUpAt: schema(`${subject} above which replicas are added${example}.`, false).optional(),
    scaleDownAt: schema(`${subject} ${lower} which replicas are removed${example}.`, true).optional(),
    target: target(
      `${subject} that the number of replicas is to bring about, as the HPA does${example}${percentText(metric)}.`,
    ).optional(),
  });
  const either = {
    cel: 'has(self.target) ? !has(self.scaleUpAt) && !has(self.scaleDownAt) : has(self.scaleUpAt) && has(self.scaleDownAt)',
    message: 'a metric has either target, or both scaleUpAt and scaleDownAt',
    holds: ({ target: one, scaleUpAt, scaleDownAt }: z.output<typeof thresholds>) =>
      one === undefined
        ? scaleUpAt !== undefined && scaleDownAt !== undefined
        : scaleUpAt === undefined && scaleDownAt === undefined,
  };
  if (cel === undefined) return withRules(thresholds, [either]);
  const order = {
    cel: `!has(self.scaleUpAt) || !has(self.scaleDownAt) || ${cel}`,
    message: ORDER,
    holds: (given: z.output<typeof thresholds>) => isOrdered(notation, given),
  };
  return withRules(thresholds, [either, order]);
}

/** Only what pods request has a percentage; the schema of quantities lets it pass for both. */
function percentText(metric: ThresholdMetric | MetricDefinition): string {
  return metric.scope === 'pod' && metric.resource !== undefined ? ', or of the request, such as 70%' : '';
}

function isOrdered(
  notation: Notation,
  {
    scaleUpAt,
    scaleDownAt,
  }: { readonly scaleUpAt?: string | number | undefined; readonly scaleDownAt?: string | number | undefined },
): boolean {
  if (scaleUpAt === undefined || scaleDownAt === undefined) return true;
  const ordered: (text: string | number) => number = NOTATIONS[notation].ordered;
  return ordered(scaleDownAt) < ordered(scaleUpAt);
}

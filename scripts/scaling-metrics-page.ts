import { z } from 'zod';
import { metricFields } from '../shared/api/metric-schema.ts';
import { structuralSchema } from '../shared/api/schema.ts';
import type { MetricDefinition } from '../shared/model/metrics/metric.ts';
import { METRICS } from '../shared/model/metrics/registry.ts';
import { markdownTable } from './settings-page.ts';

interface Field {
  readonly type?: string;
  readonly default?: unknown;
  readonly description?: string;
}

/** docs/reference/scaling-metrics.md, from the definitions of the metrics. */
export function scalingMetricsPage(): string {
  const metrics = METRICS.map((metric) => [`\`${metric.name}\``, metric.description, ...votesOf(metric)]);
  const fields = structuralSchema(z.object(metricFields(METRICS)))['properties'] as Record<
    string,
    { readonly properties: Readonly<Record<string, Field>> }
  >;
  const rows = Object.entries(fields).flatMap(([name, { properties }]) =>
    Object.entries(properties).map(([field, schema]) => [
      `\`spec.scaling.rules[].${name}.${field}\``,
      schema.default === undefined ? '' : `\`${JSON.stringify(schema.default)}\``,
      schema.type ?? 'integer or text',
      schema.description ?? '',
    ]),
  );
  return `<!-- Made by "npm run generate" from shared/model/metrics; do not edit. -->

# Metrics of scaling rules

What a rule can look at, and how it votes. [Scaling rules](../guides/scaling-rules.md) explains what becomes of the votes.

${markdownTable(['metric', 'what it is', 'above `scaleUpAt`', 'below `scaleDownAt`'], metrics)}
## Fields

A rule has exactly one metric.

${markdownTable(['field', 'default', 'type', 'meaning'], rows)}`;
}

function votesOf(metric: MetricDefinition): [string, string] {
  switch (metric.vote) {
    case 'proportional':
      return ['⌈pods with a value × value / scaleUpAt⌉', '⌈replicas × value / scaleDownAt⌉'];
    case 'stepwise': {
      const idle = metric.scope === 'responses' ? '; also where nothing is asked' : '';
      const included = metric.scope === 'traffic' && metric.lowerIncluded ? '; also at it' : '';
      return ['by the ratio, at most twice as many', `one less${idle}${included}`];
    }
    case 'target':
      return ['⌈total / target⌉, within 10 % nothing changes', 'the same'];
  }
}

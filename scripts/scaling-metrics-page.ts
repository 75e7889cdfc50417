import type { MetricDefinition } from '../shared/model/metrics/metric.ts';
import { METRICS } from '../shared/model/metrics/registry.ts';
import { markdownTable } from './settings-page.ts';

/** docs/reference/scaling-metrics.md, from the definitions of the metrics. */
export function scalingMetricsPage(): string {
  const metrics = METRICS.map((metric) => [`\`${metric.name}\``, metric.description, ...votesOf(metric)]);
  return `<!-- Made by "npm run generate" from shared/model/metrics; do not edit. -->

# Metrics of scaling rules

What a rule can look at, and how it votes. [Scaling rules](../guides/scaling-rules.md) explains what becomes of the votes.

${markdownTable(['metric', 'what it is', 'above `scaleUpAt`', 'below `scaleDownAt`'], metrics)}
The fields of each metric in a rule are in [Fields of the custom resources](custom-resources.md).
`;
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

import { z } from 'zod';

/**
 * A list of `metrics.k8s.io/v1beta1` PodMetrics, as far as it is read.
 *
 * @see https://github.com/kubernetes/metrics/blob/master/pkg/apis/metrics/v1beta1/types.go
 */
const podMetricsSchema = z.object({
  metadata: z.object({ name: z.string() }),
  timestamp: z.string().describe('When the window ended.'),
  window: z.string().describe('What the usage is averaged over, as Go writes a duration.'),
  containers: z.array(z.object({ name: z.string(), usage: z.record(z.string(), z.string()) })),
});
const podMetricsListSchema = z.object({ items: z.array(z.unknown()) });

/** The metrics of one pod. */
export type PodMetricsItem = z.output<typeof podMetricsSchema>;

/**
 * The items of a list by the names of their pods, each read only when it is asked for: a namespace may have thousands of
 * pods that are no concern of ours. One of another shape is as none.
 *
 * @throws ZodError when it is no list
 */
export function podMetricsByName(answer: unknown): (name: string) => PodMetricsItem | undefined {
  const { items } = podMetricsListSchema.parse(answer);
  const byName = new Map(items.map((item) => [nameOf(item), item]));
  return (name) => podMetricsSchema.safeParse(byName.get(name)).data;
}

function nameOf(item: unknown): unknown {
  return (item as { readonly metadata?: { readonly name?: unknown } } | null)?.metadata?.name;
}

const UNITS_MS: Readonly<Record<string, number>> = {
  ...{ h: 3_600_000, m: 60_000, s: 1000, ms: 1, us: 1e-3, µs: 1e-3, ns: 1e-6 },
};

/**
 * Milliseconds of a duration as Go writes it.
 * Example: `15.034s` is 15034, `1m0.5s` is 60500.
 *
 * @returns undefined where the text is no duration
 * @see https://pkg.go.dev/time#Duration.String
 */
export function goDurationMs(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(h|m|s|ms|us|µs|ns))+$/.test(text)) return undefined;
  let ms = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|us|µs|ns|m|s)/g)) {
    ms += Number(number) * (UNITS_MS[unit ?? ''] ?? Number.NaN);
  }
  return ms;
}

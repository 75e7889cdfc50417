/** What became of one request. */
export interface Outcome {
  readonly application: string;
  /** HTTP status; 0: no answer. */
  readonly status: number;
  /** From when it was sent to the end of the answer, ms. */
  readonly latencyMs: number;
  /** How long it waited for a pod, ms, as the header `nemesis-cold-start` says; undefined: not at all. */
  readonly heldMs: number | undefined;
  /** How much later than planned it was sent, because too many were under way, ms. */
  readonly lateMs: number;
}

/** What a replay found. */
export interface ReplayReport {
  readonly requests: number;
  /** No answer, or a status from 400 on. */
  readonly failures: number;
  /** Share of the requests that waited for a cold start, 0 to 1. */
  readonly coldStartShare: number;
  /** Milliseconds; undefined without requests. */
  readonly latencyMs:
    { readonly p50: number; readonly p95: number; readonly p99: number; readonly max: number } | undefined;
  /** How much later than planned the latest request was sent. */
  readonly maxLateMs: number;
  readonly byStatus: Readonly<Record<string, number>>;
}

/** Sums outcomes up. */
export function summarise(outcomes: readonly Outcome[]): ReplayReport {
  const sorted = outcomes.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b);
  const at = (ratio: number): number => sorted[Math.max(0, Math.ceil(sorted.length * ratio) - 1)] ?? 0;
  const byStatus: Record<string, number> = {};
  for (const { status } of outcomes) {
    const name = status === 0 ? 'no answer' : String(status);
    byStatus[name] = (byStatus[name] ?? 0) + 1;
  }
  const cold = outcomes.filter(({ heldMs }) => heldMs !== undefined).length;
  return {
    requests: outcomes.length,
    failures: outcomes.filter(({ status }) => status === 0 || status >= 400).length,
    coldStartShare: outcomes.length === 0 ? 0 : cold / outcomes.length,
    latencyMs: sorted.length === 0 ? undefined : { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) },
    maxLateMs: outcomes.reduce((max, { lateMs }) => Math.max(max, lateMs), 0),
    byStatus,
  };
}

/** The report for people. */
export function formatReport(report: ReplayReport): string {
  const ms = (value: number): string => `${value < 100 ? value.toFixed(1) : value.toFixed(0)} ms`;
  const { latencyMs } = report;
  const statuses = Object.entries(report.byStatus).map(([status, count]) => `${count} x ${status}`);
  const lines = [
    ['requests', `${report.requests} (${statuses.join(', ')})`],
    ['failures', String(report.failures)],
    ['cold starts', `${(report.coldStartShare * 100).toFixed(1)} % of the requests waited for one`],
    [
      'latency',
      latencyMs === undefined
        ? '-'
        : `p50 ${ms(latencyMs.p50)}, p95 ${ms(latencyMs.p95)}, p99 ${ms(latencyMs.p99)}, max ${ms(latencyMs.max)}`,
    ],
    ['sent late', `at most ${ms(report.maxLateMs)} after its time`],
  ];
  return lines.map(([name = '', value = '']) => `${name.padEnd(12)} ${value}`).join('\n');
}

import type { PolicyResult } from '../../domain/backtest/back-test.ts';

/** Fixed time-outs in the table, in minutes; the CSV and the plot have all 60. */
const SHOWN_MINUTES: ReadonlySet<number> = new Set([1, 2, 5, 10, 15, 20, 30, 45, 60]);
const COLUMNS = ['policy', 'cold starts', 'delayed', 'delayed %', 'waited s', 'replica-hours', 'cost', 'fixed, as long']; // prettier-ignore

/** The results for people: the columns are as wide as what is in them. */
export function tableOf(results: readonly PolicyResult[], costPerHour: number): string {
  const shown = results.filter(({ policy }) => policy.kind !== 'Fixed' || SHOWN_MINUTES.has(policy.idleSeconds / 60));
  const rows = [COLUMNS, ...shown.map((result) => cellsOf(result, costPerHour))];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) => row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join(''); // prettier-ignore
}

/** The results for programs; every fixed time-out is in it. */
export function csvOf(results: readonly PolicyResult[], costPerHour: number): string {
  const header =
    'policy,requests,delayed,coldStarts,preWakes,waitedSeconds,replicaHours,cost,equalFixedMinutes,equalFixedDelayed';
  const rows = results.map(({ policy, outcome, equalFixed }) => {
    const hours = outcome.awakeSeconds / 3600;
    const { requests, delayed, coldStarts, preWakes, waitedSeconds } = outcome;
    const equal = equalFixed === undefined ? ['', ''] : [fixed(equalFixed.idleSeconds / 60), fixed(equalFixed.delayed)];
    return [nameOf(policy), fixed(requests), fixed(delayed), coldStarts, preWakes, fixed(waitedSeconds), fixed(hours), fixed(hours * costPerHour), ...equal].join(','); // prettier-ignore
  });
  return `${[header, ...rows].join('\n')}\n`;
}

/** Delayed requests over replica-hours: the fixed time-outs as a line, the others as points. */
export function svgOf(results: readonly PolicyResult[]): string {
  const [width, height, left, bottom] = [720, 420, 60, 50];
  const points = results.map((result) => ({
    hours: result.outcome.awakeSeconds / 3600,
    share: result.outcome.requests === 0 ? 0 : (100 * result.outcome.delayed) / result.outcome.requests,
    result,
  }));
  const most = { hours: Math.max(1e-9, ...points.map(({ hours }) => hours)), share: Math.max(1e-9, ...points.map(({ share }) => share)) }; // prettier-ignore
  const x = (hours: number): string => (left + (hours / most.hours) * (width - left - 20)).toFixed(1);
  const y = (share: number): string => (height - bottom - (share / most.share) * (height - bottom - 20)).toFixed(1);
  const line = points.filter(({ result }) => result.policy.kind === 'Fixed').map(({ hours, share }) => `${x(hours)},${y(share)}`); // prettier-ignore
  const marks = points
    .filter(({ result }) => result.policy.kind !== 'Fixed')
    .map(({ hours, share, result: { policy } }) => {
      const colour = policy.kind === 'Adaptive' ? '#1a7f37' : policy.kind === 'Clairvoyant' ? '#555' : '#0969da';
      const name = nameOf(policy);
      return `<circle cx="${x(hours)}" cy="${y(share)}" r="4" fill="${colour}"><title>${name}</title></circle>`;
    });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<rect width="${width}" height="${height}" fill="#fff"/>
<path d="M${left} 20V${height - bottom}H${width - 20}" fill="none" stroke="#333"/>
<text x="${left}" y="14">delayed requests, up to ${most.share.toFixed(2)} %</text>
<text x="${width - 20}" y="${height - 30}" text-anchor="end">replica-hours, up to ${most.hours.toFixed(1)}</text>
<text x="${left}" y="${height - 10}">line: fixed time-outs, 1 to 60 minutes; green: adaptive; blue: adaptive, woken ahead; grey: the bound</text>
<polyline points="${line.join(' ')}" fill="none" stroke="#cf222e" stroke-width="1.5"/>
${marks.join('\n')}
</svg>
`;
}

function cellsOf({ policy, outcome, equalFixed }: PolicyResult, costPerHour: number): string[] {
  const { requests, delayed, coldStarts, waitedSeconds, awakeSeconds } = outcome;
  const hours = awakeSeconds / 3600;
  return [
    nameOf(policy),
    String(coldStarts),
    delayed.toFixed(0),
    requests === 0 ? '-' : ((100 * delayed) / requests).toFixed(2),
    waitedSeconds.toFixed(0),
    hours.toFixed(1),
    (hours * costPerHour).toFixed(2),
    equalFixed === undefined
      ? ''
      : `${(equalFixed.idleSeconds / 60).toFixed(1)} min delays ${equalFixed.delayed.toFixed(0)}`,
  ];
}

function nameOf(policy: PolicyResult['policy']): string {
  switch (policy.kind) {
    case 'Fixed':
      return `fixed ${policy.idleSeconds / 60} min`;
    case 'Clairvoyant':
      return 'who knows the future';
    case 'Adaptive':
      return `adaptive ${percent(policy.delayedShare)}`;
    case 'AdaptivePreWake':
      return `adaptive ${percent(policy.delayedShare)} woken ahead`;
  }
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(4))}%`;
}

function fixed(value: number): string {
  return String(Number(value.toFixed(3)));
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Row } from '../benchmarks/report.ts';

interface Result {
  readonly name: string;
  readonly date: string;
  readonly machine: string;
  readonly rows: readonly Row[];
}

const ABOUT: Readonly<Record<string, string>> = {
  wake: 'Cold starts of a quick application on a local cluster, one after the other, in the phases of [how it sleeps and wakes](guides/how-it-sleeps-and-wakes.md). All times are from outside our programs: the client, a watch of its own, the application. `start` is Node starting the application.',
  'wake-cluster':
    'The same on a cluster, with the image present and the sidecar injected: `make bench-wake` with KUBECONFIG. `start` is the kubelet: it starts the containers of a pod with a native sidecar one after the other. Bare scale calls, made between the cold starts, stand beside them: what of the decision is the API server. With 40 rounds p99 is the slowest one.',
  'wake-sidecar':
    'What a sidecar adds to the start of a pod on a cluster: the same pod with and without it, in turn, from the request that creates the pod to its listening and to its being Ready, which a probe finds out once a second. The first projected volume of a pod costs its start the most; pods that mount a service-account token have paid that anyway.',
  sidecar:
    'What a sidecar costs once it is started. Meant: anonymous memory ≤ 35 MB, RSS ≤ 85 MB, CPU ≤ 1 % of a core.',
  controller:
    'What a controller costs with many applications: the decisions by themselves, then the whole program, as in a container but without TLS, with a connection for each sidecar. `reports` are as many as the controller asks for. The API server and the sidecars are processes beside it on the same machine.',
  history:
    'Size and speed of the history: the file of 100 applications at the default retention, with decisions that change their reason as often as they are recorded; every combination of filters of the REST API on a million rows, through the worker, in SQLite and in PostgreSQL on the same machine; and how long a slice of pruning holds the worker up. The median of five rounds for each query, the slowest of them as the value.',
  proxy:
    'CPU per forwarded request, throughput and latency beside nginx and Go. Compare the ratios within the run; the machine was shared, as its load says.',
};

const SUFFIXES: Readonly<Record<string, string>> = {
  'wake-cluster': ' on a cluster',
  'wake-sidecar': ', with and without a sidecar',
};

/** What the value is to stay below, and whether it does. */
function barOf({ bar, value, unit }: Row): string {
  if (bar === undefined) return '';
  return `≤ ${bar} ${unit}${value <= bar ? '' : ', missed'}`;
}

/** docs/benchmarks.md, from the committed results; a number that was not measured cannot stand there. */
export function benchmarksPage(folder = join(import.meta.dirname, '..', 'benchmarks', 'results')): string {
  const results = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Result);
  const sections = results.map(({ name, date, machine, rows }) => {
    const table = rows.map((row) =>
      [row.work, row.candidate, row.metric, `${row.value} ${row.unit}`, barOf(row), row.min, row.max, row.rounds].join(
        ' | ',
      ),
    );
    return [
      `## make bench-${name.replace(/-(cluster|sidecar)$/, '')}${SUFFIXES[name] ?? ''}`,
      ABOUT[name] ?? '',
      `Measured ${date.slice(0, 10)} on: ${machine}.`,
      [
        '| work | candidate | metric | value | bar | min | max | rounds |',
        '|---|---|---|---|---|---|---|---|',
        ...table.map((row) => `| ${row} |`),
      ].join('\n'),
    ].join('\n\n');
  });
  return `# Benchmarks\n\nMade by \`npm run generate\` from \`benchmarks/results\`, the tables that were recorded last. Each benchmark runs with one command; with RECORD=1 its table replaces the one here.\n\n${sections.join('\n\n')}\n`;
}

import { autoscalerSettings } from '../autoscaler/config.ts';
import { commandSettings } from '../autoscaler/commands/command-settings.ts';
import { loadbalancerSettings } from '../loadbalancer/config.ts';
import type { Settings } from '../shared/runtime/settings.ts';
import { sidecarSettings } from '../sidecar/config.ts';

/** The settings of each program. */
export const PROGRAM_SETTINGS: Readonly<Record<string, Settings>> = {
  autoscaler: autoscalerSettings,
  loadbalancer: loadbalancerSettings,
  sidecar: sidecarSettings,
  nemesis: commandSettings,
};

/** docs/reference/settings.md, from the same tables that the programs read their environment with. */
export function settingsPage(): string {
  const parts = Object.entries(PROGRAM_SETTINGS).map(([program, settings]) => {
    const rows = Object.values(settings).map(({ variable, fallback, allowed, description }) => [
      `\`${variable}\``,
      fallback === undefined ? 'must be set' : fallback === '' ? 'empty' : `\`${fallback}\``,
      allowed,
      description,
    ]);
    return `## ${program}\n\n${markdownTable(['variable', 'default', 'allowed', 'meaning'], rows)}`;
  });
  return `<!-- Made by "npm run generate" from the config.ts of each program; do not edit. -->

# Settings

Each program reads its settings from its environment, once, when it starts. It refuses to start on a wrong one, with a
sentence that names the variable, its value and what is allowed; also on a variable that begins with \`NEMESIS_\` and is
not known, since that is a typing mistake. An empty variable counts as not set.

Connections to Kubernetes follow the usual order: \`KUBECONFIG\`, \`~/.kube/config\`, the service account of the pod.

${parts.join('\n')}`;
}

/** A table in the form that the formatter leaves as it is. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const escaped = [header, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')));
  const widths = header.map((_, column) => Math.max(3, ...escaped.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width)).join(' | ')} |\n`;
  const [first = [], ...rest] = escaped;
  return line(first) + line(widths.map((width) => '-'.repeat(width))) + rest.map(line).join('');
}

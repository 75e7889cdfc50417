import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Results {
  readonly date: string;
  readonly cluster: string;
  readonly results: readonly { readonly title: readonly string[]; readonly result: string; readonly ms: number }[];
}

/** What each name stands for; the tests carry the names. */
const NAMES: Readonly<Record<string, string>> = {
  U1: 'Change system settings',
  U2: 'Set scaling rule',
  U3: 'Set load-balancing policy',
  U4: 'Set application-disabling rule',
  U5: 'Proxy request',
  U6: 'Buffer request',
  U7: 'Activate application',
  U8: 'Manage application',
  U9: 'Get pod liveness',
  U10: 'Get pod metrics',
  U11: 'Decrease pods',
  U12: 'Increase pods',
  U13: 'Disable',
  T1: 'Scaled down while still starting',
  T2: 'Endpoint is ready but not reachable: 502 on the first request',
  T3: 'Request meets a terminating pod',
  T4: 'Scaled to zero during a long request',
  T5: 'A restart forgets sleeping applications',
  T7: 'A retry back-off adds seconds after readiness',
  T8: 'The product is removed or its controller dies: black hole',
  T9: 'Two writers of replicas fight',
  T10: 'The replica count is captured while asleep',
  T12: 'N first requests trigger N starts',
  T16: 'The whole held burst lands on the first ready pod',
  T18: "One user's bad resource stalls scaling for everybody",
  T19: 'Scale-down kills a busy pod',
  T20: 'A pod dies between pick and connect: 502 though nothing was sent',
  T23: 'CPU burnt while loading is read as load',
  T24: 'One replica that cannot start keeps all others awake',
  T25: 'Readiness lost for a while: a serving pod is killed',
  T26: 'An operator repairs an application and the breaker undoes it',
  T27: 'A pod that answers with resets draws the traffic',
  T28: 'The sidecar makes every cold start slower',
};

/**
 * docs/reference/cluster-tests.md, from the results of the last full run on a cluster.
 *
 * @throws Error when a use case or failure has no test there
 */
export function clusterTestsPage(file = join(import.meta.dirname, '..', 'tests', 'cluster', 'results.json')): string {
  const { date, cluster, results } = JSON.parse(readFileSync(file, 'utf8')) as Results;
  const rows = Object.entries(NAMES).map(([name, meaning]) => {
    const named = results.filter(({ title }) => title.some((part) => new RegExp(`\\b${name}\\b`).test(part)));
    if (named.length === 0) throw new Error(`${file} has no test of ${name}; run make e2e-full.`);
    const failed = named.filter(({ result }) => result !== 'passed').length;
    const result = failed === 0 ? 'passed' : `${failed} of ${named.length} failed`;
    const seconds = (named.reduce((sum, { ms }) => sum + ms, 0) / 1000).toFixed(1);
    return `| ${name} | ${meaning} | ${result} | ${named.length} | ${seconds} |`;
  });
  const all = results.map(({ title, result, ms }) => {
    const escaped = title.join(' › ').replaceAll('|', '\\|').replaceAll('<', '&lt;');
    return `| ${escaped} | ${result} | ${(ms / 1000).toFixed(1)} |`;
  });
  return `# Tests on a cluster

Made by \`npm run generate\` from tests/cluster/results.json, which \`make e2e-full\` writes; a test that was run again after a repair has its last result. The last full run: ${date.slice(0, 10)}, ${cluster}.

## Use cases and failures

| name | what | result | tests | seconds |
|---|---|---|---|---|
${rows.join('\n')}

## Every test

| test | result | seconds |
|---|---|---|
${all.join('\n')}
`;
}

import { expect } from 'chai';
import { waitFor } from '../../demo/wait-for.ts';
import { TestApp } from '../e2e/support/app.ts';
import type { Installation } from '../e2e/support/installation.ts';
import { sharedInstallation } from '../e2e/support/shared-installation.ts';
import { kubectl } from './support/commands.ts';

/**
 * What the application's container has used, by its cgroup: CPU in ms since it began, and memory without inactive file
 * pages. Run in the sidecar's container, where it may look into the application's; else in the application's own, where it
 * counts itself.
 */
const TRUTH = `
const fs = require('fs');
const read = (path) => { try { return fs.readFileSync(path, 'utf8'); } catch { return undefined; } };
// This program names the application's flag, too, so it is not to find itself.
const others = fs.readdirSync('/proc').filter((each) => Number(each) !== process.pid);
const pid = others.find((each) => read('/proc/' + each + '/cmdline')?.includes('--input-type=module'));
const text = (path) => read('/proc/' + pid + '/root/sys/fs/cgroup/' + path);
const field = (table, name) => Number(new RegExp('^' + name + ' ([0-9]+)$', 'm').exec(table ?? '')?.[1] ?? 0);
const v2 = text('cpu.stat');
const cpuMs = v2 === undefined ? Number(text('cpuacct/cpuacct.usage')) / 1e6 : field(v2, 'usage_usec') / 1e3;
const bytes = v2 === undefined
  ? Number(text('memory/memory.usage_in_bytes')) - field(text('memory/memory.stat'), 'total_inactive_file')
  : Number(text('memory.current')) - field(text('memory.stat'), 'inactive_file');
console.log(JSON.stringify({ atMs: performance.timeOrigin + performance.now(), cpuMs, bytes }));
`;

/** What the sidecar itself uses, by /proc: resident and anonymous memory, and CPU since it began. */
const OWN = `
const fs = require('fs');
const read = (path) => { try { return fs.readFileSync(path, 'utf8'); } catch { return ''; } };
const pid = fs.readdirSync('/proc').find((each) => read('/proc/' + each + '/cmdline').split('\\0').includes('/app/sidecar.mjs'));
const status = read('/proc/' + pid + '/status');
const of = (name) => Number(new RegExp(name + ':[^0-9]+([0-9]+)').exec(status)[1]) * 1024;
const stat = read('/proc/' + pid + '/stat');
const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
const cpuMs = (Number(fields[11]) + Number(fields[12])) * 10;
console.log(JSON.stringify({ atMs: performance.timeOrigin + performance.now(), cpuMs, rss: of('VmRSS'), anonymous: of('RssAnon') }));
`;

/** A threshold that the burning comes near, so that the sidecar is asked for a report each second; nothing is scaled. */
const EACH_SECOND = {
  rules: [{ name: 'cpu', cpu: { scaleUpAt: '1100m', scaleDownAt: '1m' } }],
  behavior: { scaleUp: { selectPolicy: 'Disabled' } },
};

interface Usage {
  readonly atMs: number;
  readonly cpuMs: number;
}

/** Burns a whole core: the next request is sent before the last one is answered. Returns what ends it. */
function burn(app: TestApp): () => Promise<void> {
  const burning = new AbortController();
  const { signal } = burning;
  const clients = [1, 2].map(async () => {
    while (!signal.aborted) await app.send('/?burn=200');
  });
  return async () => {
    burning.abort();
    await Promise.all(clients);
  };
}

describe('The sidecar in a pod, beside an application that burns a core', function () {
  this.timeout(120_000);
  let installation: Installation;
  before(async function () {
    this.timeout(60_000);
    installation = await sharedInstallation();
  });

  async function read<T>(app: TestApp, pod: string, container: string, program: string): Promise<T> {
    return JSON.parse(
      await kubectl('-n', app.namespace, 'exec', pod, '-c', container, '--', 'node', '-e', program),
    ) as T;
  }

  const cpuBetween = (from: Usage, to: Usage): number => ((to.cpuMs - from.cpuMs) / (to.atMs - from.atMs)) * 1000;

  for (const [reader, user, note] of [
    ['cgroup', 65_532, "the application's own user"],
    ['proc', undefined, 'another user than the application, which is root'],
  ] as const) {
    it(`its ${reader} reader, as ${note}: CPU within 10 % of the cgroup's truth`, async () => {
      const securityContext = user === undefined ? { runAsUser: 0 } : { runAsUser: user, runAsGroup: user };
      const app = await TestApp.create(installation, {
        replicas: 1,
        sidecar: true,
        container: { securityContext },
        spec: { minReplicas: 1, maxReplicas: 2, sleep: { idleSeconds: 600 }, scaling: EACH_SECOND },
      });
      await waitFor('a ready pod', 30_000, async () => (await app.readyPods()).length === 1);
      const [pod] = await app.readyPods();
      const name = pod?.metadata.name ?? '';
      const where = reader === 'cgroup' ? 'nemesis-sidecar' : 'app';
      const stopBurning = burn(app);
      const measured: number[] = [];
      const seen = async (): Promise<{ cpuUsage?: number; memoryUsage?: number } | null> => {
        const answer = await installation.autoscaler(`/api/v1/applications/${app.namespace}/app/pods`);
        return (answer.json['items'] as { metrics: { cpuUsage?: number } | null }[])[0]?.metrics ?? null;
      };
      try {
        await waitFor('the burning to show', 30_000, async () => ((await seen())?.cpuUsage ?? 0) > 500);
        const from = await read<Usage>(app, name, where, TRUTH);
        let last: number | undefined;
        await waitFor('ten measurements', 40_000, async () => {
          const sample = await seen();
          if (sample?.cpuUsage !== undefined && sample.cpuUsage !== last) {
            last = sample.cpuUsage;
            measured.push(last);
          }
          return measured.length >= 10;
        });
        const to = await read<Usage & { bytes: number }>(app, name, where, TRUTH);
        const truth = cpuBetween(from, to);
        const average = measured.reduce((sum, each) => sum + each, 0) / measured.length;
        process.stdout.write(`      ${reader}: CPU ${average.toFixed(0)}m, the cgroup says ${truth.toFixed(0)}m\n`);
        expect(average).to.be.within(truth * 0.9, truth * 1.1);
      } finally {
        await stopBurning();
      }
      // Memory moves while it burns, and the two looks are up to a second apart; at rest they agree.
      // The processes' own pages are less than what their cgroup is charged for.
      const lowest = reader === 'cgroup' ? 0.9 : 0.3;
      await waitFor(
        'memory to be what the cgroup says',
        20_000,
        async () => {
          const { bytes } = await read<{ bytes: number }>(app, name, where, TRUTH);
          const ratio = ((await seen())?.memoryUsage ?? Number.NaN) / (bytes / 2 ** 20);
          if (!(ratio >= lowest && ratio <= 1.1)) return false;
          process.stdout.write(
            `      ${reader}: memory ${(ratio * 100).toFixed(0)} % of the cgroup's ${(bytes / 2 ** 20).toFixed(1)} MiB\n`,
          );
          return true;
        },
        500,
      );
      await app.remove();
    });
  }

  it('costs at most 35 MB of anonymous memory, 85 MB resident and 1 % of a core, once it has started', async () => {
    const app = await TestApp.create(installation, {
      replicas: 1,
      sidecar: true,
      container: { securityContext: { runAsUser: 65_532, runAsGroup: 65_532 } },
      spec: { minReplicas: 1, sleep: { idleSeconds: 600 } },
    });
    await waitFor('a ready pod', 30_000, async () => (await app.readyPods()).length === 1);
    const [pod] = await app.readyPods();
    const name = pod?.metadata.name ?? '';
    const own = () => read<Usage & { rss: number; anonymous: number }>(app, name, 'app', OWN);
    // Started and settled: it has reported for a while.
    const since = Date.now();
    await waitFor('some reports', 30_000, () => Date.now() - since > 10_000);
    const from = await own();
    await waitFor('half a minute', 60_000, () => Date.now() - since > 40_000);
    const to = await own();
    const millicores = cpuBetween(from, to);
    process.stdout.write(
      `      ${(to.anonymous / 1e6).toFixed(1)} MB anonymous, ${(to.rss / 1e6).toFixed(1)} MB resident, ${(millicores / 10).toFixed(2)} % of a core\n`,
    );
    expect(to.anonymous).to.be.below(35e6);
    expect(to.rss).to.be.below(85e6);
    expect(millicores).to.be.below(10);
    await app.remove();
  });
});

import { spawn } from 'node:child_process';
import { expect } from 'chai';
import { waitFor } from '../../demo/wait-for.ts';
import type { Pod } from '../../shared/kubernetes/objects.ts';
import { IMAGE } from '../e2e/support/cluster-installation.ts';
import { kubectl, kubectlJson, run } from './support/commands.ts';
import { commandsOf } from './support/documents.ts';

const CHAPTER = 'On a cluster';

describe('From nothing, as the README says', function () {
  this.timeout(300_000);
  const env = { IMAGE };
  const commands = commandsOf('README.md', CHAPTER);
  let forward: ReturnType<typeof spawn> | undefined;

  before(async () => {
    if ((await kubectl('get', 'namespace', 'nemesis-system', '--ignore-not-found')) !== '')
      await run('make', ['uninstall', 'CRDS=1'], env);
    // Resources that an earlier run left could claim the example's host.
    await kubectl('delete', '-k', 'manifests/crds', '--ignore-not-found');
    await kubectl('delete', 'namespace', 'models', '--ignore-not-found');
  });
  after(async () => {
    forward?.kill();
    await kubectl('delete', 'namespace', 'models', '--ignore-not-found', '--wait=false');
  });

  /** The next command of the chapter; it must begin like this, so that test and README tell the same story. */
  async function next(begin: string): Promise<string> {
    const command = commands.shift() ?? '';
    expect(command.startsWith(begin), `"${command}" should begin with "${begin}"`).to.equal(true);
    return await run('sh', ['-c', command], env);
  }

  const phase = async (): Promise<string> =>
    (await kubectl('-n', 'models', 'get', 'autoscaler', 'sentiment', '-o', 'jsonpath={.status.phase}')).trim();
  const pods = async (): Promise<Pod[]> =>
    (await kubectlJson<{ items: Pod[] }>('-n', 'models', 'get', 'pods', '-l', 'app=sentiment')).items;
  const replicas = async (): Promise<number> =>
    Number(await kubectl('-n', 'models', 'get', 'deployment', 'sentiment', '-o', 'jsonpath={.spec.replicas}'));

  it('is ready within 60 s', async () => {
    // The images are there already.
    expect(commands.shift()).to.equal('make images');
    const beganMs = performance.now();
    await next('make install');
    await next('kubectl -n nemesis-system rollout status');
    const tookMs = performance.now() - beganMs;
    process.stdout.write(`      ready ${(tookMs / 1000).toFixed(1)} s after "make install"\n`);
    expect(tookMs).to.be.below(60_000);
  });

  it('the example is applied, sleeps, is woken by a request, and has a sidecar', async () => {
    await next('kubectl apply -f examples/sentiment/sentiment.yaml');
    await waitFor('it to sleep', 20_000, async () => (await phase()) === 'Asleep');
    expect(await next('kubectl -n models get autoscalers')).to.match(/sentiment\s+Asleep\s+0\s+0\s+NoReplicas\s+\d+s/);
    const command = (commands.shift() ?? '').replace(/ &$/, '');
    expect(command).to.include('port-forward service/nemesis-loadbalancer 8080');
    forward = spawn('sh', ['-c', `exec ${command}`], { stdio: 'ignore' });
    await waitFor('the port', 20_000, async () => (await fetch('http://127.0.0.1:8080/')).status === 404);
    expect(await next('curl')).to.include('"sentiment":"positive"');
    const [pod] = await pods();
    expect(pod?.spec.containers.map(({ name }) => name).at(-1)).to.equal('nemesis-sidecar');
    await waitFor('the status', 10_000, async () => (await phase()) === 'Active');
  });

  it('scales by CPU under load, and goes to sleep when nobody asks any more', async () => {
    const loaded = next('seq 100 | xargs');
    await waitFor('a second replica', 60_000, async () => (await replicas()) > 1);
    const statuses = (await loaded).trim().split('\n');
    expect(statuses).to.deep.equal(Array(100).fill('200'));
    const events = await next('kubectl -n models describe autoscaler sentiment');
    expect(events).to.match(/ScaleUp\s.*rule cpu: cpu .* is above 800m/);
    await next('kubectl -n models patch autoscaler sentiment');
    await waitFor('it to sleep', 60_000, async () => (await phase()) === 'Asleep' && (await pods()).length === 0);
  });

  it('nothing of the chapter is left over', () => {
    expect(commands.filter((command) => !command.startsWith('make uninstall'))).to.deep.equal([]);
  });
});

import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '../../../demo/wait-for.ts';

/** A Prometheus beside the cluster, on a port of every address of this machine. */
export class Prometheus {
  readonly port: number;
  readonly #directory: string;
  #process: ChildProcess | undefined;

  private constructor(port: number, directory: string) {
    this.port = port;
    this.#directory = directory;
  }

  /** Starts one that scrapes each second what {@link scrape} says. */
  static async start(): Promise<Prometheus> {
    install();
    const server = createServer().listen(0);
    await once(server, 'listening');
    const address = server.address();
    server.close();
    if (address === null || typeof address === 'string') throw new Error('There is no free port.');
    const prometheus = new Prometheus(address.port, mkdtempSync(join(tmpdir(), 'prometheus-')));
    prometheus.scrape([], '');
    const targets = join(prometheus.#directory, 'targets.json');
    writeFileSync(
      join(prometheus.#directory, 'prometheus.yml'),
      `global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: app
    file_sd_configs: [{files: [${targets}], refresh_interval: 1s}]
`,
    );
    await prometheus.resume();
    return prometheus;
  }

  /** Scrapes these addresses, whose series are of a namespace. */
  scrape(addresses: readonly string[], namespace: string): void {
    const targets = [{ targets: addresses, labels: { namespace } }];
    writeFileSync(join(this.#directory, 'targets.json'), JSON.stringify(targets));
  }

  /** Starts it (again); resolves when it answers. */
  async resume(): Promise<void> {
    this.#process = spawn(
      'prometheus',
      [
        `--config.file=${join(this.#directory, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(this.#directory, 'data')}`,
        `--web.listen-address=:${this.port}`,
      ],
      { stdio: 'ignore' },
    );
    await waitFor('Prometheus', 30_000, async () =>
      fetch(`http://127.0.0.1:${this.port}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
  }

  /** Ends it; what it has stored stays. */
  async pause(): Promise<void> {
    const ended = this.#process;
    this.#process = undefined;
    if (ended === undefined) return;
    const exit = once(ended, 'exit');
    ended.kill('SIGTERM');
    await exit;
  }

  /** Ends it for good. */
  async stop(): Promise<void> {
    await this.pause();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Debian's package, where there is none yet. */
function install(): void {
  if (spawnSync('prometheus', ['--version'], { stdio: 'ignore' }).error === undefined) return;
  try {
    execFileSync('apt-get', ['update', '-qq'], { stdio: 'ignore' });
    execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'prometheus'], { stdio: 'ignore' });
  } catch (error) {
    throw new Error('This test needs prometheus on the PATH, or to be root on Debian to install it.', { cause: error });
  }
}

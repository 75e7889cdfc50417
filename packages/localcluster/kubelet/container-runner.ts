import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { timestamp } from '../model/objects.ts';
import type { Container, ContainerState, ContainerStatus } from '../model/workloads.ts';
import { perform, type ActionTarget } from './actions.ts';
import { Backoff } from './backoff.ts';
import { endProcess } from './end-process.ts';
import { ContainerProcess, type CommandLine, type ExitResult } from './container-process.ts';
import type { RestartRule, RunnerHost } from './runner-host.ts';
import { ContainerConfigError } from './environment.ts';
import { ContainerProbes } from './container-probes.ts';
import { configFailure, crashLoop, pullFailure, type WaitingState } from './waiting-states.ts';

/** Runs one container of a pod: its processes one after another, its probes, hooks, restarts and back-off. */
export class ContainerRunner {
  readonly container: Container;
  readonly #host: RunnerHost;
  readonly #restartRule: RestartRule;
  readonly #crashBackoff: Backoff;
  readonly #pullBackoff: Backoff;
  #state: ContainerState;
  #lastState: ContainerState = {};
  #restartCount = 0;
  #containerId: string | undefined;
  #process: ContainerProcess | undefined;
  #probes: ContainerProbes | undefined;
  #startedAtMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #begun = false;
  #launching: Promise<void> | undefined;
  #stopping = false;
  #finished = false;
  #killReason: 'liveness' | undefined;
  readonly #outputListeners = new Set<(chunk: Buffer) => void>();
  readonly #exitListeners = new Set<() => void>();

  constructor(container: Container, restartRule: RestartRule, initialReason: string, host: RunnerHost) {
    this.container = container;
    this.#restartRule = restartRule;
    this.#host = host;
    this.#state = { waiting: { reason: initialReason } };
    this.#crashBackoff = new Backoff(host.backoffBaseMs);
    this.#pullBackoff = new Backoff(host.backoffBaseMs);
  }

  /** True from the first start on. */
  get begun(): boolean {
    return this.#begun;
  }

  /** True while a process runs. */
  get running(): boolean {
    return this.#process !== undefined;
  }

  /** Running, and past its startup probe. */
  get started(): boolean {
    return this.running && (this.#probes?.started ?? false);
  }

  /** True once it ended and will not start again. */
  get finished(): boolean {
    return this.#finished;
  }

  /** The exit code of the last run; undefined before there was one. */
  get exitCode(): number | undefined {
    return (this.#state.terminated ?? this.#lastState.terminated)?.exitCode;
  }

  /** The pid of the main process, if it runs. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** The log file of the current run, or of the one before. */
  logPath(previous: boolean): string {
    return join(this.#host.logDirectory, this.container.name, `${this.#restartCount - (previous ? 1 : 0)}.log`);
  }

  /** True where there was a run before the current one. */
  get restarted(): boolean {
    return this.#restartCount > 0;
  }

  /** Calls the listener with all later output; returns what ends it. */
  onOutput(listener: (chunk: Buffer) => void): () => void {
    this.#outputListeners.add(listener);
    return () => this.#outputListeners.delete(listener);
  }

  /** Calls the listener when the current run ends; returns what takes it away. */
  onExit(listener: () => void): () => void {
    this.#exitListeners.add(listener);
    return () => this.#exitListeners.delete(listener);
  }

  /** The container's status as the API shows it. */
  status(): ContainerStatus {
    const { name, image } = this.container;
    return {
      name,
      state: this.#state,
      lastState: this.#lastState,
      ready: this.#begun && this.running && (this.#probes?.ready ?? false),
      started: this.started,
      restartCount: this.#restartCount,
      image,
      imageID: this.#containerId === undefined ? '' : `localcluster://${image}`,
      ...(this.#containerId === undefined ? {} : { containerID: `localcluster://${this.#containerId}` }),
    };
  }

  /** Starts the container for the first time. */
  start(): void {
    if (this.#begun || this.#stopping) return;
    this.#begun = true;
    this.#launch(false);
  }

  /** Signals the container's processes; for faults. */
  signal(signal: NodeJS.Signals): boolean {
    return this.#process?.signal(signal) ?? false;
  }

  /**
   * Ends the container for good: preStop hook, then `turn` (what must end before), SIGTERM, and SIGKILL when the
   * deadline has passed. The time of the hook counts.
   */
  async stop(
    deadlineMs: () => number,
    turn: Promise<void> = Promise.resolve(),
    reason = 'Stopping container',
  ): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    await this.#launching;
    this.#probes?.stopLiveness();
    const running = this.#process;
    if (!running) {
      this.#finished = true;
      return;
    }
    this.#host.event('Normal', 'Killing', `${reason} ${this.container.name}`, this.container);
    await this.#kill(running, deadlineMs, turn);
  }

  #kill(running: ContainerProcess, deadlineMs: () => number, turn: Promise<void>): Promise<void> {
    const failed = (message: string): void =>
      this.#host.event('Warning', 'FailedPreStopHook', `PreStopHook failed: ${message}`, this.container);
    return endProcess(running, { target: this.#target(), deadlineMs, turn, hookFailed: failed });
  }

  #target(): ActionTarget {
    return {
      container: this.container,
      podIP: this.#host.pod().status.podIP ?? '127.0.0.1',
      commandLine: (command) =>
        this.#host.commandLine(this.container, command) ?? { command, env: {}, workingDirectory: '/' },
    };
  }

  #launch(restart: boolean): void {
    this.#launching = this.#run(restart).finally(() => {
      this.#launching = undefined;
      this.#host.changed();
    });
  }

  async #run(restart: boolean): Promise<void> {
    const { container } = this;
    let line: CommandLine | undefined;
    try {
      line = this.#host.commandLine(container);
    } catch (error) {
      if (!(error instanceof ContainerConfigError)) throw error;
      this.#wait(configFailure(error.message));
      this.#later(() => this.#launch(restart), 1000);
      return;
    }
    if (!line) {
      this.#pullFailed(restart);
      return;
    }
    if (restart) this.#restartCount += 1;
    this.#host.event('Normal', 'Pulled', `Container image "${container.image}" already present on machine`, container);
    const startedAt = timestamp();
    const id = randomBytes(32).toString('hex');
    try {
      const output = (chunk: Buffer): void => this.#outputListeners.forEach((listener) => listener(chunk));
      const started = await ContainerProcess.start(line, this.logPath(false), this.#host.records, output);
      this.#containerId = id;
      this.#host.event('Normal', 'Created', `Created container: ${container.name}`, container);
      this.#running(started, startedAt);
    } catch (error) {
      const message = `failed to start containerd task "${container.name}": ${error instanceof Error ? error.message : String(error)}`;
      this.#containerId = id;
      this.#host.event('Warning', 'Failed', `Error: ${message}`, container);
      this.#ended({ exitCode: 128, signal: null }, startedAt, 'StartError', message);
    }
  }

  #running(started: ContainerProcess, startedAt: string): void {
    this.#process = started;
    this.#startedAtMs = Date.now();
    this.#state = { running: { startedAt } };
    this.#host.event('Normal', 'Started', `Started container ${this.container.name}`, this.container);
    void started.exited.then((result) => {
      this.#probes?.stop();
      this.#probes = undefined;
      this.#process = undefined;
      for (const listener of [...this.#exitListeners]) listener();
      this.#ended(result, startedAt, result.exitCode === 0 ? 'Completed' : 'Error');
    });
    this.#probes = new ContainerProbes(this.container, this.#target(), this.#startedAtMs, {
      changed: this.#host.changed,
      event: (reason, message) => this.#host.event('Warning', reason, message, this.container),
      unhealthy: (probe) => this.#unhealthy(started, probe),
    });
    const { postStart } = this.container.lifecycle ?? {};
    if (postStart) void this.#postStart(started, postStart);
  }

  async #postStart(
    started: ContainerProcess,
    action: NonNullable<NonNullable<Container['lifecycle']>['postStart']>,
  ): Promise<void> {
    const ended = new AbortController();
    void started.exited.then(() => ended.abort());
    const result = await perform(action, this.#target(), ended.signal);
    if (result.ok || ended.signal.aborted) return;
    this.#host.event('Warning', 'FailedPostStartHook', `PostStartHook failed: ${result.message}`, this.container);
    started.signal('SIGKILL');
  }

  #unhealthy(running: ContainerProcess, probe: 'Liveness' | 'Startup'): void {
    if (this.#stopping) return;
    this.#killReason = 'liveness';
    const message = `Container ${this.container.name} failed ${probe.toLowerCase()} probe, will be restarted`;
    this.#host.event('Normal', 'Killing', message, this.container);
    const own = probe === 'Liveness' ? this.container.livenessProbe : this.container.startupProbe;
    const grace = own?.terminationGracePeriodSeconds ?? this.#host.pod().spec.terminationGracePeriodSeconds ?? 30;
    const deadline = Date.now() + grace * 1000;
    void this.#kill(running, () => deadline, Promise.resolve());
  }

  #ended(result: ExitResult, startedAt: string, reason: string, message?: string): void {
    const terminated = {
      exitCode: result.exitCode,
      reason,
      ...(message === undefined ? {} : { message }),
      startedAt,
      finishedAt: timestamp(),
      containerID: `localcluster://${this.#containerId ?? ''}`,
    };
    this.#state = { terminated };
    // A container that was killed for its health comes back whatever its exit code, except under Never.
    const failed = result.exitCode !== 0 || this.#killReason !== undefined;
    this.#killReason = undefined;
    const again = this.#restartRule === 'Always' || (this.#restartRule === 'OnFailure' && failed);
    if (this.#stopping || !again) {
      this.#finished = true;
      this.#host.changed();
      return;
    }
    const waitMs = this.#crashBackoff.next();
    this.#lastState = { terminated };
    if (waitMs > 0) this.#wait(crashLoop(this.container.name, this.#host.pod(), waitMs));
    this.#later(() => this.#launch(true), waitMs);
    this.#host.changed();
  }

  #pullFailed(restart: boolean): void {
    const { first, then } = pullFailure(this.container);
    this.#wait(first);
    this.#host.changed();
    const waitMs = Math.max(this.#pullBackoff.next(), this.#pullBackoff.base);
    const backOff = (): void => {
      this.#wait(then);
      this.#host.changed();
      this.#later(() => this.#launch(restart), waitMs);
    };
    this.#later(backOff, Math.min(1000, waitMs));
  }

  #wait({ reason, message, events }: WaitingState): void {
    for (const [type, why, sentence] of events) this.#host.event(type, why, sentence, this.container);
    this.#state = { waiting: { reason, message } };
  }

  #later(action: () => void, delayMs: number): void {
    if (!this.#stopping) this.#timer = setTimeout(action, delayMs);
  }
}

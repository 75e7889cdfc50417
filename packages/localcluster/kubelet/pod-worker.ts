import { mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { timestamp } from '../model/objects.ts';
import { isPodFinished, isSidecar, type Container, type Pod } from '../model/workloads.ts';
import type { CommandLine } from './container-process.ts';
import { ContainerRunner } from './container-runner.ts';
import type { RestartRule, RunnerHost } from './runner-host.ts';
import { buildEnvironment, expand, resolveServiceNames } from './environment.ts';
import type { KubeletServices } from './kubelet-services.ts';
import { rewritePaths } from './path-rewriter.ts';
import { podStatus } from './pod-status.ts';
import { MountError, PodVolumes } from './volumes.ts';

/** Brings one pod from its binding to its end. Driven by changes only: of the pod, of its containers, of its volumes. */
export class PodWorker {
  readonly uid: string;
  readonly init: ContainerRunner[];
  readonly app: ContainerRunner[];
  readonly #services: KubeletServices;
  readonly #directory: string;
  readonly #volumes: PodVolumes;
  readonly #startTime = timestamp();
  #pod: Pod;
  #podIP: string | undefined;
  #hasCredentials = false;
  #mounted = false;
  #initialized = false;
  #scheduled = false;
  #deadline = Infinity;
  #terminating = false;
  #ending = false;
  #closed = false;
  #volumeTimer: NodeJS.Timeout | undefined;

  constructor(pod: Pod, services: KubeletServices) {
    this.#pod = pod;
    this.#services = services;
    this.uid = pod.metadata.uid;
    this.#directory = join(services.directory, this.uid);
    this.#volumes = new PodVolumes(join(this.#directory, 'volumes'), services.references, services.issueToken);
    const rule = (pod.spec.restartPolicy ?? 'Always') as RestartRule;
    const initContainers = pod.spec.initContainers ?? [];
    this.init = initContainers.map((container) =>
      this.#runner(container, isSidecar(container) ? 'Always' : rule === 'Never' ? 'Never' : 'OnFailure'),
    );
    this.app = pod.spec.containers.map((container) => this.#runner(container, rule));
  }

  /** All containers. */
  get runners(): ContainerRunner[] {
    return [...this.init, ...this.app];
  }

  /** Begins: address, directories, volumes, containers. */
  start(): void {
    this.#podIP = this.#pod.spec.hostNetwork ? '127.0.0.1' : this.#services.addresses.take('pod');
    this.#pod = { ...this.#pod, status: { ...this.#pod.status, podIP: this.#podIP, hostIP: this.#services.hostIP } };
    mkdirSync(join(this.#directory, 'work'), { recursive: true });
    void this.#takeCredentials();
  }

  /** Takes a new version of the pod over. */
  update(pod: Pod): void {
    const status =
      this.#podIP === undefined ? pod.status : { ...pod.status, podIP: this.#podIP, hostIP: this.#services.hostIP };
    this.#pod = { ...pod, status };
    const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = pod.metadata;
    if (deletionTimestamp !== undefined) {
      const deadline = Date.now() + deletionGracePeriodSeconds * 1000;
      this.#deadline = Math.min(this.#deadline, deadline);
      if (!this.#terminating) void this.#terminate(true);
    }
    this.kick();
  }

  /** Something that a volume refers to changed. */
  referencesChanged(): void {
    if (this.#pod.spec.volumes?.some((volume) => volume.configMap ?? volume.secret ?? volume.projected)) {
      this.#syncVolumes();
      this.kick();
    }
  }

  /** The object is gone without us: everything ends at once. */
  async kill(): Promise<void> {
    this.#deadline = 0;
    if (this.#terminating) return;
    await this.#terminate(false);
  }

  /** Ends the containers with this much time, without touching the API; for the end of the cluster. */
  async shutDown(graceMs: number): Promise<void> {
    this.#deadline = Math.min(this.#deadline, Date.now() + graceMs);
    await this.#terminate(false);
  }

  /** Looks again at what is to be done. */
  kick(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#closed) this.#reconcile();
    });
  }

  #runner(container: Container, rule: RestartRule): ContainerRunner {
    const host: RunnerHost = {
      pod: () => this.#pod,
      commandLine: (of, command) => this.#commandLine(of, command),
      event: (type, reason, message, about) => this.#event(type, reason, message, about),
      changed: () => this.kick(),
      logDirectory: join(this.#directory, 'logs'),
      records: this.#services.records,
      backoffBaseMs: this.#services.backoffBaseMs,
    };
    const waits = (this.#pod.spec.initContainers ?? []).length > 0 ? 'PodInitializing' : 'ContainerCreating';
    return new ContainerRunner(container, rule, waits, host);
  }

  async #takeCredentials(): Promise<void> {
    const kubeconfig = await this.#services.podKubeconfig(this.#pod);
    await this.#volumes.renewTokens(this.#pod);
    // The pod's folder may be gone by now.
    if (this.#closed) return;
    writeFileSync(join(this.#directory, 'kubeconfig'), kubeconfig, { mode: 0o600 });
    this.#hasCredentials = true;
    this.kick();
  }

  async #renewTokens(): Promise<void> {
    await this.#volumes.renewTokens(this.#pod);
    this.#syncVolumes();
  }

  #reconcile(): void {
    if (!this.#terminating && !isPodFinished(this.#pod)) {
      if (!this.#mounted) this.#syncVolumes();
      if (this.#mounted) this.#advance();
    }
    this.#writeStatus();
  }

  #advance(): void {
    let ready = true;
    for (const runner of this.init) {
      const sidecar = isSidecar(runner.container);
      if (runner.finished && !sidecar && runner.exitCode !== 0) {
        // restartPolicy Never: the pod has failed, and its sidecars go.
        void this.#endSidecars();
        return;
      }
      if (!runner.begun) runner.start();
      if (sidecar ? runner.started || this.#initialized : runner.finished) continue;
      ready = false;
      break;
    }
    if (!ready) return;
    this.#initialized = true;
    for (const runner of this.app) runner.start();
    if (this.app.every((runner) => runner.finished)) void this.#endSidecars();
  }

  async #endSidecars(): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    const grace = (this.#pod.spec.terminationGracePeriodSeconds ?? 30) * 1000;
    this.#deadline = Math.min(this.#deadline, Date.now() + grace);
    await this.#stopInOrder();
    this.kick();
  }

  /** All preStop hooks begin at once; a sidecar's SIGTERM waits for the application and for the sidecars after it. */
  async #stopInOrder(): Promise<void> {
    const deadline = (): number => this.#deadline;
    const apps = this.app.map((runner) => runner.stop(deadline));
    let turn: Promise<unknown> = Promise.all(apps);
    const all: Promise<void>[] = [...apps];
    for (const runner of [...this.init].reverse()) {
      const before = turn.then(() => undefined);
      const stopped = runner.stop(deadline, isSidecar(runner.container) ? before : Promise.resolve());
      all.push(stopped);
      turn = Promise.all([before, stopped]);
    }
    await Promise.all(all);
  }

  async #terminate(finalize: boolean): Promise<void> {
    this.#terminating = true;
    await this.#stopInOrder();
    if (this.#closed) return;
    clearTimeout(this.#volumeTimer);
    if (finalize) {
      this.#writeStatus();
      this.#closed = true;
      this.#services.removePod(this.#pod);
    }
    this.#closed = true;
    if (this.#podIP !== undefined && !this.#pod.spec.hostNetwork) this.#services.addresses.release(this.#podIP);
    // Off this thread: a pod's folder can be large, and the API server lives here as well.
    await rm(this.#directory, { recursive: true, force: true });
    this.#services.workerClosed(this.uid);
  }

  #syncVolumes(): void {
    if (this.#closed || !this.#hasCredentials) return;
    clearTimeout(this.#volumeTimer);
    try {
      const due = this.#volumes.sync(this.#pod);
      this.#mounted = true;
      if (due !== undefined)
        this.#volumeTimer = setTimeout(
          () => void this.#renewTokens(),
          Math.min(2 ** 31 - 1, Math.max(1000, due - Date.now())),
        );
    } catch (error) {
      if (!(error instanceof MountError)) throw error;
      if (!this.#mounted) this.#event('Warning', 'FailedMount', `MountVolume.SetUp failed: ${error.message}`);
    }
  }

  #commandLine(container: Container, command?: string[]): CommandLine | undefined {
    const image = this.#services.image(container.image);
    if (!image) return undefined;
    const mounts = this.#volumes.mounts(this.#pod, container);
    const base = {
      ...image.env,
      HOSTNAME: this.#pod.metadata.name,
      POD_IP: this.#podIP ?? '127.0.0.1',
      LOCALCLUSTER_POD_UID: this.uid,
      KUBECONFIG: join(this.#directory, 'kubeconfig'),
    };
    const env = buildEnvironment(this.#pod, container, base, this.#services.references);
    // What the image and we set are paths of the machine, whatever is mounted over them.
    for (const [name, value] of Object.entries(env))
      if (value !== base[name as keyof typeof base]) env[name] = rewritePaths(value, mounts);
    const own = container.command
      ? [...container.command, ...(container.args ?? [])]
      : [...image.command, ...(container.args ?? [])];
    const line = (command ?? own.map((part) => expand(part, env))).map((part) =>
      rewritePaths(resolveServiceNames(part, this.#services.references), mounts),
    );
    const workingDirectory = container.workingDir
      ? rewritePaths(container.workingDir, mounts)
      : (image.workingDirectory ?? join(this.#directory, 'work'));
    return { command: line, env, workingDirectory };
  }

  #writeStatus(): void {
    const { app, init } = this;
    const podIP = this.#podIP;
    this.#services.writeStatus(this.#pod, (pod) =>
      podStatus(
        { pod, podIP, startTime: this.#startTime, init, app, initialized: this.#initialized },
        this.#services.hostIP,
      ),
    );
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string, container?: Container): void {
    const list = container && this.#pod.spec.containers.includes(container) ? 'containers' : 'initContainers';
    const fieldPath = container ? { fieldPath: `spec.${list}{${container.name}}` } : {};
    this.#services.events.record(this.#pod, { type, reason, message, component: 'kubelet', ...fieldPath });
  }
}

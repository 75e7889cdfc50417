import { mkdirSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { ApiError } from '../apiserver/api-error.ts';
import type { Authenticator } from '../apiserver/auth.ts';
import { apiAudience } from '../apiserver/auth.ts';
import type { ClusterContext } from '../controllers/cluster-context.ts';
import { formatKubeconfig } from '../model/kubeconfig.ts';
import { isPodFinished, type Pod, type PodStatus, type Service } from '../model/workloads.ts';
import type { RunningPod } from '../metrics/usage.ts';
import type { AddressPool } from '../network/address-pool.ts';
import type { ContainerRunner } from './container-runner.ts';
import type { Image, KubeletServices } from './kubelet-services.ts';
import { PodWorker } from './pod-worker.ts';
import { ProcessRecords } from './process-records.ts';
import type { TokenIssuer } from './volumes.ts';

/** Settings of the kubelet. */
export interface KubeletOptions {
  directory: string;
  nodeName: string;
  images: Readonly<Record<string, Image>>;
  addresses: AddressPool;
  /** The first crash and image back-off in milliseconds. */
  backoffBaseMs: number;
  apiUrl: () => string;
}

const yearSeconds = 365 * 24 * 3600;

/** Runs the pods of the one node as local processes. */
export class Kubelet {
  readonly #context: ClusterContext;
  readonly #workers = new Map<string, PodWorker>();
  readonly #services: KubeletServices;
  readonly #subscriptions: (() => void)[];
  readonly #options: KubeletOptions;

  constructor(context: ClusterContext, authenticator: Authenticator, options: KubeletOptions) {
    this.#context = context;
    this.#options = options;
    const records = new ProcessRecords(join(options.directory, 'processes'));
    const reaped = records.reap();
    if (reaped > 0) context.logger.info(`ended ${reaped} processes that an earlier run left behind`);
    const podsDirectory = join(options.directory, 'pods');
    rmSync(podsDirectory, { recursive: true, force: true });
    mkdirSync(podsDirectory, { recursive: true });
    const { store } = context.registry;
    const issue: TokenIssuer = (pod, audience, seconds) => {
      const { name, namespace = '', uid } = pod.metadata;
      const account = pod.spec.serviceAccountName ?? 'default';
      const accountUid = store.get('serviceaccounts', namespace, account)?.metadata.uid ?? '';
      const subject = { namespace, serviceAccount: { name: account, uid: accountUid }, pod: { name, uid } };
      return authenticator.issue(subject, [audience ?? apiAudience], seconds);
    };
    this.#services = {
      directory: podsDirectory,
      hostIP: '127.0.0.1',
      addresses: options.addresses,
      records,
      references: {
        configMap: (namespace, name) => store.get('configmaps', namespace, name),
        secret: (namespace, name) => store.get('secrets', namespace, name),
        serviceAddress: (namespace, name) => {
          const address = (store.get('services', namespace, name) as Service | undefined)?.spec.clusterIP;
          return address === 'None' ? undefined : address;
        },
      },
      events: context.events,
      backoffBaseMs: options.backoffBaseMs,
      issueToken: issue,
      image: (name) => this.#image(name),
      podKubeconfig: async (pod) => {
        const { token } = await issue(pod, undefined, yearSeconds);
        return formatKubeconfig(options.apiUrl(), token, pod.metadata.namespace ?? 'default');
      },
      writeStatus: (pod, compute) => this.#writeStatus(pod, compute),
      removePod: (pod) => this.#removePod(pod),
      workerClosed: (uid) => this.#workers.delete(uid),
    };
    this.#subscriptions = [
      store.subscribe('pods', ({ type, object }) => this.#observe(type, object as Pod)),
      store.subscribe('configmaps', ({ object }) => this.#referencesChanged(object.metadata.namespace)),
      store.subscribe('secrets', ({ object }) => this.#referencesChanged(object.metadata.namespace)),
    ];
  }

  /** The runner of a container, or undefined. */
  runner(namespace: string, pod: string, container?: string): ContainerRunner | undefined {
    const uid = this.#context.registry.store.get('pods', namespace, pod)?.metadata.uid ?? '';
    const worker = this.#workers.get(uid);
    return container === undefined
      ? worker?.app[0]
      : worker?.runners.find((runner) => runner.container.name === container);
  }

  /** All pods, with the containers that run now. */
  runningPods(): RunningPod[] {
    return [...this.#workers.values()].map(({ uid, runners }) => ({
      uid,
      containers: runners.flatMap(({ container: { name }, pid }) => (pid === undefined ? [] : [{ name, pid }])),
    }));
  }

  /** Ends all pods: SIGTERM, and SIGKILL after the grace period. */
  async stop(graceMs: number): Promise<void> {
    for (const unsubscribe of this.#subscriptions) unsubscribe();
    await Promise.all([...this.#workers.values()].map((worker) => worker.shutDown(graceMs)));
  }

  #observe(type: string, pod: Pod): void {
    const { uid } = pod.metadata;
    const worker = this.#workers.get(uid);
    if (type === 'DELETED') {
      if (worker) void worker.kill();
      return;
    }
    if (worker) worker.update(pod);
    else if (pod.spec.nodeName === this.#options.nodeName && !isPodFinished(pod)) {
      const made = new PodWorker(pod, this.#services);
      this.#workers.set(uid, made);
      made.start();
      if (pod.metadata.deletionTimestamp !== undefined) made.update(pod);
    }
  }

  #referencesChanged(namespace: string | undefined): void {
    for (const pod of this.#context.registry.store.list('pods', namespace))
      this.#workers.get(pod.metadata.uid)?.referencesChanged();
  }

  #image(name: string): Image | undefined {
    const image = this.#options.images[name];
    if (!image) return undefined;
    const path = [dirname(process.execPath), process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin'].join(delimiter);
    return { ...image, env: { PATH: path, HOME: process.env['HOME'] ?? '/', LANG: 'C.UTF-8', ...image.env } };
  }

  #writeStatus(pod: Pod, compute: (current: Pod) => PodStatus): void {
    const { registry } = this.#context;
    const { namespace, name, uid } = pod.metadata;
    const current = registry.store.get('pods', namespace, name);
    if (current?.metadata.uid !== uid) return;
    const options = { manager: 'kubelet', subresource: 'status' };
    registry.modify(registry.types.named('Pod'), namespace, name, options, (object) => ({
      ...object,
      status: compute(object as Pod),
    }));
  }

  #removePod(pod: Pod): void {
    const { registry } = this.#context;
    const { namespace, name, uid } = pod.metadata;
    try {
      registry.delete(registry.types.named('Pod'), namespace, name, { gracePeriodSeconds: 0, preconditions: { uid } });
    } catch (error) {
      // Deleted by force meanwhile.
      if (!(error instanceof ApiError)) throw error;
    }
  }
}

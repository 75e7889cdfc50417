import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Admission } from './apiserver/admission.ts';
import { ApiServer } from './apiserver/api-server.ts';
import { Authenticator } from './apiserver/auth.ts';
import { Authorizer } from './apiserver/authorizer.ts';
import { builtInTypes } from './apiserver/built-in-types.ts';
import { provideDefaultRoles } from './apiserver/default-roles.ts';
import { Registry } from './apiserver/registry.ts';
import { ResourceTypes } from './apiserver/resource-types.ts';
import { Store } from './apiserver/store.ts';
import { NODE_NAME, provideBasics } from './controllers/cluster-basics.ts';
import type { ClusterContext } from './controllers/cluster-context.ts';
import { DeploymentController } from './controllers/deployment-controller.ts';
import { EndpointSliceController } from './controllers/endpoint-slice-controller.ts';
import { EventRecorder } from './controllers/event-recorder.ts';
import { GarbageCollector } from './controllers/garbage-collector.ts';
import { NamespaceController } from './controllers/namespace-controller.ts';
import { QuotaController } from './controllers/quota-controller.ts';
import { ReplicaSetController } from './controllers/replica-set-controller.ts';
import { Scheduler } from './controllers/scheduler.ts';
import { Faults } from './faults.ts';
import type { Image } from './kubelet/kubelet-services.ts';
import { Kubelet } from './kubelet/kubelet.ts';
import { serveLog } from './kubelet/log-handler.ts';
import { checkResolution } from './metrics/metrics-scraper.ts';
import { providePodMetrics } from './metrics/pod-metrics.ts';
import { formatKubeconfig } from './model/kubeconfig.ts';
import { silentLogger, type Logger } from './model/logger.ts';
import type { Service } from './model/workloads.ts';
import { CustomResources, validateDefinition } from './schema/custom-resources.ts';
import { AddressPool } from './network/address-pool.ts';
import { ServiceProxy } from './network/service-proxy.ts';
import { ServiceAddresses } from './network/service-addresses.ts';

/** Settings of a local cluster. */
export interface LocalClusterOptions {
  /** Where the kubeconfig, the pods' folders and the process records are kept; made where it is missing. */
  directory: string;
  /** Port of the API on 127.0.0.1. @defaultValue 0, a free one */
  port?: number;
  /** The images that pods may name. An image is a command of this machine. */
  images: Readonly<Record<string, Image>>;
  /** Loopback range of pods and services, as `127.100.0.0/16`. @defaultValue the first that is free */
  addressRange?: string;
  logger?: Logger;
  /** Milliseconds between two bookmarks of a watch. @defaultValue 10000 */
  bookmarkIntervalMs?: number;
  /** How many changes of a kind a watch can resume over. @defaultValue 5000 */
  historyLimit?: number;
  /** First delay of CrashLoopBackOff and ImagePullBackOff, milliseconds. @defaultValue 10000 */
  backoffBaseMs?: number;
  /** How long pods may take to end when the cluster stops, milliseconds. @defaultValue 2000 */
  stopGraceMs?: number;
  /**
   * Whether Deployments, ReplicaSets and pods are acted on. Without, the API keeps what is written and nothing more, so that
   * thousands of pods can be made up. @defaultValue true
   */
  controllers?: boolean;
  /**
   * Whether the resource metrics API `metrics.k8s.io/v1beta1` is served for pods, as by metrics-server. @defaultValue true
   */
  metricsApi?: boolean;
  /**
   * Milliseconds between two scrapes of the pods' processes, a whole number from 100 to 3600000. A pod has metrics after two
   * scrapes. @defaultValue 15000
   */
  metricsResolutionMs?: number;
  /** What the node offers, as quantities; `{'nvidia.com/gpu': '1'}` adds a GPU. */
  nodeResources?: Readonly<Record<string, string>>;
}

/** What a running cluster is made of. */
interface ClusterParts {
  kubeconfigPath: string;
  registry: Registry;
  server: ApiServer;
  kubelet: Kubelet;
  stoppables: { stop: () => void }[];
  addresses: AddressPool;
  stopGraceMs: number;
}

/** A Kubernetes cluster of one node in this process: API server, controllers, and a kubelet whose pods are processes. */
export class LocalCluster {
  /** What tests can break. */
  readonly faults: Faults;
  readonly #parts: ClusterParts;
  #stopped: Promise<void> | undefined;

  private constructor(parts: ClusterParts) {
    this.#parts = parts;
    this.faults = new Faults(parts.kubelet, parts.server, parts.registry.store);
  }

  /** Starts a cluster; it answers when this resolves. @throws RangeError where an option is out of its range */
  static async start(options: LocalClusterOptions): Promise<LocalCluster> {
    const metricsResolutionMs = checkResolution(options.metricsResolutionMs ?? 15_000);
    mkdirSync(options.directory, { recursive: true });
    const logger = options.logger ?? silentLogger;
    const addresses = await AddressPool.claim(options.addressRange);
    const registry = createRegistry(addresses, options.historyLimit ?? 5000);
    const authenticator = new Authenticator(registry.store);
    const admission = new Admission(registry);
    const context: ClusterContext = { registry, admission, events: new EventRecorder(registry), logger };
    const apiUrl = (): string => server.url;
    const kubelet = new Kubelet(context, authenticator, {
      directory: options.directory,
      nodeName: NODE_NAME,
      images: options.images,
      addresses,
      backoffBaseMs: options.backoffBaseMs ?? 10_000,
      apiUrl,
    });
    const server = new ApiServer({
      registry,
      admission,
      authenticator,
      authorizer: new Authorizer(registry.store),
      logs: (namespace, pod, query, response) => serveLog(registry, kubelet, namespace, pod, query, response),
      options: { bookmarkIntervalMs: options.bookmarkIntervalMs ?? 10_000 },
    });
    const stoppables = [
      new CustomResources(registry),
      ...(options.metricsApi === false
        ? []
        : [providePodMetrics(registry, () => kubelet.runningPods(), metricsResolutionMs)]),
      ...(options.controllers === false ? [] : startControllers(context)),
    ];
    provideBasics(registry, options.nodeResources ?? {});
    provideDefaultRoles(registry);
    await server.listen(options.port ?? 0);
    const kubeconfigPath = join(options.directory, 'kubeconfig');
    writeFileSync(kubeconfigPath, formatKubeconfig(server.url, authenticator.adminToken), { mode: 0o600 });
    return new LocalCluster({
      kubeconfigPath,
      registry,
      server,
      kubelet,
      stoppables,
      addresses,
      stopGraceMs: options.stopGraceMs ?? 2000,
    });
  }

  /** The kubeconfig of the administrator. */
  get kubeconfigPath(): string {
    return this.#parts.kubeconfigPath;
  }

  /** The address of the API. */
  get url(): string {
    return this.#parts.server.url;
  }

  /** The address of a Service, by `name.namespace` with or without `.svc`; undefined where it has none. */
  resolve(host: string): string | undefined {
    const [name = '', namespace = 'default'] = host.split('.');
    const service = this.#parts.registry.store.get('services', namespace, name) as Service | undefined;
    const address = service?.spec.clusterIP;
    return address === 'None' ? undefined : address;
  }

  /** Ends all pods and closes all ports. No process is left when this resolves. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const { stoppables, kubelet, stopGraceMs, server, addresses } = this.#parts;
    for (const part of stoppables) part.stop();
    await kubelet.stop(stopGraceMs);
    await server.close();
    addresses.close();
  }
}

/** The objects and their kinds, with Services that get addresses of this cluster. */
function createRegistry(addresses: AddressPool, historyLimit: number): Registry {
  const store = new Store(historyLimit);
  const types = new ResourceTypes();
  const serviceAddresses = new ServiceAddresses(addresses);
  serviceAddresses.watch(store);
  const hooks = {
    prepareService: (service: Service, old: Service | undefined): void => serviceAddresses.prepare(service, old),
    validateCustomResourceDefinition: validateDefinition,
  };
  for (const type of builtInTypes(hooks)) types.add(type);
  return new Registry(store, types);
}

function startControllers(context: ClusterContext): { stop: () => void }[] {
  return [
    new GarbageCollector(context),
    new NamespaceController(context),
    new DeploymentController(context),
    new ReplicaSetController(context),
    new Scheduler(context),
    new EndpointSliceController(context),
    new ServiceProxy(context),
    new QuotaController(context),
  ];
}

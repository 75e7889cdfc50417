import { controllerManager, splitKey, type ClusterContext } from '../controllers/cluster-context.ts';
import { WorkQueue } from '../controllers/work-queue.ts';
import type { EndpointSlice, Service, ServicePort } from '../model/workloads.ts';
import { TcpForwarder, type Target } from './tcp-forwarder.ts';

const component = 'service-proxy';

interface Listener {
  forwarder: TcpForwarder;
  host: string;
  port: number;
  open: boolean;
}

/** What kube-proxy is in a real cluster: each Service's addresses, forwarded to a random ready endpoint. */
export class ServiceProxy {
  readonly #context: ClusterContext;
  readonly #queue: WorkQueue;
  readonly #unsubscribe: () => void;
  readonly #listeners = new Map<string, Map<string, Listener>>();

  constructor(context: ClusterContext) {
    this.#context = context;
    this.#queue = new WorkQueue((key) => this.#sync(key), context.logger);
    this.#unsubscribe = context.registry.store.subscribe('services', ({ object }) => {
      this.#queue.add(`${object.metadata.namespace ?? ''}/${object.metadata.name}`);
    });
  }

  /** Closes all ports. */
  stop(): void {
    this.#unsubscribe();
    this.#queue.stop();
    for (const listeners of this.#listeners.values()) for (const { forwarder } of listeners.values()) forwarder.close();
  }

  async #sync(key: string): Promise<void> {
    const [namespace, name] = splitKey(key);
    const service = this.#context.registry.store.get('services', namespace, name) as Service | undefined;
    const wanted = service
      ? this.#wanted(service)
      : new Map<string, { host: string; port: number; servicePort: ServicePort }>();
    const current = this.#listeners.get(key) ?? new Map<string, Listener>();
    this.#listeners.set(key, current);
    for (const [id, { forwarder }] of current) {
      if (wanted.has(id)) continue;
      forwarder.close();
      current.delete(id);
    }
    for (const [id, { host, port, servicePort }] of wanted) {
      if (current.has(id) || !service) continue;
      const forwarder = new TcpForwarder(() => this.#choose(namespace, name, servicePort.name ?? ''));
      const listener: Listener = { forwarder, host, port, open: false };
      current.set(id, listener);
      try {
        await forwarder.listen(host, port);
        listener.open = true;
      } catch (error) {
        const message = `cannot listen on ${host}:${port} for port ${servicePort.port}: ${error instanceof Error ? error.message : String(error)}`;
        this.#context.events.record(service, { type: 'Warning', reason: 'PortNotAvailable', message, component });
      }
    }
    if (!service) this.#listeners.delete(key);
    else if (service.spec.type === 'LoadBalancer') this.#announce(service, current);
  }

  #wanted(service: Service): Map<string, { host: string; port: number; servicePort: ServicePort }> {
    const wanted = new Map<string, { host: string; port: number; servicePort: ServicePort }>();
    const { type, clusterIP, ports = [] } = service.spec;
    const add = (host: string, port: number, servicePort: ServicePort): void => {
      if (servicePort.protocol === 'TCP')
        wanted.set(`${host}:${port}/${servicePort.name ?? ''}`, { host, port, servicePort });
    };
    for (const port of ports) {
      if (clusterIP !== undefined && clusterIP !== 'None') add(clusterIP, port.port, port);
      if (type === 'LoadBalancer') add('127.0.0.1', port.port, port);
      if ((type === 'NodePort' || type === 'LoadBalancer') && port.nodePort !== undefined)
        add('127.0.0.1', port.nodePort, port);
    }
    return wanted;
  }

  #announce(service: Service, listeners: ReadonlyMap<string, Listener>): void {
    const { registry } = this.#context;
    const own = new Set((service.spec.ports ?? []).map(({ port }) => port));
    const open = [...listeners.values()].filter(
      ({ host, port, open: ok }) => ok && host === '127.0.0.1' && own.has(port),
    );
    const ingress = open.length === 0 ? {} : { ingress: [{ ip: '127.0.0.1', ipMode: 'VIP' }] };
    const { namespace, name } = service.metadata;
    const options = { manager: controllerManager, subresource: 'status' };
    registry.modify(registry.types.named('Service'), namespace, name, options, (object) => ({
      ...object,
      status: { loadBalancer: ingress },
    }));
  }

  /** A random ready endpoint; where there is none, one that is terminating and still serves. */
  #choose(namespace: string, service: string, portName: string): Target | undefined {
    const slices = this.#context.registry.store.list('endpointslices.discovery.k8s.io', namespace) as EndpointSlice[];
    const ready: Target[] = [];
    const leaving: Target[] = [];
    for (const slice of slices) {
      if (slice.metadata.labels?.['kubernetes.io/service-name'] !== service) continue;
      const port = slice.ports.find(({ name }) => name === portName)?.port;
      if (port === undefined || port === null) continue;
      for (const { addresses, conditions } of slice.endpoints) {
        const list = conditions.ready ? ready : conditions.serving && conditions.terminating ? leaving : undefined;
        if (addresses[0] !== undefined) list?.push({ host: addresses[0], port });
      }
    }
    const candidates = ready.length > 0 ? ready : leaving;
    return candidates[Math.floor(Math.random() * candidates.length)];
  }
}

import { deepEqual } from '../model/json.ts';
import { asJson, controllerOf, controllerReference } from '../model/objects.ts';
import {
  isPodFinished,
  isPodReady,
  type Endpoint,
  type EndpointSlice,
  type Pod,
  type Service,
} from '../model/workloads.ts';
import { controllerManager, splitKey, type ClusterContext } from './cluster-context.ts';
import { WorkQueue } from './work-queue.ts';

const serviceLabel = 'kubernetes.io/service-name';
const managedBy = 'endpointslice.kubernetes.io/managed-by';

function resolvePort(pod: Pod, target: number | string, fallback: number): number | undefined {
  if (typeof target === 'number') return target === 0 ? fallback : target;
  for (const container of [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]) {
    const port = container.ports?.find(({ name }) => name === target);
    if (port) return port.containerPort;
  }
  return undefined;
}

function portsFor(service: Service, pod: Pod): EndpointSlice['ports'] {
  return (service.spec.ports ?? []).flatMap(({ name, port, targetPort, protocol, appProtocol }) => {
    const resolved = resolvePort(pod, targetPort, port);
    if (resolved === undefined) return [];
    return [{ name: name ?? '', port: resolved, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) }];
  });
}

function toEndpoint(service: Service, pod: Pod): Endpoint {
  const { name, namespace = '', uid, deletionTimestamp } = pod.metadata;
  const terminating = deletionTimestamp !== undefined;
  const serving = service.spec.publishNotReadyAddresses === true || isPodReady(pod);
  const always = service.spec.publishNotReadyAddresses === true;
  return {
    addresses: [pod.status.podIP ?? ''],
    conditions: { ready: always || (serving && !terminating), serving, terminating },
    ...(pod.spec.nodeName === undefined ? {} : { nodeName: pod.spec.nodeName }),
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
}

/** Keeps the EndpointSlices of every Service that has a selector. */
export class EndpointSliceController {
  readonly #context: ClusterContext;
  readonly #queue: WorkQueue;
  readonly #subscriptions: (() => void)[];

  constructor(context: ClusterContext) {
    this.#context = context;
    this.#queue = new WorkQueue((key) => this.#sync(key), context.logger);
    const { store } = context.registry;
    this.#subscriptions = [
      store.subscribe('services', ({ object }) =>
        this.#queue.add(`${object.metadata.namespace ?? ''}/${object.metadata.name}`),
      ),
      store.subscribe('pods', ({ object, previous }) => {
        for (const service of store.list('services', object.metadata.namespace) as Service[]) {
          if (this.#selects(service, object as Pod) || (previous && this.#selects(service, previous as Pod))) {
            this.#queue.add(`${service.metadata.namespace ?? ''}/${service.metadata.name}`);
          }
        }
      }),
      store.subscribe('endpointslices.discovery.k8s.io', ({ type, object }) => {
        const owner = type === 'DELETED' ? controllerOf(object) : undefined;
        if (owner?.kind === 'Service') this.#queue.add(`${object.metadata.namespace ?? ''}/${owner.name}`);
      }),
    ];
  }

  /** Ends all work. */
  stop(): void {
    for (const unsubscribe of this.#subscriptions) unsubscribe();
    this.#queue.stop();
  }

  #selects({ spec }: Service, pod: Pod): boolean {
    const entries = Object.entries(spec.selector ?? {});
    return entries.length > 0 && entries.every(([key, value]) => pod.metadata.labels?.[key] === value);
  }

  #sync(key: string): void {
    const [namespace, name] = splitKey(key);
    const { registry } = this.#context;
    const service = registry.store.get('services', namespace, name) as Service | undefined;
    if (!service?.spec.selector || service.metadata.deletionTimestamp !== undefined) return;
    const groups = new Map<string, { ports: EndpointSlice['ports']; endpoints: Endpoint[] }>();
    for (const pod of registry.store.list('pods', namespace) as Pod[]) {
      if (!this.#selects(service, pod) || pod.status.podIP === undefined || isPodFinished(pod)) continue;
      const ports = portsFor(service, pod);
      const group = groups.get(JSON.stringify(ports)) ?? { ports, endpoints: [] };
      group.endpoints.push(toEndpoint(service, pod));
      groups.set(JSON.stringify(ports), group);
    }
    if (groups.size === 0) groups.set('', { ports: [], endpoints: [] });
    this.#write(service, [...groups.values()]);
  }

  /** Pods that resolve a named port differently need slices of their own; all others share one. */
  #write(service: Service, wanted: { ports: EndpointSlice['ports']; endpoints: Endpoint[] }[]): void {
    const { registry } = this.#context;
    const type = registry.types.named('EndpointSlice');
    const { name, namespace } = service.metadata;
    const existing = (registry.store.list(type.collection, namespace) as EndpointSlice[]).filter(
      (slice) => controllerOf(slice)?.uid === service.metadata.uid,
    );
    const spare = new Set(existing);
    const open = wanted.filter(({ ports, endpoints }) => {
      const slice = [...spare].find((item) => deepEqual(item.ports, ports));
      if (!slice) return true;
      spare.delete(slice);
      this.#update(slice, ports, endpoints);
      return false;
    });
    for (const { ports, endpoints } of open) {
      const slice = [...spare][0];
      if (slice) {
        spare.delete(slice);
        this.#update(slice, ports, endpoints);
        continue;
      }
      const labels: Record<string, string> = {
        ...service.metadata.labels,
        [serviceLabel]: name,
        [managedBy]: 'endpointslice-controller.k8s.io',
      };
      if (service.spec.clusterIP === 'None') labels['service.kubernetes.io/headless'] = '';
      const metadata = { generateName: `${name}-`, labels, ownerReferences: [controllerReference(service)] };
      const object = { metadata, addressType: 'IPv4', endpoints, ports };
      registry.create(type, namespace, asJson(object), { manager: controllerManager });
    }
    for (const slice of spare) registry.delete(type, namespace, slice.metadata.name, {});
  }

  #update(slice: EndpointSlice, ports: EndpointSlice['ports'], endpoints: Endpoint[]): void {
    const { registry } = this.#context;
    const type = registry.types.named('EndpointSlice');
    const { name, namespace } = slice.metadata;
    registry.modify(type, namespace, name, { manager: controllerManager }, (object) => ({
      ...object,
      ports,
      endpoints,
    }));
  }
}

import { given } from '../model/json.ts';
import { invalid } from '../apiserver/api-error.ts';
import { invalidValue } from '../apiserver/built-in-validation.ts';
import type { Store } from '../apiserver/store.ts';
import type { Service } from '../model/workloads.ts';
import type { AddressPool } from './address-pool.ts';

/** Gives Services their cluster address and node ports, and takes them back when a Service goes. */
export class ServiceAddresses {
  readonly #addresses: AddressPool;
  readonly #nodePorts = new Set<number>();

  constructor(addresses: AddressPool) {
    this.#addresses = addresses;
  }

  /** Takes addresses of deleted Services back. */
  watch(store: Store): void {
    store.subscribe('services', ({ type, object }) => {
      if (type !== 'DELETED') return;
      const { clusterIP, ports } = (object as Service).spec;
      if (clusterIP !== undefined && clusterIP !== 'None') this.#addresses.release(clusterIP);
      for (const { nodePort } of ports ?? []) if (nodePort !== undefined) this.#nodePorts.delete(nodePort);
    });
  }

  /** Fills in a Service's defaults, address and node ports. @throws ApiError 422 */
  prepare(service: Service, old: Service | undefined): void {
    const spec = service.spec as (Service['spec'] & Record<string, unknown>) | undefined;
    if (!spec) return;
    spec.type = given(spec.type, 'ClusterIP');
    spec['sessionAffinity'] ??= 'None';
    for (const port of spec.ports ?? []) {
      port.protocol = given(port.protocol, 'TCP');
      port.targetPort = given(port.targetPort, port.port);
    }
    service.status = given(service.status, { loadBalancer: {} });
    if (spec.type === 'ExternalName') return;
    spec.clusterIP =
      spec.clusterIP === undefined || spec.clusterIP === ''
        ? (old?.spec.clusterIP ?? this.#addresses.take('service'))
        : this.#chosen(service, old);
    spec.clusterIPs = [spec.clusterIP];
    spec['internalTrafficPolicy'] ??= 'Cluster';
    spec['ipFamilies'] ??= ['IPv4'];
    spec['ipFamilyPolicy'] ??= 'SingleStack';
    if (spec.type === 'ClusterIP') return;
    spec['externalTrafficPolicy'] ??= 'Cluster';
    for (const port of spec.ports ?? []) {
      port.nodePort ??= old?.spec.ports?.find((before) => before.port === port.port)?.nodePort ?? this.#freeNodePort();
      this.#nodePorts.add(port.nodePort);
    }
  }

  #chosen(service: Service, old: Service | undefined): string {
    const { clusterIP = '' } = service.spec;
    if (clusterIP === 'None' || clusterIP === old?.spec.clusterIP) return clusterIP;
    if (old || !this.#addresses.reserve(clusterIP)) {
      const why = old
        ? 'field is immutable'
        : 'failed to allocate IP: the provided IP is not in the valid range or is allocated';
      throw invalid({ group: '', plural: 'services', kind: 'Service' }, service.metadata.name, [
        invalidValue('spec.clusterIPs', [clusterIP], why),
      ]);
    }
    return clusterIP;
  }

  #freeNodePort(): number {
    for (let port = 30_000; port <= 32_767; port += 1) if (!this.#nodePorts.has(port)) return port;
    throw new Error('no free node port');
  }
}

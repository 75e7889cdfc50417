import { cpus, totalmem } from 'node:os';
import { timestamp } from '../model/objects.ts';
import type { Registry } from '../apiserver/registry.ts';

/** The name of the one node. */
export const NODE_NAME = 'localcluster';

/**
 * Makes what every cluster begins with: its namespaces and its node.
 * @param resources - what the node offers beside the machine's own amounts, as quantities
 */
export function provideBasics(registry: Registry, resources: Readonly<Record<string, string>>): void {
  const writer = { manager: 'kube-apiserver' };
  for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease']) {
    registry.create(registry.types.named('Namespace'), undefined, { metadata: { name } }, writer);
  }
  const node = registry.types.named('Node');
  const labels = {
    'kubernetes.io/hostname': NODE_NAME,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': process.arch === 'x64' ? 'amd64' : process.arch,
  };
  registry.create(node, undefined, { metadata: { name: NODE_NAME, labels }, spec: {} }, writer);
  // The machine's own amounts, but never so small that an example would not fit.
  const memory = `${Math.max(16, Math.floor(totalmem() / 2 ** 30))}Gi`;
  const amounts = {
    cpu: String(Math.max(16, cpus().length)),
    memory,
    pods: '250',
    'ephemeral-storage': '100Gi',
    ...resources,
  };
  const condition = {
    type: 'Ready',
    status: 'True',
    reason: 'KubeletReady',
    message: 'kubelet is posting ready status',
  };
  const now = timestamp();
  registry.modify(node, undefined, NODE_NAME, { manager: 'kubelet', subresource: 'status' }, (object) => ({
    ...object,
    status: {
      capacity: amounts,
      allocatable: amounts,
      conditions: [{ ...condition, lastHeartbeatTime: now, lastTransitionTime: now }],
      addresses: [
        { type: 'InternalIP', address: '127.0.0.1' },
        { type: 'Hostname', address: NODE_NAME },
      ],
      nodeInfo: {
        kubeletVersion: 'v1.34.0-localcluster',
        operatingSystem: 'linux',
        architecture: labels['kubernetes.io/arch'],
      },
    },
  }));
}

import type { KubeObject } from '../model/objects.ts';
import { isObject } from '../model/json.ts';
import type { Deployment, Pod, Service } from '../model/workloads.ts';
import type { Column } from './resource-types.ts';

/** The age of a time as kubectl prints it: `5s`, `3m10s`, `2h`, `4d`. */
export function age(time: unknown, now: number = Date.now()): string {
  if (typeof time !== 'string') return '<unknown>';
  const seconds = Math.max(0, Math.floor((now - Date.parse(time)) / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}

function podStatus(pod: Pod): string {
  if (pod.metadata.deletionTimestamp !== undefined) return 'Terminating';
  for (const status of [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])]) {
    const { waiting, terminated } = status.state;
    if (waiting && waiting.reason !== 'PodInitializing' && waiting.reason !== 'ContainerCreating')
      return waiting.reason;
    if (terminated && terminated.exitCode !== 0) return terminated.reason;
  }
  if (pod.status.phase === 'Pending' && pod.status.containerStatuses) return 'ContainerCreating';
  return pod.status.phase === 'Succeeded' ? 'Completed' : (pod.status.reason ?? pod.status.phase ?? 'Pending');
}

function column(name: string, cell: (object: KubeObject) => string | number, type = 'string'): Column {
  return { name, type, cell };
}

const ageColumn = column('Age', (object) => age(object.metadata.creationTimestamp));

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

const COLUMNS: Readonly<Record<string, Column[]>> = {
  Pod: [
    column('Ready', (object) => {
      const statuses = (object as Pod).status.containerStatuses ?? [];
      return `${statuses.filter(({ ready }) => ready).length}/${(object as Pod).spec.containers.length}`;
    }),
    column('Status', (object) => podStatus(object as Pod)),
    column('Restarts', (object) =>
      ((object as Pod).status.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0),
    ),
    ageColumn,
    { ...column('IP', (object) => (object as Pod).status.podIP ?? '<none>'), priority: 1 },
    { ...column('Node', (object) => (object as Pod).spec.nodeName ?? '<none>'), priority: 1 },
  ],
  Deployment: [
    column('Ready', (object) => {
      const { spec, status } = object as Deployment;
      return `${status.readyReplicas ?? 0}/${spec.replicas}`;
    }),
    column('Up-to-date', (object) => (object as Deployment).status.updatedReplicas ?? 0, 'integer'),
    column('Available', (object) => (object as Deployment).status.availableReplicas ?? 0, 'integer'),
    ageColumn,
  ],
  ReplicaSet: [
    column('Desired', (object) => (object as Deployment).spec.replicas, 'integer'),
    column('Current', (object) => (object as Deployment).status.replicas ?? 0, 'integer'),
    column('Ready', (object) => (object as Deployment).status.readyReplicas ?? 0, 'integer'),
    ageColumn,
  ],
  Service: [
    column('Type', (object) => (object as Service).spec.type),
    column('Cluster-IP', (object) => (object as Service).spec.clusterIP ?? '<none>'),
    column('External-IP', (object) => (object as Service).status.loadBalancer.ingress?.[0]?.ip ?? '<none>'),
    column('Port(s)', (object) =>
      ((object as Service).spec.ports ?? [])
        .map(({ port, nodePort, protocol }) => `${port}${nodePort ? `:${nodePort}` : ''}/${protocol}`)
        .join(','),
    ),
    ageColumn,
  ],
  Namespace: [column('Status', (object) => text((object.status as { phase?: unknown } | undefined)?.phase)), ageColumn],
  Node: [column('Status', () => 'Ready'), column('Roles', () => 'control-plane'), ageColumn],
  Event: [
    column('Last Seen', (object) => age(object['lastTimestamp'] ?? object.metadata.creationTimestamp)),
    column('Type', (object) => text(object['type'])),
    column('Reason', (object) => text(object['reason'])),
    column('Object', (object) => {
      const about = isObject(object['involvedObject']) ? object['involvedObject'] : {};
      return `${text(about['kind']).toLowerCase()}/${text(about['name'])}`;
    }),
    column('Message', (object) => text(object['message'])),
  ],
  Lease: [
    column('Holder', (object) => text((object.spec as { holderIdentity?: unknown } | undefined)?.holderIdentity)),
    ageColumn,
  ],
};

/** The columns of a built-in kind after its name. */
export function columnsOf(kind: string): Column[] {
  return COLUMNS[kind] ?? [ageColumn];
}

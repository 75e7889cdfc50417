import { isObject, type Json, type JsonObject } from '../model/json.ts';

/** Lists of objects that merge item by item, and the keys that identify an item. */
const knownKeys: Record<string, readonly string[]> = {
  containers: ['name'],
  initContainers: ['name'],
  ephemeralContainers: ['name'],
  env: ['name'],
  volumes: ['name'],
  volumeMounts: ['mountPath'],
  volumeDevices: ['devicePath'],
  imagePullSecrets: ['name'],
  hostAliases: ['ip'],
  conditions: ['type'],
  ownerReferences: ['uid'],
  containerStatuses: ['name'],
  initContainerStatuses: ['name'],
  topologySpreadConstraints: ['topologyKey'],
  podIPs: ['ip'],
  hostIPs: ['ip'],
  taints: ['key'],
  resourceClaims: ['name'],
  readinessGates: ['conditionType'],
  secrets: ['name'],
};

/**
 * The keys that identify the items of a list in built-in kinds; undefined for a list that is one value. `ports` merges
 * by containerPort in containers and by port in Services, so the item decides.
 */
export function listKeys(field: string, items: readonly unknown[]): readonly string[] | undefined {
  if (items.length === 0 || !items.every(isObject)) return undefined;
  const keys =
    field === 'ports'
      ? items.every((item) => 'containerPort' in item)
        ? ['containerPort', 'protocol']
        : ['port', 'protocol']
      : knownKeys[field];
  const first = keys?.[0];
  if (first === undefined || !items.every((item) => item[first] !== undefined)) return undefined;
  return keys;
}

/** The identity of a list item: its keys, with TCP for a protocol that is left out. */
export function itemIdentity(item: JsonObject, keys: readonly string[]): string {
  const identity: Record<string, Json> = {};
  for (const key of keys) identity[key] = item[key] ?? (key === 'protocol' ? 'TCP' : null);
  return JSON.stringify(identity);
}

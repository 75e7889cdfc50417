import { isObject } from '../model/json.ts';
import type { Container, EnvSource, KeyedData, Pod } from '../model/workloads.ts';

/** Looks things up that a pod's spec refers to. */
export interface References {
  configMap: (namespace: string, name: string) => KeyedData | undefined;
  secret: (namespace: string, name: string) => KeyedData | undefined;
  /** The address of a Service, for `name.namespace.svc` in values. */
  serviceAddress: (namespace: string, name: string) => string | undefined;
}

/** A container cannot be made as its spec says; the reason that the kubelet shows is CreateContainerConfigError. */
export class ContainerConfigError extends Error {
  override readonly name = 'ContainerConfigError';
}

/** The value of a field as the downward API gives it. */
export function fieldValue(pod: Pod, path: string): string {
  const subscript = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path);
  if (subscript) return pod.metadata[subscript[1] as 'labels' | 'annotations']?.[subscript[2] ?? ''] ?? '';
  if (path === 'metadata.labels' || path === 'metadata.annotations') {
    const entries = Object.entries(pod.metadata[path === 'metadata.labels' ? 'labels' : 'annotations'] ?? {});
    return entries.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join('\n');
  }
  const values: Record<string, string | undefined> = {
    'metadata.name': pod.metadata.name,
    'metadata.namespace': pod.metadata.namespace,
    'metadata.uid': pod.metadata.uid,
    'spec.nodeName': pod.spec.nodeName,
    'spec.serviceAccountName': pod.spec.serviceAccountName,
    'status.podIP': pod.status.podIP,
    'status.podIPs': pod.status.podIP,
    'status.hostIP': pod.status.hostIP,
    'status.hostIPs': pod.status.hostIP,
  };
  if (!(path in values)) throw new ContainerConfigError(`unsupported fieldPath: ${path}`);
  return values[path] ?? '';
}

/** The decoded entries of a ConfigMap or Secret. */
export function entriesOf(object: KeyedData): Map<string, Buffer> {
  const entries = new Map<string, Buffer>();
  const plain = object.kind === 'ConfigMap' ? 'utf8' : 'base64';
  for (const [key, value] of Object.entries(object.data ?? {})) entries.set(key, Buffer.from(value, plain));
  for (const [key, value] of Object.entries(object.binaryData ?? {})) entries.set(key, Buffer.from(value, 'base64'));
  return entries;
}

/** Expands `$(NAME)`; `$$(NAME)` stays as `$(NAME)`, and unknown names stay as they are. */
export function expand(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(/\$(\$|\(([^()]*)\))/g, (whole, inner: string, name: string | undefined) => {
    if (inner === '$') return '$';
    return name !== undefined && name in env ? (env[name] ?? '') : whole;
  });
}

/** Replaces `http(s)://name.namespace.svc[.cluster.local]` by the Service's address, as there is no cluster DNS here. */
export function resolveServiceNames(text: string, references: References): string {
  return text.replace(
    /(https?:\/\/)([a-z0-9-]+)\.([a-z0-9-]+)\.svc(?:\.cluster\.local)?(?=[:/?#"'\s,;]|$)/g,
    (whole, scheme: string, name: string, namespace: string) => {
      const address = references.serviceAddress(namespace, name);
      return address === undefined ? whole : `${scheme}${address}`;
    },
  );
}

function valueFrom(pod: Pod, container: Container, source: EnvSource, references: References): string | undefined {
  const namespace = pod.metadata.namespace ?? '';
  if (source.fieldRef) return fieldValue(pod, source.fieldRef.fieldPath);
  if (source.resourceFieldRef) {
    const [list, name] = source.resourceFieldRef.resource.split('.');
    const amounts = isObject(container.resources) ? container.resources[list as 'requests' | 'limits'] : undefined;
    return amounts?.[name ?? ''] ?? '0';
  }
  const [kind, reference, find] = source.configMapKeyRef
    ? (['configmap', source.configMapKeyRef, references.configMap] as const)
    : (['secret', source.secretKeyRef, references.secret] as const);
  if (!reference) return undefined;
  const object = find(namespace, reference.name);
  const value = object && entriesOf(object).get(reference.key);
  if (value) return value.toString();
  if (reference.optional) return undefined;
  if (!object) throw new ContainerConfigError(`${kind} "${reference.name}" not found`);
  throw new ContainerConfigError(
    `couldn't find key ${reference.key} in ${kind === 'secret' ? 'Secret' : 'ConfigMap'} ${namespace}/${reference.name}`,
  );
}

/** The environment of a container, on top of what the image and the cluster give. @throws ContainerConfigError */
export function buildEnvironment(
  pod: Pod,
  container: Container,
  base: Readonly<Record<string, string>>,
  references: References,
): Record<string, string> {
  const env: Record<string, string> = { ...base };
  const namespace = pod.metadata.namespace ?? '';
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    const reference = configMapRef ?? secretRef;
    if (!reference) continue;
    const object = configMapRef
      ? references.configMap(namespace, reference.name)
      : references.secret(namespace, reference.name);
    if (!object && !reference.optional)
      throw new ContainerConfigError(`${configMapRef ? 'configmap' : 'secret'} "${reference.name}" not found`);
    if (object) for (const [key, value] of entriesOf(object)) env[prefix + key] = value.toString();
  }
  for (const { name, value, valueFrom: source } of container.env ?? []) {
    const found = source
      ? valueFrom(pod, container, source, references)
      : resolveServiceNames(expand(value ?? '', env), references);
    if (found !== undefined) env[name] = found;
  }
  return env;
}

import { deepEqual, isObject } from '../model/json.ts';
import type { KubeObject, LabelSelector } from '../model/objects.ts';
import type { PodSpec, PodTemplate } from '../model/workloads.ts';
import type { FieldError } from './api-error.ts';
import { labelMatcher } from './selectors.ts';

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const subdomainSentence =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/** A field that must be there. */
export function required(field: string, why = ''): FieldError {
  return { reason: 'FieldValueRequired', field, message: why === '' ? 'Required value' : `Required value: ${why}` };
}

/** A field with a value that is not allowed. */
export function invalidValue(field: string, value: unknown, why: string): FieldError {
  return { reason: 'FieldValueInvalid', field, message: `Invalid value: ${JSON.stringify(value)}: ${why}` };
}

/** Checks what metadata of every kind must meet. */
export function validateMetadata(object: KubeObject): FieldError[] {
  const { name } = object.metadata;
  const errors: FieldError[] = [];
  if (name.length > 253) errors.push(invalidValue('metadata.name', name, 'must be no more than 253 characters'));
  // RBAC names may hold colons and slashes-free path segments.
  const pattern = object.apiVersion.startsWith('rbac.') ? /^[^/%]+$/ : subdomain;
  if (!pattern.test(name)) errors.push(invalidValue('metadata.name', name, subdomainSentence));
  for (const [key, value] of Object.entries(object.metadata.labels ?? {})) {
    if (typeof value === 'string' && value.length <= 63 && /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/.test(value))
      continue;
    errors.push(
      invalidValue(
        'metadata.labels',
        value,
        `a valid label must be at most 63 characters of [-A-Za-z0-9_.], for ${key}`,
      ),
    );
  }
  return errors;
}

function validatePodSpec(spec: PodSpec | undefined, field: string): FieldError[] {
  if (!isObject(spec)) return [required(field)];
  const { containers, initContainers } = spec as Partial<PodSpec>;
  const errors: FieldError[] = [];
  if (!Array.isArray(containers) || containers.length === 0) errors.push(required(`${field}.containers`));
  const names = new Set<string>();
  for (const [list, items] of [
    ['initContainers', initContainers ?? []],
    ['containers', containers ?? []],
  ] as const) {
    items.forEach((container, index) => {
      const at = `${field}.${list}[${index}]`;
      if (!container.name) errors.push(required(`${at}.name`));
      else if (names.has(container.name)) {
        errors.push({
          reason: 'FieldValueDuplicate',
          field: `${at}.name`,
          message: `Duplicate value: "${container.name}"`,
        });
      }
      names.add(container.name);
      if (!container.image) errors.push(required(`${at}.image`));
    });
  }
  return errors;
}

function validateWorkload(object: KubeObject, old: KubeObject | undefined): FieldError[] {
  const spec = object.spec as { replicas?: unknown; selector?: LabelSelector; template?: PodTemplate } | undefined;
  if (!spec) return [required('spec')];
  const errors: FieldError[] = [];
  const { replicas, selector, template } = spec;
  if (replicas !== undefined) errors.push(...validateReplicas(replicas));
  if (!selector) errors.push(required('spec.selector'));
  else if (!labelMatcher(selector)(template?.metadata?.labels)) {
    const labels = template?.metadata?.labels ?? {};
    errors.push(invalidValue('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'));
  }
  errors.push(...validatePodSpec(template?.spec, 'spec.template.spec'));
  const before = (old?.spec as { selector?: LabelSelector } | undefined)?.selector;
  if (old && !deepEqual(before, selector)) errors.push(invalidValue('spec.selector', selector, 'field is immutable'));
  return errors;
}

/** Checks a replica count. */
export function validateReplicas(replicas: unknown): FieldError[] {
  if (typeof replicas === 'number' && Number.isInteger(replicas) && replicas >= 0) return [];
  return [invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0')];
}

function validatePodUpdate(pod: KubeObject, old: KubeObject): FieldError[] {
  const mutable = new Set(['activeDeadlineSeconds', 'tolerations', 'terminationGracePeriodSeconds', 'nodeName']);
  const rest = (spec: unknown): unknown => {
    const entries = Object.entries(isObject(spec) ? spec : {}).filter(([key]) => !mutable.has(key));
    return entries.map(([key, value]) => {
      if (!/[cC]ontainers$/.test(key) || !Array.isArray(value)) return [key, value];
      return [key, value.map((container) => ({ ...(isObject(container) ? container : {}), image: '' }))];
    });
  };
  const sorted = (entries: unknown): unknown => Object.fromEntries(entries as [string, unknown][]);
  if (deepEqual(sorted(rest(pod.spec)), sorted(rest(old.spec)))) return [];
  const why =
    'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';
  return [{ reason: 'FieldValueForbidden', field: 'spec', message: `Forbidden: ${why}` }];
}

/** Checks an object of a built-in kind: what callers are likely to get wrong, in the real API server's words. */
export function validateBuiltIn(object: KubeObject, old: KubeObject | undefined): FieldError[] {
  switch (object.kind) {
    case 'Deployment':
    case 'ReplicaSet':
    case 'StatefulSet':
    case 'DaemonSet':
      return validateWorkload(object, old);
    case 'Pod':
      return [
        ...validatePodSpec(object.spec as PodSpec | undefined, 'spec'),
        ...(old ? validatePodUpdate(object, old) : []),
      ];
    case 'Service': {
      const { ports, clusterIP } = (object.spec ?? {}) as { ports?: { port?: number }[]; clusterIP?: string };
      if (!object.spec || (clusterIP !== 'None' && (ports ?? []).length === 0)) return [required('spec.ports')];
      return (ports ?? []).flatMap(({ port }, index) =>
        typeof port === 'number' && port > 0 && port < 65536
          ? []
          : [invalidValue(`spec.ports[${index}].port`, port ?? 0, 'must be between 1 and 65535, inclusive')],
      );
    }
    case 'Lease': {
      const { leaseDurationSeconds } = (object.spec ?? {}) as { leaseDurationSeconds?: number };
      if (leaseDurationSeconds === undefined || leaseDurationSeconds > 0) return [];
      return [invalidValue('spec.leaseDurationSeconds', leaseDurationSeconds, 'must be greater than 0')];
    }
    default:
      return [];
  }
}

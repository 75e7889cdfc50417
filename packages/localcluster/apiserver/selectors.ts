import { getPath } from '../model/json.ts';
import type { KubeObject, LabelSelector } from '../model/objects.ts';
import { badRequest } from './api-error.ts';

/** Says whether an object is selected. */
export type Matcher = (object: KubeObject) => boolean;

interface Requirement {
  key: string;
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  values: string[];
}

function meets(labels: Record<string, string>, { key, operator, values }: Requirement): boolean {
  const value = labels[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

function splitOutsideParentheses(text: string): string[] {
  return text.split(/,(?![^(]*\))/).map((part) => part.trim());
}

function parseRequirement(text: string): Requirement {
  const set = /^([^\s()=!]+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(text);
  if (set) {
    const values = (set[3] ?? '').split(',').map((value) => value.trim());
    return { key: set[1] ?? '', operator: set[2] === 'in' ? 'In' : 'NotIn', values };
  }
  const equality = /^([^\s()=!]+)\s*(==|=|!=)\s*([^\s()=!]*)$/.exec(text);
  if (equality) {
    return { key: equality[1] ?? '', operator: equality[2] === '!=' ? 'NotIn' : 'In', values: [equality[3] ?? ''] };
  }
  const existence = /^(!?)\s*([^\s()=!]+)$/.exec(text);
  if (existence) {
    return { key: existence[2] ?? '', operator: existence[1] === '!' ? 'DoesNotExist' : 'Exists', values: [] };
  }
  throw badRequest(`unable to parse requirement: found '${text}', expected: a label selector`);
}

/** Parses a label selector as it stands in a query, set-based ones too. @throws ApiError 400 */
export function parseLabelSelector(text: string | null | undefined): Matcher {
  if (text === undefined || text === null || text.trim() === '') return () => true;
  const requirements = splitOutsideParentheses(text).map(parseRequirement);
  return (object) => requirements.every((requirement) => meets(object.metadata.labels ?? {}, requirement));
}

const fieldsOfAll = ['metadata.name', 'metadata.namespace'];
const fieldsOfKind: Record<string, readonly string[]> = {
  Pod: [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'status.phase',
    'status.podIP',
  ],
  Event: [
    'involvedObject.kind',
    'involvedObject.namespace',
    'involvedObject.name',
    'involvedObject.uid',
    'involvedObject.apiVersion',
    'involvedObject.fieldPath',
    'involvedObject.resourceVersion',
    'reason',
    'reportingComponent',
    'source',
    'type',
  ],
  Secret: ['type'],
  Namespace: ['status.phase'],
  Node: ['spec.unschedulable'],
  ReplicaSet: ['status.replicas'],
};

/** Parses a field selector; only the fields that the kind offers are allowed. @throws ApiError 400 */
export function parseFieldSelector(text: string | null | undefined, kind: string): Matcher {
  if (text === undefined || text === null || text.trim() === '') return () => true;
  const known = [...fieldsOfAll, ...(fieldsOfKind[kind] ?? [])];
  const terms = text.split(',').map((part) => {
    const match = /^([^=!]+)(==|=|!=)(.*)$/.exec(part.trim());
    if (!match) throw badRequest(`invalid field selector: '${part}'; can't understand '${part}'`);
    const field = match[1] ?? '';
    if (!known.includes(field)) throw badRequest(`field label not supported: ${field}`);
    return { path: field.split('.'), value: match[3] ?? '', negated: match[2] === '!=' };
  });
  return (object) =>
    terms.every(({ path, value, negated }) => {
      const found = getPath(object, path);
      const shown =
        typeof found === 'string' || typeof found === 'number' || typeof found === 'boolean' ? String(found) : '';
      return (shown === value) !== negated;
    });
}

/** The matcher of a selector that stands in an object's spec. An empty one selects all, an absent one none. */
export function labelMatcher(
  selector: LabelSelector | undefined,
): (labels: Record<string, string> | undefined) => boolean {
  if (!selector) return () => false;
  const requirements: Requirement[] = [
    ...Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({
      key,
      operator: 'In' as const,
      values: [value],
    })),
    ...(selector.matchExpressions ?? []).map(({ key, operator, values }) => ({
      key,
      operator: operator as Requirement['operator'],
      values: values ?? [],
    })),
  ];
  return (labels) => requirements.every((requirement) => meets(labels ?? {}, requirement));
}

/** A selector of a spec in the text form that the scale subresource shows. */
export function formatSelector(selector: LabelSelector | undefined): string {
  const labels = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const expressions = (selector?.matchExpressions ?? []).map(({ key, operator, values }) => {
    if (operator === 'Exists') return key;
    if (operator === 'DoesNotExist') return `!${key}`;
    return `${key} ${operator.toLowerCase()} (${(values ?? []).join(',')})`;
  });
  return [...labels.sort(), ...expressions].join(',');
}

import type { KubeObject, LabelSelector } from '../model/objects.ts';
import type { ResourceType } from './resource-types.ts';
import { labelMatcher } from './selectors.ts';

/** Which requests a webhook or a policy is about. */
export interface Match {
  rules?: { operations: string[]; apiGroups: string[]; apiVersions: string[]; resources: string[]; scope?: string }[];
  namespaceSelector?: LabelSelector;
  objectSelector?: LabelSelector;
}

/** One webhook of a configuration. */
export interface Webhook extends Match {
  name: string;
  clientConfig: {
    url?: string;
    service?: { namespace: string; name: string; path?: string; port?: number };
    caBundle?: string;
  };
  failurePolicy?: 'Fail' | 'Ignore';
  timeoutSeconds?: number;
}

/** What a request is about, as far as webhooks and policies select by it. */
export interface RequestSubject {
  type: ResourceType;
  operation: 'CREATE' | 'UPDATE' | 'DELETE';
  subresource: string | undefined;
  namespace: KubeObject | undefined;
  labels: Record<string, string> | undefined;
}

function includes(list: readonly string[], value: string): boolean {
  return list.includes('*') || list.includes(value);
}

/** Whether a webhook or policy is about a request. */
export function matches(match: Match, { type, operation, subresource, namespace, labels }: RequestSubject): boolean {
  const resource = subresource === undefined ? type.plural : `${type.plural}/${subresource}`;
  const wanted = (match.rules ?? []).some(
    (rule) =>
      includes(rule.operations, operation) &&
      includes(rule.apiGroups, type.group) &&
      includes(rule.apiVersions, type.version) &&
      (rule.resources.includes(resource) ||
        rule.resources.includes('*/*') ||
        (subresource === undefined ? rule.resources.includes('*') : rule.resources.includes(`${type.plural}/*`))),
  );
  const { namespaceSelector = {}, objectSelector = {} } = match;
  const there = namespace === undefined || labelMatcher(namespaceSelector)(namespace.metadata.labels);
  return wanted && there && labelMatcher(objectSelector)(labels);
}

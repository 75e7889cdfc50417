import type { KubeObject, LabelSelector } from '../model/objects.ts';
import type { ResourceType } from './resource-types.ts';
import { labelMatcher } from './selectors.ts';

/** One webhook of a configuration. */
export interface Webhook {
  name: string;
  clientConfig: {
    url?: string;
    service?: { namespace: string; name: string; path?: string; port?: number };
    caBundle?: string;
  };
  rules?: { operations: string[]; apiGroups: string[]; apiVersions: string[]; resources: string[]; scope?: string }[];
  failurePolicy?: 'Fail' | 'Ignore';
  namespaceSelector?: LabelSelector;
  objectSelector?: LabelSelector;
  timeoutSeconds?: number;
}

/** What a request is about, as far as webhooks select by it. */
export interface WebhookSubject {
  type: ResourceType;
  operation: 'CREATE' | 'UPDATE';
  subresource: string | undefined;
  namespace: KubeObject | undefined;
  labels: Record<string, string> | undefined;
}

function includes(list: readonly string[], value: string): boolean {
  return list.includes('*') || list.includes(value);
}

/** Whether a webhook wants to see a request. */
export function webhookMatches(
  webhook: Webhook,
  { type, operation, subresource, namespace, labels }: WebhookSubject,
): boolean {
  const resource = subresource === undefined ? type.plural : `${type.plural}/${subresource}`;
  const wanted = (webhook.rules ?? []).some(
    (rule) =>
      includes(rule.operations, operation) &&
      includes(rule.apiGroups, type.group) &&
      includes(rule.apiVersions, type.version) &&
      (rule.resources.includes(resource) ||
        rule.resources.includes('*/*') ||
        (subresource === undefined ? rule.resources.includes('*') : rule.resources.includes(`${type.plural}/*`))),
  );
  const { namespaceSelector = {}, objectSelector = {} } = webhook;
  const there = namespace === undefined || labelMatcher(namespaceSelector)(namespace.metadata.labels);
  return wanted && there && labelMatcher(objectSelector)(labels);
}

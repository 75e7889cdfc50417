import { API_GROUP_VERSION } from '../model/api-group.ts';

/** A kind of objects by its place in the API. */
export interface ResourceType {
  readonly prefix: string;
  readonly plural: string;
}

/** The kinds that our programs use. */
export const RESOURCES = {
  autoscalers: { prefix: `/apis/${API_GROUP_VERSION}`, plural: 'autoscalers' },
  loadBalancerSettings: { prefix: `/apis/${API_GROUP_VERSION}`, plural: 'loadbalancersettings' },
  observabilitySystems: { prefix: `/apis/${API_GROUP_VERSION}`, plural: 'observabilitysystems' },
  secrets: { prefix: '/api/v1', plural: 'secrets' },
  deployments: { prefix: '/apis/apps/v1', plural: 'deployments' },
  replicaSets: { prefix: '/apis/apps/v1', plural: 'replicasets' },
  pods: { prefix: '/api/v1', plural: 'pods' },
  podMetrics: { prefix: '/apis/metrics.k8s.io/v1beta1', plural: 'pods' },
  events: { prefix: '/api/v1', plural: 'events' },
  leases: { prefix: '/apis/coordination.k8s.io/v1', plural: 'leases' },
  horizontalPodAutoscalers: { prefix: '/apis/autoscaling/v2', plural: 'horizontalpodautoscalers' },
} as const satisfies Record<string, ResourceType>;

/**
 * The path of a collection or an object.
 *
 * @param namespace - undefined: all namespaces
 * @param name - undefined: the collection
 */
export function pathOf(type: ResourceType, namespace?: string, name?: string, subresource?: string): string {
  const parts = [type.prefix];
  if (namespace !== undefined) parts.push('namespaces', encodeURIComponent(namespace));
  parts.push(type.plural);
  if (name !== undefined) parts.push(encodeURIComponent(name));
  if (subresource !== undefined) parts.push(subresource);
  return parts.join('/');
}

import { notFound } from '../apiserver/api-error.ts';
import { formatQuantity } from '../apiserver/quantity.ts';
import type { Registry } from '../apiserver/registry.ts';
import type { ResourceType } from '../apiserver/resource-types.ts';
import type { JsonObject } from '../model/json.ts';
import { timestamp, type KubeObject } from '../model/objects.ts';
import { MetricsScraper } from './metrics-scraper.ts';
import type { PodUsage, RunningPod } from './usage.ts';

const GROUP = 'metrics.k8s.io';
const VERSION = 'v1beta1';

/**
 * Serves the resource metrics API for pods, and lets who may view a namespace read it, as the manifests of metrics-server do.
 * Returns what measures, to be stopped with the cluster.
 * @see https://kubernetes.io/docs/tasks/debug/debug-cluster/resource-metrics-pipeline/
 */
export function providePodMetrics(registry: Registry, pods: () => RunningPod[], resolutionMs: number): MetricsScraper {
  const scraper = new MetricsScraper(registry.store, pods, resolutionMs);
  registry.types.add(podMetricsType(registry, scraper));
  const labels = Object.fromEntries(
    ['admin', 'edit', 'view'].map((role) => [`rbac.authorization.k8s.io/aggregate-to-${role}`, 'true']),
  );
  const role = {
    metadata: { name: 'system:aggregated-metrics-reader', labels },
    rules: [{ apiGroups: [GROUP], resources: ['pods', 'nodes'], verbs: ['get', 'list', 'watch'] }],
  };
  registry.create(registry.types.named('ClusterRole'), undefined, role, { manager: 'kube-apiserver' });
  return scraper;
}

function podMetricsType(registry: Registry, scraper: MetricsScraper): ResourceType {
  const { store } = registry;
  return {
    group: GROUP,
    version: VERSION,
    kind: 'PodMetrics',
    plural: 'pods',
    singular: '',
    shortNames: [],
    categories: [],
    namespaced: true,
    collection: `pods.${GROUP}`,
    status: false,
    scale: undefined,
    builtIn: true,
    generation: false,
    columns: [],
    prepare: () => undefined,
    validate: () => [],
    computed: {
      list: (namespace, matches) =>
        store
          .list('pods', namespace)
          .filter(matches)
          .flatMap((pod) => {
            const usage = scraper.usageOf(pod.metadata.uid);
            return usage === undefined ? [] : [podMetrics(pod, usage, Date.now())];
          }),
      get: (namespace, name) => {
        const pod = registry.get(registry.types.named('Pod'), namespace, name);
        const usage = scraper.usageOf(pod.metadata.uid);
        // metrics-server names the resource and the object in this way.
        if (usage === undefined)
          throw notFound({ group: GROUP, plural: 'podmetrics', kind: 'PodMetrics' }, `${namespace}/${name}`);
        return podMetrics(pod, usage, Date.now());
      },
    },
  };
}

function podMetrics({ metadata }: KubeObject, usage: PodUsage, wallMs: number): JsonObject {
  const { name, namespace = '', labels } = metadata;
  return {
    kind: 'PodMetrics',
    apiVersion: `${GROUP}/${VERSION}`,
    metadata: { name, namespace, creationTimestamp: timestamp(wallMs), ...(labels === undefined ? {} : { labels }) },
    timestamp: timestamp(usage.wallMs),
    window: formatDuration(Math.round(usage.windowMs)),
    containers: usage.containers.map((container) => ({
      name: container.name,
      usage: {
        cpu: formatQuantity(container.nanocores, 'nano'),
        memory: formatQuantity(container.memoryBytes, 'bytes'),
      },
    })),
  };
}

/** A duration as Go writes it: `250ms`, `15.012s`, `1m0.5s`. */
function formatDuration(ms: number): string {
  if (ms < 1000) return ms === 0 ? '0s' : `${ms}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / 60_000) % 60;
  const parts = [hours > 0 ? `${hours}h` : '', ms >= 60_000 ? `${minutes}m` : '', `${(ms % 60_000) / 1000}s`];
  return parts.join('');
}

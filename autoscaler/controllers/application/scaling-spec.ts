import type { Autoscaler, AutoscalerSpec, ScalingRuleSpec } from '../../../shared/api/autoscaler.ts';
import type { LoadBalancerSettingsSpec } from '../../../shared/api/load-balancer-settings.ts';
import { parsePercent, parseThreshold } from '../../../shared/api/metric-schema.ts';
import { METRICS, type Metric } from '../../../shared/model/metrics/registry.ts';
import type { ScalingRule, Target } from '../../domain/engine/scaling-rule.ts';
import type { ScalingSpec } from '../../domain/engine/scaling-engine.ts';

/** The engine's view of each resource, rebuilt only when the resource or the settings change. */
export class ScalingSpecs {
  #settings: LoadBalancerSettingsSpec | undefined;
  #known = new WeakMap<Autoscaler, ScalingSpec>();

  /** The engine's view of a resource. */
  of(resource: Autoscaler, settings: LoadBalancerSettingsSpec): ScalingSpec {
    if (settings !== this.#settings) {
      this.#settings = settings;
      this.#known = new WeakMap();
    }
    let spec = this.#known.get(resource);
    if (spec === undefined) {
      spec = scalingSpecOf(resource.spec, settings);
      this.#known.set(resource, spec);
    }
    return spec;
  }
}

/** The engine's view of a resource: quantities read, inherited settings filled in. */
export function scalingSpecOf(spec: AutoscalerSpec, settings: LoadBalancerSettingsSpec): ScalingSpec {
  return {
    minReplicas: spec.minReplicas,
    maxReplicas: spec.maxReplicas,
    rules: (spec.scaling?.rules ?? []).map(scalingRuleOf),
    behavior: spec.scaling?.behavior ?? {},
    maxConcurrencyPerReplica: spec.loadBalancing?.maxConcurrencyPerReplica ?? settings.maxConcurrencyPerReplica,
  };
}

function scalingRuleOf(rule: ScalingRuleSpec): ScalingRule {
  const base = {
    name: rule.name,
    ...optional('onMissing', rule.onMissing),
    ...optional('tolerance', rule.tolerance),
    ...optional('windowMs', rule.windowSeconds === undefined ? undefined : rule.windowSeconds * 1000),
  };
  for (const metric of METRICS) {
    const given = rule[metric.name];
    if (given === undefined) continue;
    const ofMetric = { ...base, ...('percentile' in given ? { percentile: given.percentile } : {}) };
    if (given.target !== undefined) return { ...ofMetric, metric: metric.name, target: targetOf(metric, given.target) };
    if (metric.vote === 'target' || !('scaleUpAt' in given)) continue;
    const { scaleUpAt, scaleDownAt } = given;
    if (scaleUpAt === undefined || scaleDownAt === undefined) continue;
    const threshold = {
      scaleUpAt: parseThreshold(metric.notation, scaleUpAt),
      scaleDownAt: parseThreshold(metric.notation, scaleDownAt),
    };
    return { ...ofMetric, metric: metric.name, threshold };
  }
  throw new RangeError(`Rule ${rule.name} has no metric; the schema should have refused it.`);
}

function targetOf(metric: Metric, text: string | number): Target {
  const percent = parsePercent(text);
  if (percent !== undefined) return { kind: 'utilization', percent };
  return { kind: 'amount', amount: metric.vote === 'target' ? Number(text) : parseThreshold(metric.notation, text) };
}

function optional<K extends string, V>(key: K, value: V | undefined): Record<K, V> | Record<string, never> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}

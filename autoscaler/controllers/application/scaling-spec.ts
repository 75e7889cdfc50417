import type { Autoscaler, AutoscalerSpec, ScalingRuleSpec } from '../../../shared/api/autoscaler.ts';
import type { LoadBalancerSettingsSpec } from '../../../shared/api/load-balancer-settings.ts';
import { parseThreshold } from '../../../shared/api/metric-schema.ts';
import { METRICS } from '../../../shared/model/metrics/registry.ts';
import type { ScalingRule } from '../../domain/engine/scaling-rule.ts';
import type { ScalingSpec } from '../../domain/engine/scaling-engine.ts';

/** The engine's view of each resource, made anew only when the resource or the settings change. */
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
  const { name } = rule;
  for (const metric of METRICS) {
    const given = rule[metric.name];
    if (given === undefined) continue;
    if (metric.vote === 'target' && 'target' in given) return { name, metric: metric.name, target: given.target };
    if (metric.vote === 'target' || !('scaleUpAt' in given)) continue;
    const threshold = {
      scaleUpAt: parseThreshold(metric.notation, given.scaleUpAt),
      scaleDownAt: parseThreshold(metric.notation, given.scaleDownAt),
    };
    return { name, metric: metric.name, threshold, ...('percentile' in given ? { percentile: given.percentile } : {}) };
  }
  throw new RangeError(`Rule ${name} has no metric; the schema should have refused it.`);
}

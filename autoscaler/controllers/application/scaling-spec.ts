import type { Autoscaler, AutoscalerSpec, ScalingRuleSpec } from '../../../shared/api/autoscaler.ts';
import type { LoadBalancerSettingsSpec } from '../../../shared/api/load-balancer-settings.ts';
import { parseBytes, parseDurationMs, parseMillicores } from '../../../shared/api/quantity.ts';
import type { ScalingRule } from '../../domain/engine/scaling-rule.ts';
import type { ScalingSpec } from '../../domain/engine/scaling-engine.ts';

const DEFAULT_WINDOW_SECONDS = 15;

/** What averages are over, in ms. */
export function windowMsOf(resource: Autoscaler | undefined): number {
  return (resource?.spec.scaling?.windowSeconds ?? DEFAULT_WINDOW_SECONDS) * 1000;
}

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
  const { name, cpu, memory, responseTime, concurrency, queue } = rule;
  if (cpu !== undefined) return { name, metric: 'cpu', threshold: thresholdOf(cpu, parseMillicores) };
  if (memory !== undefined) return { name, metric: 'memory', threshold: thresholdOf(memory, parseBytes) };
  if (responseTime !== undefined) {
    const { percentile } = responseTime;
    return { name, metric: 'responseTime', percentile, threshold: thresholdOf(responseTime, parseDurationMs) };
  }
  if (queue !== undefined) return { name, metric: 'queue', threshold: queue };
  if (concurrency !== undefined) return { name, metric: 'concurrency', target: concurrency.target };
  throw new RangeError(`Rule ${name} has no metric; the schema should have refused it.`);
}

function thresholdOf<T>(
  given: { scaleUpAt: T; scaleDownAt: T },
  read: (value: T) => number,
): { scaleUpAt: number; scaleDownAt: number } {
  return { scaleUpAt: read(given.scaleUpAt), scaleDownAt: read(given.scaleDownAt) };
}

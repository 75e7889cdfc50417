import type { Autoscaler, AutoscalerSpec } from '../../../shared/api/autoscaler.ts';
import type { ScalingRuleSpec, SignalConfig } from '../../../shared/api/scaling-schema.ts';
import type { LoadBalancerSettingsSpec } from '../../../shared/api/load-balancer-settings.ts';
import { parsePercent, parseThreshold } from '../../../shared/api/metric-schema.ts';
import { checkSpec } from '../../checks/spec-check.ts';
import { METRICS, type Metric } from '../../../shared/model/metrics/registry.ts';
import type { Automaton } from '../../domain/automaton/automaton.ts';
import type { ScalingRule, Target } from '../../domain/engine/scaling-rule.ts';
import type { ScalingSpec } from '../../domain/engine/scaling-engine.ts';
import { automatonOf } from './automaton-status.ts';
import type { ScheduleRule } from '../../domain/schedules/schedule-floor.ts';

/** What the engine decides by, and the schedules that bound it. */
export interface ApplicationRules extends ScalingSpec {
  readonly schedules: readonly ScheduleRule[];
  /** Undefined: the resource has none, or something is wrong with it. */
  readonly automaton: Automaton | undefined;
  /** What is wrong with it, a sentence each; it is not acted on then. */
  readonly faults: readonly string[];
}

/** The engine's view of each resource, rebuilt only when the resource or the settings change. */
export class ScalingSpecs {
  #settings: LoadBalancerSettingsSpec | undefined;
  #known = new WeakMap<Autoscaler, ApplicationRules>();

  /** The engine's view of a resource. */
  of(resource: Autoscaler, settings: LoadBalancerSettingsSpec): ApplicationRules {
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
export function scalingSpecOf(spec: AutoscalerSpec, settings: LoadBalancerSettingsSpec): ApplicationRules {
  const faults = checkSpec(spec).map(({ path, message }) => `${path}: ${message}`);
  return {
    minReplicas: spec.minReplicas,
    maxReplicas: spec.maxReplicas,
    rules: (spec.scaling?.rules ?? []).flatMap((rule) => scalingRuleOf(rule, spec.scaling?.signals ?? [])),
    schedules: faults.length > 0 ? [] : (spec.scaling?.rules ?? []).flatMap(scheduleOf),
    automaton: faults.length > 0 || spec.automaton === undefined ? undefined : automatonOf(spec.automaton),
    faults,
    behavior: spec.scaling?.behavior ?? {},
    maxConcurrencyPerReplica: spec.loadBalancing?.maxConcurrencyPerReplica ?? settings.maxConcurrencyPerReplica,
  };
}

/** The rule as the engine has it; none where it is a schedule, which sets a bound and has no vote. */
function scalingRuleOf(rule: ScalingRuleSpec, signals: readonly SignalConfig[]): ScalingRule[] {
  const base = {
    name: rule.name,
    ...optional('onMissing', rule.onMissing),
    ...optional('tolerance', rule.tolerance),
    ...optional('windowMs', rule.windowSeconds === undefined ? undefined : rule.windowSeconds * 1000),
  };
  const { signal, expression, schedule } = rule;
  if (schedule !== undefined) return [];
  if (expression !== undefined) return [{ ...base, expression: expression.replicas }];
  if (signal !== undefined) return [signalRuleOf(base, signal, signals)];
  for (const metric of METRICS) {
    const given = rule[metric.name];
    if (given === undefined) continue;
    const ofMetric = { ...base, ...('percentile' in given ? { percentile: given.percentile } : {}) };
    if (given.target !== undefined)
      return [{ ...ofMetric, metric: metric.name, target: targetOf(metric, given.target) }];
    if (metric.vote === 'target' || !('scaleUpAt' in given)) continue;
    const { scaleUpAt, scaleDownAt } = given;
    if (scaleUpAt === undefined || scaleDownAt === undefined) continue;
    const threshold = {
      scaleUpAt: parseThreshold(metric.notation, scaleUpAt),
      scaleDownAt: parseThreshold(metric.notation, scaleDownAt),
    };
    return [{ ...ofMetric, metric: metric.name, threshold }];
  }
  throw new RangeError(`Rule ${rule.name} has no metric; the schema should have refused it.`);
}

function signalRuleOf(
  base: Pick<ScalingRule, 'name'>,
  { name, scaleUpAt, scaleDownAt, target, divides }: NonNullable<ScalingRuleSpec['signal']>,
  signals: readonly SignalConfig[],
): ScalingRule {
  const unit = signals.find((signal) => signal.name === name)?.unit ?? '';
  const ofSignal = { ...base, signal: name, unit, divides };
  if (target !== undefined) return { ...ofSignal, target: { kind: 'amount', amount: target } };
  if (scaleUpAt !== undefined && scaleDownAt !== undefined)
    return { ...ofSignal, threshold: { scaleUpAt, scaleDownAt } };
  throw new RangeError(`Rule ${base.name} has no threshold; the schema should have refused it.`);
}

function scheduleOf({ name, schedule }: ScalingRuleSpec): ScheduleRule[] {
  if (schedule === undefined) return [];
  const { from, to, timeZone, minReplicas, ahead } = schedule;
  return [{ name, from, to, timeZone, minReplicas, isAhead: ahead === 'Learned' }];
}

function targetOf(metric: Metric, text: string | number): Target {
  const percent = parsePercent(text);
  if (percent !== undefined) return { kind: 'utilization', percent };
  return { kind: 'amount', amount: metric.vote === 'target' ? Number(text) : parseThreshold(metric.notation, text) };
}

function optional<K extends string, V>(key: K, value: V | undefined): Record<K, V> | Record<string, never> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}

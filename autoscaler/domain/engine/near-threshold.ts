import { metricOf } from '../../../shared/model/metrics/registry.ts';
import { podReadingOf, type Signals } from '../signals/signals.ts';
import type { ScalingSpec } from './scaling-engine.ts';

/** How near a threshold, as a ratio of it, a value must be to count as able to cross it with the next report. */
const NEAR_RATIO = 0.2;

/**
 * Whether a report of a sidecar may change what is decided: a value is near a threshold that matters, or above one with
 * room to scale up, or not known yet. Where it is not, sidecars may report more rarely.
 *
 * @param cpuBelow - `sleep.cpuBelow` in millicores
 */
export function isNearThreshold(
  spec: ScalingSpec,
  signals: Signals,
  replicas: number,
  cpuBelow: number | undefined,
): boolean {
  const mayGrow = replicas < spec.maxReplicas;
  const mayShrink = replicas > Math.max(1, spec.minReplicas);
  for (const rule of spec.rules) {
    // What comes from outside is asked for at its own pace.
    if ('signal' in rule || 'expression' in rule) continue;
    const metric = metricOf(rule.metric);
    if (metric.scope !== 'pod') continue;
    if ('target' in rule) {
      // A target is what the value is kept at, so it is near by design.
      if (mayGrow || mayShrink) return true;
      continue;
    }
    const reading = podReadingOf(signals, metric);
    if (reading.kind === 'noData') {
      if (reading.pending) return true;
      continue;
    }
    const { scaleUpAt, scaleDownAt } = rule.threshold;
    if (mayGrow && reading.value > scaleUpAt * (1 - NEAR_RATIO)) return true;
    if (mayShrink && isNear(reading.value, scaleDownAt)) return true;
  }
  const cpu = signals.cpuMillicores;
  return cpuBelow !== undefined && cpu.kind === 'value' && isNear(cpu.value, cpuBelow);
}

function isNear(value: number, threshold: number): boolean {
  return Math.abs(value - threshold) <= threshold * NEAR_RATIO;
}

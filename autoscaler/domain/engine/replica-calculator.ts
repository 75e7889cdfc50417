/**
 * How many replicas a metric with a target asks for: the arithmetic of the HPA's replica calculator, with its order of
 * steps and its whole numbers, so that both give the same answer.
 *
 * Amounts are whole numbers of a small unit (millicores, bytes, thousandths).
 *
 * @see https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#algorithm-details
 */

import type { PodTotals } from '../signals/pod-totals.ts';

/** How far the ratio of a value to its target may be from 1 before anything changes, in each direction. */
export interface Tolerance {
  readonly up: number;
  readonly down: number;
}

/** The HPA's own. */
export const DEFAULT_TOLERANCE: Tolerance = { up: 0.1, down: 0.1 };

/** What a metric asks for. */
export interface Wish {
  readonly replicas: number;
  /** The value per pod, before missing and unready pods are weighed in. */
  readonly average: number;
  /** In percent of the request. */
  readonly utilization?: number;
}

/** Why a metric asks for nothing. */
export type WishFault = 'noValueOfKnownPod' | 'missingRequest';

/** For a target in percent of what pods request. */
export function replicasForUtilization(
  totals: PodTotals,
  targetPercent: number,
  current: number,
  tolerance: Tolerance,
): Wish | WishFault {
  const { ready, unready, missing } = totals;
  if (ready.count === 0) return 'noValueOfKnownPod';
  if (ready.request === undefined || unready.request === undefined || missing.request === undefined) {
    return 'missingRequest';
  }
  if (ready.request === 0) return 'missingRequest';
  const percentOf = (value: number, request: number): number => Math.floor((value * 100) / request);
  const utilization = percentOf(ready.value, ready.request);
  const average = Math.floor(ready.value / ready.count);
  const replicas = weigh(totals, utilization / targetPercent, current, tolerance, (direction) => {
    const [ofMissing, ofUnready] = [missing.request ?? 0, unready.request ?? 0];
    // A pod without a value counts its whole request, or the target where that is more.
    const assumed = direction === 'down' ? Math.floor((ofMissing * Math.max(100, targetPercent)) / 100) : 0;
    const request = (ready.request ?? 0) + ofMissing + (direction === 'up' ? ofUnready : 0);
    return percentOf(ready.value + assumed, request) / targetPercent;
  });
  return { replicas, average, utilization };
}

/** For a target of the average over pods. */
export function replicasForPodAverage(
  totals: PodTotals,
  target: number,
  current: number,
  tolerance: Tolerance,
): Wish | WishFault {
  const { ready, unready, missing } = totals;
  if (ready.count === 0) return 'noValueOfKnownPod';
  const average = Math.floor(ready.value / ready.count);
  const replicas = weigh(totals, average / target, current, tolerance, (direction) => {
    const assumed = direction === 'down' ? target * missing.count : 0;
    const count = ready.count + missing.count + (direction === 'up' ? unready.count : 0);
    return Math.floor((ready.value + assumed) / count) / target;
  });
  return { replicas, average };
}

/** For a target of a value of the whole application, which does not divide by the replicas. */
export function replicasForValue(
  value: number,
  target: number,
  current: number,
  readyPods: number,
  tolerance: Tolerance,
): Wish {
  const ratio = value / target;
  if (current === 0) return { replicas: Math.ceil(ratio), average: value };
  const replicas = isWithin(ratio, tolerance) ? current : Math.ceil(ratio * readyPods);
  return { replicas, average: value };
}

/** For a target per replica of a value of the whole application. */
export function replicasForTotal(total: number, target: number, current: number, tolerance: Tolerance): Wish {
  const average = current === 0 ? 0 : Math.ceil(total / current);
  const replicas = isWithin(total / (target * current), tolerance) ? current : Math.ceil(total / target);
  return { replicas, average };
}

/** Whether a ratio is so near 1 that nothing changes. */
export function isWithin(ratio: number, { up, down }: Tolerance): boolean {
  return 1 - down <= ratio && ratio <= 1 + up;
}

/** A number that pods without a value, and those that start, may damp but never turn around. */
function weigh(
  { ready, unready, missing }: PodTotals,
  ratio: number,
  current: number,
  tolerance: Tolerance,
  weighed: (direction: 'up' | 'down') => number,
): number {
  const upWithUnready = unready.count > 0 && ratio > 1;
  if (!upWithUnready && missing.count === 0) {
    return isWithin(ratio, tolerance) ? current : Math.ceil(ratio * ready.count);
  }
  if (ratio === 1) return current;
  const next = weighed(ratio > 1 ? 'up' : 'down');
  if (isWithin(next, tolerance) || (ratio < 1 && next > 1) || (ratio > 1 && next < 1)) return current;
  const counted = ready.count + missing.count + (upWithUnready ? unready.count : 0);
  const wanted = Math.ceil(next * counted);
  return (next < 1 && wanted > current) || (next > 1 && wanted < current) ? current : wanted;
}

import type { Unit } from '../../../shared/model/metrics/metric.ts';

/** A threshold pair, per replica. */
export interface Threshold {
  readonly scaleUpAt: number;
  readonly scaleDownAt: number;
}

interface Named {
  readonly name: string;
  readonly unit: Unit;
}

/** Both thresholds, such as `up at 800m, down at 300m`. */
export function thresholdText({ scaleUpAt, scaleDownAt }: Threshold, symbol: string): string {
  return `up at ${format(scaleUpAt)}${symbol}, down at ${format(scaleDownAt)}${symbol}`;
}

/** Why more are wanted. */
export function aboveText({ name, unit: { symbol } }: Named, value: number, limit: number): string {
  return `${name} ${format(value)}${symbol} is above ${format(limit)}${symbol}`;
}

/** Why fewer are wanted. */
export function belowText({ name, unit: { symbol } }: Named, value: number, limit: number): string {
  return `${name} ${format(value)}${symbol} is below ${format(limit)}${symbol}`;
}

/** Why the number is right. */
export function betweenText({ name, unit: { symbol } }: Named, value: number): string {
  return `${name} ${format(value)}${symbol} is between its thresholds`;
}

/** Why a low value removes nothing. */
export function keptByMissingText({ name, unit: { symbol } }: Named, value: number, missingCount: number): string {
  const pods = missingCount === 1 ? '1 pod' : `${missingCount} pods`;
  return `${name} ${format(value)}${symbol} is low, but ${pods} without data may be busy`;
}

/** A number with at most one digit behind the point. */
export function format(value: number): string {
  return String(Math.round(value * 10) / 10);
}

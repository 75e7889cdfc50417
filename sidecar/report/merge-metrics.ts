import type { PodMetrics } from '../../shared/model/measurements.ts';

/** Measured as a rate over the time since the measurement before, so the mean over several is the rate over all of them. */
const RATES = [
  'cpuUsage',
  'diskReadRate',
  'diskWriteRate',
  'networkReceiveRate',
  'networkTransmitRate',
  'gpuUsage',
] as const;

/** Several measurements as one: of rates the mean, of everything else the newest that was measured. */
export function mergeMetrics(measured: readonly PodMetrics[]): PodMetrics {
  const merged: { -readonly [K in keyof PodMetrics]: PodMetrics[K] } = Object.assign({}, ...measured) as PodMetrics;
  for (const rate of RATES) {
    const values = measured.map((each) => each[rate]).filter((each) => each !== undefined);
    if (values.length > 0) merged[rate] = values.reduce((sum, each) => sum + each, 0) / values.length;
  }
  return merged;
}

/** Less than this is noise, whatever the ratio. */
const CPU_NOISE_MILLICORES = 100;
const MEMORY_NOISE_MIB = 64;
const CHANGE_RATIO = 0.5;

/** Whether a measurement is so far from what was reported last that the controller should hear of it now. */
export function hasChanged(reported: PodMetrics | undefined, now: PodMetrics): boolean {
  if (reported === undefined || reported.live !== now.live) return true;
  return (
    isFar(reported.cpuUsage, now.cpuUsage, CPU_NOISE_MILLICORES) ||
    isFar(reported.memoryUsage, now.memoryUsage, MEMORY_NOISE_MIB)
  );
}

function isFar(before: number | undefined, now: number | undefined, noise: number): boolean {
  if (before === undefined || now === undefined) return before !== now;
  return Math.abs(now - before) > Math.max(noise, CHANGE_RATIO * before);
}

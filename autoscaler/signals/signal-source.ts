import type { Autoscaler } from '../../shared/api/autoscaler.ts';
import type { SignalConfig } from '../../shared/api/scaling-schema.ts';
import type { PodMetric } from '../../shared/model/metrics/metric.ts';
import { podMetricsFor } from '../../shared/model/metrics/registry.ts';
import type { PodRef } from '../domain/signals/pod-readings.ts';

const DEFAULT_WINDOW_SECONDS = 15;
const NO_SIGNALS: readonly SignalConfig[] = [];

/** What a resource is measured by. */
export interface Measurements {
  /** What averages are over, in ms. */
  readonly windowMs: number;
  /** Windows of rules that have one of their own, in ms; at most as many as there are rules. */
  readonly otherWindowsMs: readonly number[];
  readonly metrics: readonly PodMetric[];
  /** Values from outside; the same list for as long as the resource is the same. */
  readonly signals: readonly SignalConfig[];
}

/** What an application asks of the sources now. */
export interface Demand extends Measurements {
  /** Pods that exist, ready or not. */
  readonly podCount: number;
  /** Those that do not end, ready or not. */
  readonly pods: readonly PodRef[];
  /** Whether a reading may change what is decided. */
  readonly isNear: boolean;
}

/**
 * Brings readings from one kind of place: to the domain, as soon as they are known. What it is to bring follows from what
 * applications ask for. One file for each kind; the composition root lists them.
 */
export interface SignalSource {
  /**
   * Notes what the application `namespace/name` asks for, in place of what it asked for before. Called at each of its
   * reconciliations, so once a second while this controller leads; costs O(pods) at most.
   */
  demand(application: string, demand: Demand): void;
  /** Forgets an application that is gone, or that another controller looks after now. */
  forget(application: string): void;
}

/** What a resource is measured by; without one, what every application is. */
export function measurementsOf(resource: Autoscaler | undefined): Measurements {
  if (resource === undefined) return UNKNOWN;
  let measurements = known.get(resource);
  if (measurements === undefined) known.set(resource, (measurements = readMeasurements(resource)));
  return measurements;
}

/** Asked for with each report, and the same for as long as the resource is. */
const known = new WeakMap<Autoscaler, Measurements>();
const UNKNOWN = readMeasurements(undefined);

function readMeasurements(resource: Autoscaler | undefined): Measurements {
  const scaling = resource?.spec.scaling;
  const windowSeconds = scaling?.windowSeconds ?? DEFAULT_WINDOW_SECONDS;
  const own = new Set((scaling?.rules ?? []).map((rule) => rule.windowSeconds ?? windowSeconds));
  own.delete(windowSeconds);
  return {
    windowMs: windowSeconds * 1000,
    otherWindowsMs: [...own].map((seconds) => seconds * 1000),
    metrics: podMetricsFor(scaling?.rules ?? []),
    signals: scaling?.signals ?? NO_SIGNALS,
  };
}

/** All sources as one. */
export function allOf(sources: readonly SignalSource[]): SignalSource {
  return {
    demand: (application, demand) => {
      for (const source of sources) source.demand(application, demand);
    },
    forget: (application) => {
      for (const source of sources) source.forget(application);
    },
  };
}

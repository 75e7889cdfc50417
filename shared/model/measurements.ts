/** What a sidecar measured of its pod's application at one moment. Absent means "not measured", never zero. */
export interface PodMetrics {
  /** CPU, millicores. */
  readonly cpuUsage?: number | undefined;
  /** Resident memory that is not shared, MiB. */
  readonly memoryUsage?: number | undefined;
  /** Latency of the liveness probe, ms. */
  readonly responseTime?: number | undefined;
  /** Whether the liveness probe passed. */
  readonly live?: boolean | undefined;
  /** Used space of the file system, MiB. */
  readonly diskUsage?: number | undefined;
  /** Bytes per second read. */
  readonly diskReadRate?: number | undefined;
  /** Bytes per second written. */
  readonly diskWriteRate?: number | undefined;
  /** Bytes per second received by the pod. */
  readonly networkReceiveRate?: number | undefined;
  /** Bytes per second sent by the pod. */
  readonly networkTransmitRate?: number | undefined;
  /** GPU utilisation, percent. */
  readonly gpuUsage?: number | undefined;
  /** GPU memory, MiB. */
  readonly gpuMemoryUsage?: number | undefined;
  /** Established connections to the application from elsewhere, by remote address. */
  readonly connections?: Readonly<Record<string, number>> | undefined;
}

/** What a balancer counted of one application. Counters begin at 0 with the balancer's process. */
export interface ApplicationTraffic {
  readonly inFlight: number;
  readonly queued: number;
  readonly completions: number;
  /** Time since the last request came or was answered, ms. */
  readonly idleMs: number;
  /** Answers since the last report: [upper bound in ms, count]. */
  readonly responseTimes: readonly (readonly [number, number])[];
  /** Requests in flight by pod UID. */
  readonly podsInFlight: Readonly<Record<string, number>>;
  /** The sleep for which this balancer holds. */
  readonly drainId?: string | undefined;
  /** With drainId: nothing in flight, nothing held. */
  readonly drained: boolean;
}

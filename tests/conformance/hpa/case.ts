/** The format of a set of conformance cases; `README.md` beside this file describes it. */

export interface CasePod {
  readonly name?: string;
  /** Status of the condition Ready; null: it has none. */
  readonly ready: boolean | null;
  readonly phase: string;
  readonly deleting?: boolean;
  readonly requestMillicores?: number | null;
  readonly value?: number | null;
  /** Null: not set; absent: long ago. */
  readonly startedSecondsAgo?: number | null;
  /** Null: not set; absent: unchanged since the start. */
  readonly readySecondsAgo?: number | null;
  readonly sampleSecondsAgo?: number;
  readonly sampleWindowSeconds?: number;
}

export interface CaseMetric {
  readonly type: 'resource' | 'pods' | 'object' | 'external' | (string & {});
  readonly resource?: string;
  readonly target?: { readonly averageUtilization?: number; readonly averageValue?: number; readonly value?: number };
  readonly value?: number;
  readonly values?: readonly number[];
  readonly podValues?: readonly (number | null)[];
  readonly failed?: boolean;
}

interface CaseDirection {
  readonly stabilizationWindowSeconds?: number | null;
  readonly selectPolicy?: 'Max' | 'Min' | 'Disabled';
  readonly policies?: readonly { type: 'Pods' | 'Percent'; value: number; periodSeconds: number }[];
  readonly tolerance?: number;
}

export interface CaseGiven {
  readonly stage?: 'stabilization' | 'rate' | 'decision' | 'whole' | 'limit' | 'defaults';
  readonly currentReplicas?: number | null;
  readonly specMin?: number | null;
  readonly specMax?: number | null;
  readonly tolerance?: { readonly up: number; readonly down: number };
  readonly pods?: readonly CasePod[];
  readonly metric?: CaseMetric;
  readonly metrics?: readonly CaseMetric[];
  readonly desired?: number;
  readonly direction?: 'up' | 'down';
  readonly behavior?: { readonly scaleUp?: CaseDirection; readonly scaleDown?: CaseDirection } | null;
  readonly recommendations?: readonly { replicas: number; secondsAgo: number }[];
  readonly scaleUpEvents?: readonly { change: number; secondsAgo: number }[];
  readonly scaleDownEvents?: readonly { change: number; secondsAgo: number }[];
}

export interface ConformanceCase {
  readonly id: string;
  readonly source: string;
  readonly kind: 'replicas' | 'multi' | 'behavior' | 'grouping';
  readonly given: CaseGiven;
  readonly expect: {
    readonly replicas?: number;
    readonly utilization?: number;
    readonly average?: number;
    readonly error?: string;
    readonly limitedBy?: string | null;
    readonly reason?: string;
    readonly groups?: Readonly<Record<string, readonly string[]>>;
    readonly rules?: CaseDirection;
  };
  readonly note?: string;
}

export interface ConformanceSet {
  readonly constants: {
    readonly cpuInitializationPeriodSeconds: number;
    readonly initialReadinessDelaySeconds: number;
    readonly downscaleStabilizationSeconds: number;
  };
  readonly cases: readonly ConformanceCase[];
}

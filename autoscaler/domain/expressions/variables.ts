/** What an expression can ask of an application. Every variable is a double; one that is not known makes it unknown. */
export const VARIABLES = {
  cpuMillicores: 'CPU of the application, in millicores, per ready replica.',
  memoryBytes: 'Resident memory of the application, in bytes, per ready replica.',
  inFlight: 'Requests that pods answer now, of the whole application.',
  queued: 'Requests that wait in the balancers now, of the whole application.',
  concurrency: 'Requests in flight and queued, averaged over the window.',
  p50Ms: 'Median response time in the window, in milliseconds.',
  p95Ms: '95th percentile of the response times in the window, in milliseconds.',
  p99Ms: '99th percentile of the response times in the window, in milliseconds.',
  idleSeconds: 'Time since the last request came or was answered, in seconds.',
  replicas: 'spec.replicas of the Deployment.',
  readyReplicas: 'Replicas that are ready.',
} as const satisfies Readonly<Record<string, string>>;

/** The name of a variable. */
export type VariableName = keyof typeof VARIABLES;

/** What is known now; a variable or a signal that is absent is not known. */
export interface ExpressionInput {
  readonly variables: Readonly<Partial<Record<VariableName, number>>>;
  /** By name, as `spec.scaling.signals` has them. */
  readonly signals: Readonly<Record<string, number>>;
}

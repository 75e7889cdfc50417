import { z } from 'zod';
import { parseQuantity } from '../../../shared/api/quantity.ts';
import { API_GROUP_VERSION } from '../../../shared/model/api-group.ts';
import { uniqueName, withoutUndefined, type Imported } from './imported.ts';

const quantity = z.union([z.string(), z.number()]);
const target = z.object({
  type: z.enum(['Utilization', 'AverageValue', 'Value']),
  averageUtilization: z.number().optional(),
  averageValue: quantity.optional(),
  value: quantity.optional(),
});
const resource = z.object({ name: z.string(), container: z.string().optional(), target });
const direction = z.object({
  stabilizationWindowSeconds: z.number().nullish(),
  selectPolicy: z.string().optional(),
  tolerance: quantity.optional(),
  policies: z.array(z.object({ type: z.string(), value: z.number(), periodSeconds: z.number() })).optional(),
});

/** An HPA, as far as it is read. */
export const hpaSchema = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string() }),
  spec: z.object({
    scaleTargetRef: z.object({ kind: z.string(), name: z.string() }),
    minReplicas: z.number().optional(),
    maxReplicas: z.number(),
    metrics: z
      .array(z.looseObject({ type: z.string(), resource: resource.optional(), containerResource: resource.optional() }))
      .optional(),
    behavior: z.object({ scaleUp: direction.optional(), scaleDown: direction.optional() }).optional(),
  }),
});

type Metric = NonNullable<z.output<typeof hpaSchema>['spec']['metrics']>[number];
/** A rule as the resource has it. */
export interface ImportedRule extends Readonly<Record<string, unknown>> {
  readonly name: string;
}

/** What the HPA does where it has no metrics. */
const DEFAULT_METRICS: readonly Metric[] = [
  { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
];

/** The Autoscaler that does the same as an HPA. */
export function importHpa({ metadata, spec }: z.output<typeof hpaSchema>): Imported {
  const { scaleTargetRef, minReplicas = 1, maxReplicas, metrics = DEFAULT_METRICS, behavior } = spec;
  const notes: string[] = [];
  const rules: ImportedRule[] = [];
  for (const metric of metrics) {
    const rule = ruleOf(metric, rules, notes);
    if (rule !== undefined) rules.push(rule);
  }
  notes.push(
    `Delete the HorizontalPodAutoscaler before this is applied: while both are there, it scales between 1 and N, and only sleep and wake happen here.`,
    `To let it sleep, set minReplicas to 0 and give it a route.`,
  );
  return {
    autoscaler: {
      apiVersion: API_GROUP_VERSION,
      kind: 'Autoscaler',
      metadata,
      spec: {
        scaleTargetRef: { name: scaleTargetRef.name },
        ...{ minReplicas, maxReplicas },
        scaling: withoutUndefined({ rules, behavior: behaviorOf(behavior) }),
      },
    },
    notes: [...targetNotes(scaleTargetRef.kind), ...notes],
  };
}

/** What is to be said where the target is no Deployment. */
export function targetNotes(kind: string): string[] {
  return kind === 'Deployment' ? [] : [`The target is a ${kind}; only Deployments can be scaled here.`];
}

/** The behavior, with tolerances as plain ratios. */
export function behaviorOf(
  behavior: z.output<typeof hpaSchema>['spec']['behavior'],
): Record<string, unknown> | undefined {
  if (behavior === undefined) return undefined;
  const of = (rules: z.output<typeof direction> | undefined): Record<string, unknown> | undefined =>
    rules && {
      ...withoutUndefined({
        stabilizationWindowSeconds: rules.stabilizationWindowSeconds ?? undefined,
        selectPolicy: rules.selectPolicy,
        tolerance: rules.tolerance === undefined ? undefined : parseQuantity(rules.tolerance),
        policies: rules.policies,
      }),
    };
  return withoutUndefined({ scaleUp: of(behavior.scaleUp), scaleDown: of(behavior.scaleDown) });
}

function ruleOf(
  { type, resource: ofPods, containerResource }: Metric,
  rules: readonly ImportedRule[],
  notes: string[],
): ImportedRule | undefined {
  const given = ofPods ?? containerResource;
  if (given === undefined || (given.name !== 'cpu' && given.name !== 'memory')) {
    const what = given === undefined ? `The metric of type ${type}` : `The resource ${given.name}`;
    notes.push(`${what} is not carried over; a signal of Prometheus with a target does the same.`);
    return undefined;
  }
  if (containerResource !== undefined) {
    notes.push(
      `${given.name} was that of container ${given.container ?? ''} alone; here all containers of the application count together.`,
    );
  }
  const { averageUtilization, averageValue } = given.target;
  const wanted = averageUtilization === undefined ? averageValue : `${averageUtilization}%`;
  if (wanted === undefined) {
    notes.push(`The rule on ${given.name} has no target that can be carried over.`);
    return undefined;
  }
  return { name: uniqueName(given.name, rules), [given.name]: { target: wanted } };
}

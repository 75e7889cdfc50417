import type { FieldFault } from '../../shared/api/metric-schema.ts';
import {
  scalingFaults,
  scalingSchema,
  type ScalingConfig,
  type ScalingRuleSpec,
} from '../../shared/api/scaling-schema.ts';
import { compileExpression } from '../domain/expressions/expression.ts';
import { queryFault } from '../signals/outside/promql.ts';
import { readSchedule } from '../domain/schedules/schedule.ts';

/**
 * What is wrong with how an application is to be scaled: what its schema lets pass, expressions and schedules that cannot be
 * read. Paths begin at `spec.scaling`. The webhook and REST refuse it; the controller does not act on one that is stored.
 */
export function checkScaling(scaling: ScalingConfig | undefined): FieldFault[] {
  if (scaling === undefined) return [];
  const signals = (scaling.signals ?? []).map(({ name }) => name);
  const faults = (scaling.rules ?? []).flatMap((rule, index) =>
    ruleFaults(rule, signals).map(({ path, message }) => ({ path: `rules[${index}].${path}`, message })),
  );
  const queries = (scaling.signals ?? []).flatMap(({ prometheus }, index) => {
    const fault = prometheus === undefined ? undefined : queryFault(prometheus.query);
    return fault === undefined ? [] : [{ path: `signals[${index}].prometheus.query`, message: fault }];
  });
  return [...scalingFaults(scaling), ...faults, ...queries];
}

function ruleFaults({ expression, schedule }: ScalingRuleSpec, signals: readonly string[]): FieldFault[] {
  return [
    ...faultOf('expression.replicas', () => {
      if (expression !== undefined) compileExpression(expression.replicas, 'number', signals);
    }),
    ...faultOf('schedule', () => {
      if (schedule !== undefined) readSchedule(schedule);
    }),
  ];
}

function faultOf(path: string, check: () => void): FieldFault[] {
  try {
    check();
    return [];
  } catch (error) {
    return [{ path, message: error instanceof Error ? error.message : String(error) }];
  }
}

/** `spec.scaling` as REST takes it. */
export const acceptedScalingSchema = scalingSchema.superRefine((scaling, context) => {
  for (const { path, message } of checkScaling(scaling)) {
    context.addIssue({ code: 'custom', path: partsOf(path), message });
  }
});

/** The parts of a path such as `rules[0].cpu`. */
function partsOf(path: string): (string | number)[] {
  return path.split(/[.[\]]+/).map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

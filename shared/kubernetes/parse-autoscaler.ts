import { API_GROUP_VERSION } from '../model/api-group.ts';
import { autoscalerSchema, type Autoscaler } from '../api/autoscaler.ts';
import { scalingFaults } from '../api/scaling-schema.ts';
import { describeIssues } from '../errors/problem.ts';
import type { KubernetesObject } from './objects.ts';

/** An Autoscaler, read. */
export interface ParsedAutoscaler {
  /** Undefined where the schema does not hold. */
  readonly resource: Autoscaler | undefined;
  /** What is wrong, a sentence each; with a resource, its rules are not acted on. */
  readonly invalid: readonly string[];
}

/** Reads an Autoscaler as it came; one that is not valid says why. */
export function parseAutoscaler(object: KubernetesObject): ParsedAutoscaler {
  const parsed = autoscalerSchema.safeParse(withType(object, 'Autoscaler'));
  if (parsed.success) {
    const invalid = scalingFaults(parsed.data.spec.scaling).map(
      ({ path, message }) => `spec.scaling.${path}: ${message}`,
    );
    return { resource: parsed.data, invalid };
  }
  return {
    resource: undefined,
    invalid: describeIssues(parsed.error).map(({ path, message }) => `${path}: ${message}`),
  };
}

/** Items of a list carry neither apiVersion nor kind. */
export function withType(object: KubernetesObject, kind: string): unknown {
  return { ...object, apiVersion: API_GROUP_VERSION, kind };
}

/** The Deployment of an Autoscaler as `namespace/name`. */
export function targetOf({ metadata, spec }: Autoscaler): string {
  return `${metadata.namespace}/${spec.scaleTargetRef.name}`;
}

import { z } from 'zod';
import { API_GROUP_VERSION } from '../../../shared/model/api-group.ts';
import { behaviorOf, hpaSchema, targetNotes, type ImportedRule } from './hpa.ts';
import { uniqueName, withoutUndefined, type Imported } from './imported.ts';

const trigger = z.object({
  type: z.string(),
  metricType: z.enum(['Utilization', 'AverageValue', 'Value']).optional(),
  metadata: z.record(z.string(), z.coerce.string()).default({}),
});

/** A ScaledObject of KEDA, as far as it is read. */
export const scaledObjectSchema = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string() }),
  spec: z.object({
    scaleTargetRef: z.object({ kind: z.string().default('Deployment'), name: z.string() }),
    pollingInterval: z.number().default(30),
    cooldownPeriod: z.number().default(300),
    idleReplicaCount: z.number().optional(),
    minReplicaCount: z.number().default(0),
    maxReplicaCount: z.number().default(100),
    fallback: z.unknown().optional(),
    advanced: z
      .object({
        horizontalPodAutoscalerConfig: z.object({ behavior: hpaSchema.shape.spec.shape.behavior }).optional(),
        scalingModifiers: z.unknown().optional(),
      })
      .optional(),
    triggers: z.array(trigger),
  }),
});

type Trigger = z.output<typeof trigger>;

/** What triggers become, as it grows. */
interface Parts {
  readonly rules: ImportedRule[];
  readonly signals: ImportedRule[];
  readonly notes: string[];
  readonly everySeconds: number;
}

/** The Autoscaler that does the same as a ScaledObject. */
export function importScaledObject({ metadata, spec }: z.output<typeof scaledObjectSchema>): Imported {
  const { scaleTargetRef, minReplicaCount, maxReplicaCount, cooldownPeriod, pollingInterval, advanced } = spec;
  const parts: Parts = { rules: [], signals: [], notes: [], everySeconds: Math.min(600, Math.max(5, pollingInterval)) };
  for (const each of spec.triggers) addTrigger(each, parts);
  const { rules, signals, notes } = parts;
  const maySleep = minReplicaCount === 0 || spec.idleReplicaCount === 0;
  if (maySleep) {
    notes.push(
      'It may sleep, so it needs a route: replace the host. Requests wake it, and schedules; other triggers do not.',
    );
  }
  if (spec.fallback !== undefined)
    notes.push('fallback is not carried over: without data the number stays, see onMissing.');
  if (advanced?.scalingModifiers !== undefined) {
    notes.push('scalingModifiers are not carried over; write them as a rule with an expression.');
  }
  notes.push('Delete the ScaledObject before this is applied: while both are there, it scales between 1 and N.');
  return {
    autoscaler: {
      apiVersion: API_GROUP_VERSION,
      kind: 'Autoscaler',
      metadata,
      spec: withoutUndefined({
        scaleTargetRef: { name: scaleTargetRef.name },
        minReplicas: maySleep ? 0 : minReplicaCount,
        maxReplicas: maxReplicaCount,
        route: maySleep ? { hosts: [`${scaleTargetRef.name}.example.com`] } : undefined,
        sleep: maySleep ? { idleSeconds: Math.max(1, cooldownPeriod) } : undefined,
        scaling: withoutUndefined({
          signals: signals.length === 0 ? undefined : signals,
          rules,
          behavior: behaviorOf(advanced?.horizontalPodAutoscalerConfig?.behavior),
        }),
      }),
    },
    notes: [...targetNotes(scaleTargetRef.kind), ...notes],
  };
}

function addTrigger({ type, metricType, metadata }: Trigger, parts: Parts): void {
  const { rules, signals, notes, everySeconds } = parts;
  const name = uniqueName(type, rules);
  switch (type) {
    case 'cpu':
    case 'memory': {
      const value = metadata['value'] ?? '';
      rules.push({ name, [type]: { target: metricType === 'AverageValue' ? value : `${value}%` } });
      return;
    }
    case 'cron': {
      const { timezone = 'UTC', start = '', end = '', desiredReplicas = '1' } = metadata;
      const schedule = {
        from: start,
        to: end,
        timeZone: timezone,
        minReplicas: Number(desiredReplicas),
        ahead: 'None',
      };
      rules.push({ name, schedule });
      return;
    }
    case 'prometheus': {
      const { serverAddress = '', query = '', threshold = '' } = metadata;
      const signal = uniqueName('prometheus', signals);
      signals.push({ name: signal, everySeconds, prometheus: { system: 'prometheus', query } });
      const divides = metricType === 'Value' ? { divides: false } : {};
      rules.push({ name, signal: { name: signal, target: Number(threshold), ...divides } });
      notes.push(
        `Signal ${signal} asks the ObservabilitySystem "prometheus": it has to be made for ${serverAddress}, and its queries see only series of this namespace.`,
      );
      return;
    }
    default:
      notes.push(`The trigger ${type} is not carried over; a signal of Prometheus with a target may do the same.`);
  }
}

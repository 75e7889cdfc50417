import { z } from 'zod';
import { METRICS } from '../model/metrics/registry.ts';
import { metricFields, ruleFaults, type FieldFault } from './metric-schema.ts';
import { mapList, withRules } from './schema.ts';

const MAX_RULES = 32;
const MAX_SIGNALS = 16;

const windowSeconds = z.number().int().min(2).max(600);
const tolerance = z.number().min(0).max(1);
const replicas = z.number().int().min(1).max(100_000);
/** As expressions spell it: signals.NAME. */
const signalName = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[a-z][A-Za-z0-9_]*$/);

const ofSignal = withRules(
  z.object({
    name: signalName.describe('Name of the signal, out of scaling.signals.'),
    scaleUpAt: z.number().optional().describe('Value above which replicas are added.'),
    scaleDownAt: z.number().optional().describe('Value below which replicas are removed.'),
    target: z.number().positive().optional()
      .describe('Value that the number of replicas is to bring about, as the HPA does.'),
    divides: z.boolean().default(true)
      .describe('Whether it is a total of the application, such as the length of a queue, that is divided by the replicas; false: a value such as a latency or a temperature, which every replica has alike.'),
  }),
  [
    {
      cel: 'has(self.target) ? !has(self.scaleUpAt) && !has(self.scaleDownAt) : has(self.scaleUpAt) && has(self.scaleDownAt)',
      message: 'a signal has either target, or both scaleUpAt and scaleDownAt',
      holds: ({ target, scaleUpAt, scaleDownAt }) =>
        target === undefined ? scaleUpAt !== undefined && scaleDownAt !== undefined : scaleUpAt === undefined && scaleDownAt === undefined,
    },
    {
      cel: '!has(self.scaleUpAt) || !has(self.scaleDownAt) || self.scaleDownAt < self.scaleUpAt',
      message: 'scaleDownAt must be less than scaleUpAt, else replicas would be added and removed in turn',
      holds: ({ scaleUpAt, scaleDownAt }) => scaleUpAt === undefined || scaleDownAt === undefined || scaleDownAt < scaleUpAt,
    },
  ],
); // prettier-ignore

const expression = z.object({
  replicas: z.string().min(1).max(1024)
    .describe('An expression in CEL that gives a number of replicas, rounded up, such as ceil(signals.backlog / 4.0).'),
}); // prettier-ignore

const schedule = z.object({
  from: z.string().min(9).max(128).describe('Cron pattern of five fields: when it begins, such as 0 8 * * 1-5.'),
  to: z.string().min(9).max(128).describe('Cron pattern of five fields: when it ends.'),
  timeZone: z.string().min(1).max(64).default('UTC').describe('IANA time zone, such as Europe/Berlin.'),
  minReplicas: replicas.default(1).describe('Replicas that are kept meanwhile; a sleeping application wakes for it.'),
  ahead: z.enum(['Learned', 'None']).default('Learned')
    .describe('Learned: replicas start earlier by what starts have taken, so that they are ready when it begins.'),
}); // prettier-ignore

const METRIC_NAMES = METRICS.map(({ name }) => name);
/** Fields of which a rule has exactly one. */
const KINDS = [...METRIC_NAMES, 'signal', 'expression', 'schedule'] as const;

const rule = withRules(
  z.object({
    name: z.string().min(1).max(63).describe('Name of the rule; decisions and metrics quote it.'),
    onMissing: z.enum(['BlockScaleDown', 'HoldReplicas', 'Ignore']).optional()
      .describe('While it has no data: BlockScaleDown (default, as the HPA) only lets replicas be added, HoldReplicas changes nothing, Ignore leaves it out. None lets the application sleep.'),
    tolerance: tolerance.optional()
      .describe('How far a value may be from its target, as a ratio, before anything changes; default: that of the behavior.'),
    windowSeconds: windowSeconds.optional().describe('What this rule averages over, in place of scaling.windowSeconds.'),
    ...metricFields(METRICS),
    signal: ofSignal.optional(),
    expression: expression.optional(),
    schedule: schedule.optional(),
  }),
  [
    {
      cel: `[${KINDS.map((name) => `has(self.${name})`).join(', ')}].filter(x, x).size() == 1`,
      message: `a rule has exactly one metric out of ${METRIC_NAMES.join(', ')}, or else one signal, expression or schedule`,
      holds: (value) => KINDS.filter((name) => value[name] !== undefined).length === 1,
    },
  ],
); // prettier-ignore

const signal = withRules(
  z.object({
    name: signalName.describe('Name of the signal; rules and expressions use it.'),
    unit: z.string().max(16).optional().describe('What stands behind its numbers in sentences, such as ms.'),
    everySeconds: z.number().int().min(5).max(600).default(15)
      .describe('How often it is asked for; a value counts until it is 2.5 times as old.'),
    prometheus: z
      .object({
        system: z.string().min(1).max(253).describe('Name of an ObservabilitySystem of type Prometheus that allows this namespace.'),
        query: z.string().min(1).max(2048).describe('A PromQL instant query that gives one number.'),
      })
      .optional(),
  }),
  [
    {
      cel: 'has(self.prometheus)',
      message: 'a signal says where it comes from: prometheus',
      holds: ({ prometheus }) => prometheus !== undefined,
    },
  ],
); // prettier-ignore

const scalingPolicies = z.object({
  stabilizationWindowSeconds: z.number().int().min(0).max(3600).optional()
    .describe('How far back recommendations count; default 0 for up, 300 for down.'),
  selectPolicy: z.enum(['Max', 'Min', 'Disabled']).optional().describe('Which policy wins; default Max.'),
  tolerance: tolerance.optional()
    .describe('How far a value may be from its target, as a ratio, before anything changes in this direction; default 0.1.'),
  policies: z
    .array(
      z.object({
        type: z.enum(['Pods', 'Percent']).describe('How value is meant.'),
        value: z.number().int().min(1).max(100_000).describe('Pods, or percent of the replicas, that may be added or removed per period.'),
        periodSeconds: z.number().int().min(1).max(1800).describe('The period, in seconds.'),
      }),
    )
    .min(1).max(10).optional(),
}); // prettier-ignore

/** How an application is scaled between 1 and N. */
export const scalingSchema = z.object({
  signals: mapList(signal, 'name', MAX_SIGNALS).optional().describe('Values from outside, by name.'),
  rules: mapList(rule, 'name', MAX_RULES).optional(),
  behavior: z.object({ scaleUp: scalingPolicies.optional(), scaleDown: scalingPolicies.optional() }).optional(),
  windowSeconds: windowSeconds.default(15).describe('Metrics are averaged over this window.'),
});

/** See {@link scalingSchema}. */
export type ScalingConfig = z.output<typeof scalingSchema>;
/** One scaling rule. */
export type ScalingRuleSpec = z.output<typeof rule>;
/** A value from outside. */
export type SignalConfig = z.output<typeof signal>;

/**
 * What is wrong with the scaling of an application that the schema lets pass: quantities in the wrong order, signals that
 * there are not. REST and the webhook refuse it; one that was stored all the same is not acted on.
 */
export function scalingFaults(scaling: Pick<ScalingConfig, 'rules' | 'signals'> | undefined): FieldFault[] {
  const names = (scaling?.signals ?? []).map(({ name }) => name);
  return (scaling?.rules ?? []).flatMap((each, index) => [
    ...ruleFaults(each, METRICS).map(({ path, message }) => ({ path: `rules[${index}].${path}`, message })),
    ...(each.signal === undefined || names.includes(each.signal.name)
      ? []
      : [
          { path: `rules[${index}].signal.name`, message: `there is no signal ${each.signal.name} in scaling.signals` },
        ]),
  ]);
}

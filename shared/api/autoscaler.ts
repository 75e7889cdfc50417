import { z } from 'zod';
import { API_GROUP_VERSION } from '../model/api-group.ts';
import { BALANCING_POLICY_NAMES } from '../model/balancing-policies.ts';
import { CONDITION_TYPES, MODES, PHASES } from '../model/lifecycle.ts';
import { automatonSchema, automatonStatusSchema } from './automaton-schema.ts';
import { scalingSchema } from './scaling-schema.ts';
import { mapList, port, quantity, withRules } from './schema.ts';

const seconds = z.number().min(0.001).max(86_400);

/** How long one request may take in each of its parts; an application's own go before those of LoadBalancerSettings. */
export const timeouts = {
  bodyTimeoutSeconds: seconds.describe("Longest silence of a client within a request's body; then 408."),
  minBodyBytesPerSecond: z.number().int().min(0).max(1_000_000_000)
    .describe('A body that arrives more slowly on average, after bodyTimeoutSeconds of grace, is answered with 408; 0: any rate will do.'),
  responseTimeoutSeconds: seconds.describe('Longest wait for the head of an answer once the pod was sent the request; then 504.'),
  idleTimeoutSeconds: seconds.describe('Longest silence of a pod within an answer; then the answer is cut off.'),
  clientWriteTimeoutSeconds: seconds.describe('Longest time in which a client takes nothing of its answer; then it is cut off.'),
  tunnelTimeoutSeconds: z.number().min(0.001).max(604_800)
    .describe('Longest silence of both sides of an upgraded connection, such as a WebSocket; then it is closed.'),
}; // prettier-ignore

const announceProbe = withRules(
  z.object({
    httpGet: z
      .object({
        path: z.string().max(1024).default('/').describe('Path that answers 200 to 399.'),
        port: port('Port to ask.').optional(),
      })
      .optional(),
    tcpSocket: z.object({ port: port('Port to connect to.').optional() }).optional(),
  }),
  [
    {
      cel: '!(has(self.httpGet) && has(self.tcpSocket))',
      message: 'announceProbe is either httpGet or tcpSocket, not both',
      holds: (value) => value.httpGet === undefined || value.tcpSocket === undefined,
    },
  ],
);

const route = withRules(
  z.object({
    hosts: z
      .array(z.string().min(1).max(253).regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/))
      .max(32).optional()
      .meta({ description: 'Host names in lower case; absent: every host.', 'x-kubernetes-list-type': 'set' }),
    pathPrefix: z.string().max(256).regex(/^\/[A-Za-z0-9._~!$&'()*+,;=:@/-]*$/).default('/').describe('The longest matching prefix wins.'),
    stripPrefix: z.boolean().default(false).describe('Remove pathPrefix before the request goes to the application.'),
    port: port('Container port, by number or name; default: the only one of the first container.').optional(),
    serviceRef: z.object({ name: z.string().min(1).max(63) }).optional().describe('Service whose names in the cluster, such as NAME.NAMESPACE.svc, are hosts of this route as well.'),
  }),
  [
    {
      cel: "!self.pathPrefix.contains('//') && !self.pathPrefix.matches('/[.][.]?(/|$)')",
      message: 'pathPrefix has no empty and no dot segments',
      holds: ({ pathPrefix }) => !/\/\/|\/\.\.?(\/|$)/.test(pathPrefix),
    },
  ],
); // prettier-ignore

/** Bounds of the hold; absent fields come from LoadBalancerSettings. */
export const bufferSchema = z.object({
  maxRequests: z.number().int().min(0).max(1_000_000).optional().describe('Requests held at most.'),
  maxBytes: quantity('Bytes of held heads and bodies at most, such as 64Mi.').optional(),
  holdSeconds: z.number().min(0.001).max(86_400).optional().describe('How long a request waits at most.'),
  then: z
    .enum(['Fail'])
    .optional()
    .describe(
      'Has no effect: at the end of the hold a request is always answered with 503. Kept for resources that have it.',
    ),
});

/** The wanted state of one application. */
export const autoscalerSpecSchema = withRules(
  z.object({
    scaleTargetRef: z.object({
      apiVersion: z.literal('apps/v1').default('apps/v1').describe('Group and version of the target.'),
      kind: z.literal('Deployment').default('Deployment').describe('Kind of the target.'),
      name: z.string().min(1).max(253).describe('Name of the Deployment, in the same namespace.'),
    }),
    mode: z.enum(MODES).default('Active')
      .describe('Active acts; Observe decides and records but never acts; Paused does neither.'),
    minReplicas: z.number().int().min(0).max(100_000).default(0).describe('0: the application may sleep.'),
    maxReplicas: z.number().int().min(1).max(100_000).default(1).describe('Never more replicas than this.'),
    route: route.optional(),
    loadBalancing: z
      .object({
        policy: z.enum(BALANCING_POLICY_NAMES).optional().describe('How a pod is chosen for a request.'),
        maxConcurrencyPerReplica: z.number().int().min(0).max(100_000).optional()
          .describe('Requests in flight per replica; the rest waits in the balancer. 0: no limit.'),
      })
      .extend(z.object(timeouts).partial().shape)
      .optional(),
    buffer: bufferSchema.optional(),
    sleep: z
      .object({
        idleSeconds: z.number().min(1).max(604_800).optional().describe('Idle time after which the application sleeps.'),
        cpuBelow: quantity('Idle only while its CPU per replica is below this, such as 50m.').optional(),
      })
      .optional(),
    scaling: scalingSchema.optional(),
    automaton: automatonSchema.optional()
      .describe('States that bound the replicas, and what moves the application from one to another.'),
    startup: z
      .object({
        deadlineSeconds: z.number().min(1).max(86_400).optional().describe('A start that takes longer is retried.'),
        announceProbe: announceProbe.optional().describe('Tells when requests can be answered; default: the readiness probe.'),
      })
      .optional(),
  }),
  [
    {
      cel: 'self.minReplicas <= self.maxReplicas',
      message: 'minReplicas must not be greater than maxReplicas',
      holds: (spec) => spec.minReplicas <= spec.maxReplicas,
    },
    {
      cel: 'self.minReplicas > 0 || has(self.route)',
      message: 'with minReplicas 0 a route is needed, else nothing could wake the application',
      holds: (spec) => spec.minReplicas > 0 || spec.route !== undefined,
    },
  ],
); // prettier-ignore

const condition = z.object({
  type: z.enum(CONDITION_TYPES),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string().max(128),
  message: z.string().max(4096),
  lastTransitionTime: z.string().max(64),
  observedGeneration: z.number().int().optional().describe('Generation of the spec that it was found for.'),
});

const startSpread = z.object({
  p50Seconds: z.number().min(0).describe('Half of the starts took no longer.'),
  p95Seconds: z.number().min(0).describe('19 of 20 starts took no longer.'),
});

/** What was learned of starts, and the starts that it was learned from, for the next leader. */
const startTimes = z.object({
  scheduled: startSpread.optional().describe('Until the first pod had a node.'),
  started: startSpread.optional().describe('Until its container ran.'),
  ready: startSpread.describe('Until it could answer.'),
  recent: z
    .array(
      z.object({
        scheduled: z.number().min(0).optional().describe('Seconds until its pod had a node.'),
        started: z.number().min(0).optional().describe('Seconds until its container ran.'),
        ready: z.number().min(0),
      }),
    )
    .max(50)
    .describe('The last starts of this pod template, oldest first: seconds until each phase.'),
});

/** What the controller knows of one application; written before it is acted on. */
export const autoscalerStatusSchema = z.object({
  phase: z.enum(PHASES).optional().describe('Where the application is in its life.'),
  phaseSince: z.string().max(64).optional().describe('Time of the last change of phase.'),
  targetUid: z.string().max(64).optional().describe('UID of the Deployment that this state belongs to.'),
  replicas: z.number().int().min(0).optional().describe('spec.replicas of the Deployment.'),
  desiredReplicas: z.number().int().min(0).optional().describe('Replicas that are wanted.'),
  readyReplicas: z.number().int().min(0).optional().describe('Pods that can answer.'),
  drainId: z.string().max(64).optional().describe('Names the sleep under way; balancers confirm it.'),
  wakeId: z.string().max(64).optional().describe('Names the cold start under way.'),
  startAttempts: z.number().int().min(0).optional().describe('Starts in a row that did not become ready.'),
  retryAfter: z.string().max(64).optional().describe('With phase Failed: when the next request may try again.'),
  learnedStartSeconds: z.number().min(0).optional().describe('How long past starts took (90th percentile).'),
  startTimes: startTimes.optional().describe('What was learned of the starts of this pod template.'),
  eta: z.string().max(64).optional().describe('While waking: when the start is expected to be over.'),
  templateHash: z
    .string()
    .max(64)
    .optional()
    .describe('Hash of the pod template that learnedStartSeconds and startTimes belong to.'),
  lastDecision: z
    .object({ time: z.string().max(64), reason: z.string().max(128), message: z.string().max(4096) })
    .optional(),
  lastScaleTime: z.string().max(64).optional().describe('When spec.replicas was last changed by this product.'),
  automaton: automatonStatusSchema.optional().describe('Where the automaton is.'),
  observedGeneration: z.number().int().optional().describe('Generation of the spec that this speaks of.'),
  conditions: mapList(condition, 'type', 16).optional(),
});

/** The custom resource: one for each application. */
export const autoscalerSchema = z.object({
  apiVersion: z.literal(API_GROUP_VERSION),
  kind: z.literal('Autoscaler'),
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    uid: z.string(),
    resourceVersion: z.string(),
    generation: z.number().default(1),
    creationTimestamp: z.string(),
    deletionTimestamp: z.string().optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
  spec: autoscalerSpecSchema,
  status: autoscalerStatusSchema.optional(),
});

/** A parsed `Autoscaler`, defaults filled in. */
export type Autoscaler = z.output<typeof autoscalerSchema>;
/** Its spec, defaults filled in. */
export type AutoscalerSpec = z.output<typeof autoscalerSpecSchema>;
/** Its status. */
export type AutoscalerStatus = z.output<typeof autoscalerStatusSchema>;
/** What was learned of starts. */
export type StartTimes = z.output<typeof startTimes>;
/** One condition of the status. */
export type AutoscalerCondition = z.output<typeof condition>;

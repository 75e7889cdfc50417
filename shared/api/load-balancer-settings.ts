import { z } from 'zod';
import { timeouts } from './autoscaler.ts';
import { quantity } from './schema.ts';
import { BALANCING_POLICY_NAMES } from '../model/balancing-policies.ts';
import { API_GROUP_VERSION } from '../model/api-group.ts';

/** What `PUT /loadbalancer/settings` changes: defaults for every application that does not say otherwise. */
export const loadBalancerSettingsSpecSchema = z.object({
  policy: z.enum(BALANCING_POLICY_NAMES).default('LeastConnections').describe('Balancing policy.'),
  maxConnections: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(10_000)
    .describe('Client connections to one balancer; for a further one an idle one is closed, else it is refused.'),
  maxConnectionsPerAddress: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(5_000)
    .describe('Client connections of one address to one balancer; those of trusted proxies do not count.'),
  trustedProxies: z
    .array(
      z
        .string()
        .max(64)
        .regex(/^[0-9A-Fa-f.:]+(\/[0-9]{1,3})?$/),
    )
    .max(256)
    .default([])
    .describe(
      'Addresses and CIDR blocks of proxies that are believed about the client: X-Forwarded-*, Forwarded, X-Real-IP.',
    ),
  maxConcurrencyPerReplica: z
    .number()
    .int()
    .min(0)
    .max(100_000)
    .default(0)
    .describe('Requests in flight per replica; 0: no limit.'),
  maxRequests: z.number().int().min(0).max(1_000_000).default(1000).describe('Requests held per application.'),
  maxBytes: quantity('Bytes held per application.').default('64Mi'),
  holdSeconds: z.number().min(0.001).max(86_400).default(900).describe('How long a request waits at most.'),
  bodyTimeoutSeconds: timeouts.bodyTimeoutSeconds.default(60),
  minBodyBytesPerSecond: timeouts.minBodyBytesPerSecond.default(240),
  responseTimeoutSeconds: timeouts.responseTimeoutSeconds.default(900),
  idleTimeoutSeconds: timeouts.idleTimeoutSeconds.default(900),
  clientWriteTimeoutSeconds: timeouts.clientWriteTimeoutSeconds.default(300),
  tunnelTimeoutSeconds: timeouts.tunnelTimeoutSeconds.default(3600),
  sharedHosts: z
    .array(z.string().min(1).max(253))
    .max(256)
    .default([])
    .describe('Hosts that several namespaces may use, with different path prefixes; * stands for every host.'),
  idleSeconds: z.number().min(1).max(604_800).default(300).describe('Idle time after which an application sleeps.'),
});

/** The custom resource; the one named `default` in the system namespace counts. */
export const loadBalancerSettingsSchema = z.object({
  apiVersion: z.literal(API_GROUP_VERSION),
  kind: z.literal('LoadBalancerSettings'),
  metadata: z.object({ name: z.string(), namespace: z.string(), resourceVersion: z.string() }),
  spec: loadBalancerSettingsSpecSchema.prefault({}),
});

/** Settings with every default filled in. */
export type LoadBalancerSettingsSpec = z.output<typeof loadBalancerSettingsSpecSchema>;
/** A parsed `LoadBalancerSettings`. */
export type LoadBalancerSettings = z.output<typeof loadBalancerSettingsSchema>;

/** Name of the resource that counts. */
export const SETTINGS_NAME = 'default';

/** The settings that hold where no resource says otherwise. */
export const DEFAULT_SETTINGS: LoadBalancerSettingsSpec = loadBalancerSettingsSpecSchema.parse({});

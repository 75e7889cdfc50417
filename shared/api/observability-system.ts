import { z } from 'zod';
import { API_GROUP_VERSION } from '../model/api-group.ts';
import { withRules } from './schema.ts';

const secretName = z.object({ name: z.string().min(1).max(253).describe('Name of a Secret in the same namespace.') });

/** A system outside, and who may use it. Only whoever may write in the namespace of the product makes one. */
export const observabilitySystemSpecSchema = z.object({
  type: z.enum(['Prometheus']).describe('What it is, and so how it is spoken to.'),
  url: z.string().max(2048).regex(/^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/)
    .describe('Where its API begins, such as http://prometheus.monitoring.svc:9090; without credentials.'),
  allowedNamespaces: z
    .array(z.string().min(1).max(63)).min(1).max(512)
    .meta({ description: 'Namespaces whose applications may use it; * stands for all.', 'x-kubernetes-list-type': 'set' }),
  namespaceLabel: z.string().max(128).regex(/^([a-zA-Z_][a-zA-Z0-9_]*)?$/).default('namespace')
    .describe('Label that names the namespace of a series. Queries see only those of their own namespace; an empty text lets them see everything.'),
  auth: withRules(
    z.object({
      bearerTokenSecretRef: secretName.optional().describe('Its key token is sent as bearer token.'),
      basicSecretRef: secretName.optional().describe('Its keys username and password are sent as basic credentials.'),
    }),
    [
      {
        cel: '!(has(self.bearerTokenSecretRef) && has(self.basicSecretRef))',
        message: 'auth is either bearerTokenSecretRef or basicSecretRef, not both',
        holds: (auth) => auth.bearerTokenSecretRef === undefined || auth.basicSecretRef === undefined,
      },
    ],
  ).optional(),
  tls: z
    .object({ caSecretRef: secretName.describe('Its key ca.crt has the certificates that sign those of the system; default: those that Node trusts.') })
    .optional(),
}); // prettier-ignore

/** The custom resource. */
export const observabilitySystemSchema = z.object({
  apiVersion: z.literal(API_GROUP_VERSION),
  kind: z.literal('ObservabilitySystem'),
  metadata: z.object({ name: z.string(), namespace: z.string(), resourceVersion: z.string() }),
  spec: observabilitySystemSpecSchema,
});

/** A parsed `ObservabilitySystem`. */
export type ObservabilitySystem = z.output<typeof observabilitySystemSchema>;

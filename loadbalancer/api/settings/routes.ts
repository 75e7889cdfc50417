import { z } from 'zod';
import {
  loadBalancerSettingsSchema,
  loadBalancerSettingsSpecSchema,
  SETTINGS_NAME,
  type LoadBalancerSettings,
} from '../../../shared/api/load-balancer-settings.ts';
import { NemesisError } from '../../../shared/errors/registry.ts';
import { Reply, route, type Route } from '../../../shared/http/route.ts';
import { ifMatchVersion, refusedByKubernetes } from '../../../shared/kubernetes/conditional-write.ts';
import { isKubeStatus, PATCH_TYPES, type KubeClient } from '../../../shared/kubernetes/kube-api.ts';
import { pathOf, RESOURCES } from '../../../shared/kubernetes/paths.ts';
import { API_GROUP_VERSION } from '../../../shared/model/api-group.ts';
import { parseBalancingPolicyName } from '../../domain/policies/registry.ts';

const fields = loadBalancerSettingsSpecSchema.shape;

/** The settings as the REST API spells them; `policy` in either spelling. */
const settingsBodySchema = z.object({
  policy: z
    .string()
    .transform((text, context) => {
      const policy = parseBalancingPolicyName(text);
      if (policy !== undefined) return policy;
      context.addIssue('expected round_robin, least_connections, random or power_of_two_choices');
      return z.NEVER;
    })
    .meta({ description: 'round_robin, least_connections, random or power_of_two_choices; RoundRobin and so on as well.' }),
  max_connections: fields.maxConnections.unwrap(),
  max_connections_per_address: fields.maxConnectionsPerAddress.unwrap(),
  trusted_proxies: fields.trustedProxies.unwrap(),
  max_concurrency_per_replica: fields.maxConcurrencyPerReplica.unwrap(),
  max_requests: fields.maxRequests.unwrap(),
  max_bytes: fields.maxBytes.unwrap(),
  hold_seconds: fields.holdSeconds.unwrap(),
  body_timeout_seconds: fields.bodyTimeoutSeconds.unwrap(),
  min_body_bytes_per_second: fields.minBodyBytesPerSecond.unwrap(),
  response_timeout_seconds: fields.responseTimeoutSeconds.unwrap(),
  idle_timeout_seconds: fields.idleTimeoutSeconds.unwrap(),
  client_write_timeout_seconds: fields.clientWriteTimeoutSeconds.unwrap(),
  tunnel_timeout_seconds: fields.tunnelTimeoutSeconds.unwrap(),
  idle_seconds: fields.idleSeconds.unwrap(),
  shared_hosts: fields.sharedHosts.unwrap(),
}).partial(); // prettier-ignore

type SettingsBody = z.output<typeof settingsBodySchema>;

/** The settings in force: every field. */
const settingsSchema = settingsBodySchema.required().extend({
  policy: z.string().describe('round_robin, least_connections, random or power_of_two_choices.'),
});

/** What these routes need. */
export interface SettingsRoutesDeps {
  readonly api: KubeClient;
  readonly systemNamespace: string;
}

const SETTINGS = { resource: 'loadbalancersettings', scope: 'SystemNamespace' } as const;
const HEADERS = { ETag: 'The version of the settings, for If-Match.' };

const readSettings = route({
  method: 'get',
  path: '/loadbalancer/settings',
  summary: 'The settings in force.',
  permissions: [{ ...SETTINGS, verb: 'get' }],
  response: {
    status: 200,
    description: 'The settings; ETag names their version',
    schema: settingsSchema,
    headers: HEADERS,
  },
  handle: async (_request, { api, systemNamespace }: SettingsRoutesDeps) =>
    replyWith(await read(api, pathOfSettings(systemNamespace))),
});

const changeSettings = route({
  method: 'put',
  path: '/loadbalancer/settings',
  summary: 'Changes the settings that the body names; the others stay.',
  permissions: [{ ...SETTINGS, verb: 'update' }],
  request: {
    headers: z.object({
      'if-match': z.string().optional().describe('ETag of an earlier answer; newer settings refuse the change.'),
    }),
    body: {
      schema: settingsBodySchema,
      maxBytes: 65_536,
      what: 'The settings',
      strict: true,
      example: { policy: 'least_connections', max_requests: 1000, hold_seconds: 900 },
    },
  },
  response: { status: 200, description: 'The new settings', schema: settingsSchema, headers: HEADERS },
  refusals: ['NotFound', 'Conflict', 'PreconditionFailed', 'Refused'],
  handle: async ({ body, headers }, deps: SettingsRoutesDeps) => {
    const path = pathOfSettings(deps.systemNamespace);
    const expected = ifMatchVersion(headers['if-match']);
    const current = await read(deps.api, path);
    if (expected !== undefined && expected !== (current?.metadata.resourceVersion ?? '0')) {
      throw new NemesisError(
        'PreconditionFailed',
        'The settings were changed since they were read; read them again and repeat the change.',
      );
    }
    const written = await write(deps, path, current, specOf(body)).catch((error: unknown) => {
      throw refusedByKubernetes(error, 'The settings', expected !== undefined);
    });
    return replyWith(written);
  },
});

/** `/loadbalancer/settings`: kept as a resource, so that it is live everywhere at once and survives restarts. */
export const SETTINGS_ROUTES: readonly Route<SettingsRoutesDeps>[] = [readSettings, changeSettings];

function pathOfSettings(systemNamespace: string): string {
  return pathOf(RESOURCES.loadBalancerSettings, systemNamespace, SETTINGS_NAME);
}

function replyWith(settings: LoadBalancerSettings | undefined): Reply<z.output<typeof settingsSchema>> {
  return new Reply(bodyOf(settings), { headers: { etag: `"${settings?.metadata.resourceVersion ?? '0'}"` } });
}

async function read(api: KubeClient, path: string): Promise<LoadBalancerSettings | undefined> {
  try {
    return loadBalancerSettingsSchema.parse(await api.request('GET', path));
  } catch (error) {
    if (isKubeStatus(error, 404)) return undefined;
    throw error instanceof z.ZodError
      ? new NemesisError('Internal', `The stored settings are not valid: ${z.prettifyError(error)}`, { cause: error })
      : new NemesisError('Unavailable', 'The settings could not be read from Kubernetes; try again.', { cause: error });
  }
}

async function write(
  { api, systemNamespace }: { api: KubeClient; systemNamespace: string },
  path: string,
  current: LoadBalancerSettings | undefined,
  spec: Record<string, unknown>,
): Promise<LoadBalancerSettings> {
  if (current === undefined) {
    const body = {
      apiVersion: API_GROUP_VERSION,
      kind: 'LoadBalancerSettings',
      metadata: { name: SETTINGS_NAME, namespace: systemNamespace },
      spec,
    };
    return loadBalancerSettingsSchema.parse(
      await api.request('POST', pathOf(RESOURCES.loadBalancerSettings, systemNamespace), { body }),
    );
  }
  const { resourceVersion } = current.metadata;
  const answer = await api.request('PATCH', path, {
    contentType: PATCH_TYPES.merge,
    body: { metadata: { resourceVersion }, spec },
  });
  return loadBalancerSettingsSchema.parse(answer);
}

function bodyOf(settings: LoadBalancerSettings | undefined): z.output<typeof settingsSchema> {
  const spec = settings?.spec ?? loadBalancerSettingsSpecSchema.parse({});
  return {
    policy: spec.policy.replace(/(?<!^)([A-Z])/g, '_$1').toLowerCase(),
    max_connections: spec.maxConnections,
    max_connections_per_address: spec.maxConnectionsPerAddress,
    trusted_proxies: spec.trustedProxies,
    max_concurrency_per_replica: spec.maxConcurrencyPerReplica,
    max_requests: spec.maxRequests,
    max_bytes: spec.maxBytes,
    hold_seconds: spec.holdSeconds,
    body_timeout_seconds: spec.bodyTimeoutSeconds,
    min_body_bytes_per_second: spec.minBodyBytesPerSecond,
    response_timeout_seconds: spec.responseTimeoutSeconds,
    idle_timeout_seconds: spec.idleTimeoutSeconds,
    client_write_timeout_seconds: spec.clientWriteTimeoutSeconds,
    tunnel_timeout_seconds: spec.tunnelTimeoutSeconds,
    idle_seconds: spec.idleSeconds,
    shared_hosts: spec.sharedHosts,
  };
}

/** Only what the body names is changed. */
function specOf(body: SettingsBody): Record<string, unknown> {
  const spec = {
    policy: body.policy,
    maxConnections: body.max_connections,
    maxConnectionsPerAddress: body.max_connections_per_address,
    trustedProxies: body.trusted_proxies,
    maxConcurrencyPerReplica: body.max_concurrency_per_replica,
    maxRequests: body.max_requests,
    maxBytes: body.max_bytes,
    holdSeconds: body.hold_seconds,
    bodyTimeoutSeconds: body.body_timeout_seconds,
    minBodyBytesPerSecond: body.min_body_bytes_per_second,
    responseTimeoutSeconds: body.response_timeout_seconds,
    idleTimeoutSeconds: body.idle_timeout_seconds,
    clientWriteTimeoutSeconds: body.client_write_timeout_seconds,
    tunnelTimeoutSeconds: body.tunnel_timeout_seconds,
    idleSeconds: body.idle_seconds,
    sharedHosts: body.shared_hosts,
  };
  return Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined));
}

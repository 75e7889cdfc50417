import { z } from 'zod';
import {
  loadBalancerSettingsSchema,
  SETTINGS_NAME,
  type LoadBalancerSettings,
} from '../../../shared/api/load-balancer-settings.ts';
import { NemesisError } from '../../../shared/errors/registry.ts';
import { Reply, route, type Route } from '../../../shared/http/route.ts';
import { ifMatchVersion, refusedByKubernetes } from '../../../shared/kubernetes/conditional-write.ts';
import { isKubeStatus, PATCH_TYPES, type KubeClient } from '../../../shared/kubernetes/kube-api.ts';
import { pathOf, RESOURCES } from '../../../shared/kubernetes/paths.ts';
import { API_GROUP_VERSION } from '../../../shared/model/api-group.ts';
import { bodyOf, type SettingsBody, settingsBodySchema, settingsSchema, specOf } from './settings-body.ts';

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

function replyWith(settings: LoadBalancerSettings | undefined): Reply<SettingsBody> {
  return new Reply(bodyOf(settings?.spec), { headers: { etag: `"${settings?.metadata.resourceVersion ?? '0'}"` } });
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

import { z } from 'zod';
import { autoscalerSpecSchema, type AutoscalerSpec } from '../../../shared/api/autoscaler.ts';
import { acceptedAutomatonSchema } from '../../checks/automaton-check.ts';
import { acceptedScalingSchema } from '../../checks/scaling-check.ts';
import { parseOrThrow } from '../../../shared/errors/problem.ts';
import { NemesisError } from '../../../shared/errors/registry.ts';
import { objectInPath, type Permission } from '../../../shared/http/permission.ts';
import { Reply, route, type Route } from '../../../shared/http/route.ts';
import {
  ifMatchSpec,
  refusedByKubernetes,
  specTag,
  type SpecVersion,
} from '../../../shared/kubernetes/conditional-write.ts';
import type { ApplicationSnapshot, ApplicationWatch } from '../../../shared/kubernetes/application-watch.ts';
import { isKubeStatus, PATCH_TYPES, type KubeClient } from '../../../shared/kubernetes/kube-api.ts';
import { pathOf, RESOURCES } from '../../../shared/kubernetes/paths.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import type { MetricsCollector } from '../../domain/signals/metrics-collector.ts';
import type { Signals } from '../../domain/signals/signals.ts';
import type { Publish } from '../../events/domain-event.ts';
import {
  applicationPathSchema,
  applicationSchema,
  applicationsPageSchema,
  applicationsQuerySchema,
  ifMatchSchema,
  podSchema,
  replicasSchema,
  SPEC_PARTS,
} from './schemas.ts';
import { pageOf } from './page.ts';
import { applicationView, podViews } from './views.ts';

/** What these routes need. */
export interface ApplicationRoutesDeps {
  readonly api: KubeClient;
  readonly watch: ApplicationWatch;
  readonly collector: MetricsCollector;
  readonly signalsOf: (application: ApplicationSnapshot) => Signals;
  readonly publish: Publish;
  readonly clock: Clock;
}

const LIST_ALL: Permission = { verb: 'list', resource: 'autoscalers', scope: 'AllNamespaces' };
const OF_APPLICATION = { resource: 'autoscalers', scope: 'ObjectNamespace', object: objectInPath } as const;
const ETAG = { ETag: 'The version of the spec, for If-Match: it does not change with the status.' };

const listApplications = route({
  method: 'get',
  path: '/api/v1/applications',
  summary: 'Applications by namespace and name, a page at a time.',
  permissions: [
    LIST_ALL,
    {
      ...LIST_ALL,
      scope: 'ObjectNamespace',
      parameter: 'namespace',
      object: ({ query }) => ({
        namespace: parseOrThrow(applicationsQuerySchema, query, 'The query', 'InvalidQuery').namespace ?? '',
      }),
      where: 'that namespace',
    },
  ],
  request: { query: applicationsQuerySchema },
  response: { status: 200, description: 'A page', schema: applicationsPageSchema },
  handle: ({ query }, { watch, signalsOf }: ApplicationRoutesDeps) => {
    const { keys, ...metadata } = pageOf(watch.keys(), query);
    const items = keys
      .map((key) => watch.get(key))
      .filter((application) => application !== undefined)
      .map((application) => applicationView(application, signalsOf(application)));
    return { metadata, items };
  },
});

const readApplication = route({
  method: 'get',
  path: '/api/v1/applications/:namespace/:name',
  summary: 'One application: its rules, its state, its signals.',
  permissions: [{ ...OF_APPLICATION, verb: 'get' }],
  request: { params: applicationPathSchema },
  response: { status: 200, description: 'The application', schema: applicationSchema, headers: ETAG },
  handle: ({ params }, { watch, signalsOf }: ApplicationRoutesDeps) => {
    const application = find(watch, params);
    const headers = { etag: specTag(application.metadata) };
    return new Reply(applicationView(application, signalsOf(application)), { headers });
  },
});

const listPods = route({
  method: 'get',
  path: '/api/v1/applications/:namespace/:name/pods',
  summary: 'Its pods with liveness and metrics.',
  permissions: [{ ...OF_APPLICATION, verb: 'get' }],
  request: { params: applicationPathSchema },
  response: { status: 200, description: 'The pods', schema: z.object({ items: z.array(podSchema) }) },
  handle: ({ params }, deps: ApplicationRoutesDeps) => ({ items: podViews(find(deps.watch, params), deps) }),
});

/** What every change of a spec has in common. */
const CHANGE = {
  method: 'put',
  permissions: [{ ...OF_APPLICATION, verb: 'update' }],
  response: { status: 200, description: 'The whole new spec', schema: autoscalerSpecSchema, headers: ETAG },
  refusals: ['Conflict', 'PreconditionFailed', 'Refused'],
} as const;

const changeReplicas = route({
  ...CHANGE,
  path: '/api/v1/applications/:namespace/:name/replicas',
  summary: 'Changes the bounds of the replicas.',
  request: {
    params: applicationPathSchema,
    headers: ifMatchSchema,
    body: { schema: replicasSchema, maxBytes: 16_384, strict: true, example: { minReplicas: 0, maxReplicas: 4 } },
  },
  handle: (request, deps: ApplicationRoutesDeps) => change({ ...request, spec: request.body, part: 'replicas' }, deps),
});

const changeParts = (Object.keys(SPEC_PARTS) as (keyof typeof SPEC_PARTS)[]).map((part) =>
  route({
    ...CHANGE,
    path: `/api/v1/applications/:namespace/:name/${part}`,
    summary: `Replaces spec.${part}.`,
    request: {
      params: applicationPathSchema,
      headers: ifMatchSchema,
      body: {
        schema: acceptedSchema(part),
        maxBytes: 262_144,
        strict: true,
        example: SPEC_PARTS[part],
      },
    },
    handle: (request, deps: ApplicationRoutesDeps) =>
      change({ ...request, spec: { [part]: request.body }, part }, deps),
  }),
);

/** The schema of a part with what it cannot check itself, as far as that depends on nothing else. */
function acceptedSchema(part: keyof typeof SPEC_PARTS): z.ZodType {
  if (part === 'scaling') return acceptedScalingSchema;
  return part === 'automaton' ? acceptedAutomatonSchema : autoscalerSpecSchema.shape[part].unwrap();
}

/** Applications, their pods, and changes of their rules. */
export const APPLICATION_ROUTES: readonly Route<ApplicationRoutesDeps>[] = [
  listApplications,
  readApplication,
  listPods,
  changeReplicas,
  ...changeParts,
];

interface Change {
  readonly params: z.output<typeof applicationPathSchema>;
  readonly headers: z.output<typeof ifMatchSchema>;
  readonly caller: { readonly name: string };
  /** The parts of the spec that are replaced. */
  readonly spec: Readonly<Record<string, unknown>>;
  /** What is changed, for the audit table. */
  readonly part: string;
}

/** Replaces a part of the spec; Kubernetes validates the whole, so a bad change leaves all as it was. */
async function change(
  { params, headers, caller, spec, part }: Change,
  { api, watch, clock, publish }: ApplicationRoutesDeps,
): Promise<Reply<AutoscalerSpec>> {
  const application = find(watch, params);
  const { namespace, name } = application.metadata;
  const path = pathOf(RESOURCES.autoscalers, namespace, name);
  // A merge-patch merges objects; what the new value does not name must go, so the old part is replaced as a whole.
  const body = Object.entries(spec).map(([key, value]) => ({ op: 'add', path: `/spec/${key}`, value }));
  const expected = ifMatchSpec(headers['if-match']);
  let written: Written;
  try {
    written = await patch(api, path, [...testsOf(expected), ...body]);
  } catch (error) {
    const differs = expected !== undefined && isKubeStatus(error, 422) && (await isAnother(api, path, expected));
    throw differs
      ? new NemesisError(
          'PreconditionFailed',
          `The spec of ${what(params)} was changed by somebody else meanwhile; read it again and repeat the change.`,
        )
      : refusedByKubernetes(error, what(params), false);
  }
  const record = {
    timeMs: clock.wallMs(),
    application: application.key,
    actor: caller.name,
    action: `PUT ${part}`,
    message: JSON.stringify(spec),
  };
  publish({ kind: 'Audited', record });
  return new Reply(written.spec, { headers: { etag: specTag(written.metadata) } });
}

interface Written {
  readonly metadata: SpecVersion;
  readonly spec: AutoscalerSpec;
}

function patch(api: KubeClient, path: string, operations: readonly object[]): Promise<Written> {
  return api.request('PATCH', path, { contentType: PATCH_TYPES.json, body: operations });
}

/** The API server tests and changes in one step, so a status that is written meanwhile refuses nothing. */
function testsOf(expected: SpecVersion | undefined): object[] {
  if (expected === undefined) return [];
  const fields = ['uid', 'generation'] as const;
  return fields.map((field) => ({ op: 'test', path: `/metadata/${field}`, value: expected[field] }));
}

/**
 * Whether the spec is another one now. A failed test is answered like a spec that is not valid, so what is there now
 * decides. It is read by a patch that changes nothing, since the right to patch is the only one that is at hand.
 */
async function isAnother(api: KubeClient, path: string, expected: SpecVersion): Promise<boolean> {
  return specTag((await patch(api, path, [])).metadata) !== specTag(expected);
}

function what({ namespace, name }: z.output<typeof applicationPathSchema>): string {
  return `Autoscaler ${namespace}/${name}`;
}

/** What there is elsewhere is not told: whoever may look into this namespace may not know the others. */
function find(
  watch: ApplicationWatch,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): ApplicationSnapshot {
  const application = watch.get(`${namespace}/${name}`);
  if (application !== undefined) return application;
  const known = watch
    .keys()
    .filter((key) => key.startsWith(`${namespace}/`))
    .sort()
    .join(', ');
  throw new NemesisError(
    'NotFound',
    `There is no Autoscaler ${namespace}/${name}; in this namespace there are: ${known === '' ? 'none' : known}.`,
  );
}

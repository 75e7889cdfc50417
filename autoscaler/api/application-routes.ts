import express, { type Request, type Response } from 'express';
import { z } from 'zod';
import { autoscalerSpecSchema } from '../../shared/api/autoscaler.ts';
import { parseOrThrow, parseStrictly } from '../../shared/errors/problem.ts';
import { NemesisError } from '../../shared/errors/registry.ts';
import type { Caller } from '../../shared/http/access.ts';
import type { AuditEntry } from '../../shared/http/audit-log.ts';
import { objectInPath, objectInQuery, type MountRoute, type Permission } from '../../shared/http/route.ts';
import { ifMatchVersion, refusedByKubernetes } from '../../shared/kubernetes/conditional-write.ts';
import type { ApplicationSnapshot, ApplicationWatch } from '../../shared/kubernetes/application-watch.ts';
import { PATCH_TYPES, type KubeApi } from '../../shared/kubernetes/kube-api.ts';
import { isPodReady } from '../../shared/kubernetes/objects.ts';
import { pathOf, RESOURCES } from '../../shared/kubernetes/paths.ts';
import { ofPodSignals } from '../../shared/model/metrics/registry.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { readyReplicas } from '../controllers/application/lifecycle-facts.ts';
import type { MetricsCollector } from '../domain/signals/metrics-collector.ts';
import { hasTraffic, podReadingOf, type Reading, type Signals } from '../domain/signals/signals.ts';
import type { Publish } from '../events/domain-event.ts';
import type { HistorySource } from '../store/records.ts';
import {
  applicationsQuerySchema,
  historyQuerySchema,
  historyTableSchema,
  replicasSchema,
  SPEC_PARTS,
  type applicationSchema,
  type podSchema,
} from './schemas.ts';

/** What the REST API needs. */
export interface ApplicationRoutesDeps {
  readonly api: KubeApi;
  readonly watch: ApplicationWatch;
  readonly collector: MetricsCollector;
  readonly signalsOf: (application: ApplicationSnapshot) => Signals;
  readonly history: HistorySource;
  readonly publish: Publish;
  readonly clock: Clock;
}

const partSchema = z.enum(SPEC_PARTS);

const LIST_ALL: Permission = { verb: 'list', resource: 'autoscalers', scope: 'AllNamespaces' };
const OF_APPLICATION = { resource: 'autoscalers', scope: 'ObjectNamespace', object: objectInPath } as const;

/** `/api/v1`: applications, their pods, changes of their rules, and the history. */
export function mountApplicationRoutes(mount: MountRoute, deps: ApplicationRoutesDeps): void {
  const { watch } = deps;

  mount({
    method: 'get',
    path: '/api/v1/applications',
    permissions: [
      LIST_ALL,
      {
        ...LIST_ALL,
        scope: 'ObjectNamespace',
        parameter: 'namespace',
        object: ({ query }) => ({ namespace: listed(query).namespace ?? '' }),
      },
    ],
    handle: ({ query }, response) => {
      const { namespace } = listed(query);
      const items = watch
        .keys()
        .filter((key) => namespace === undefined || key.startsWith(`${namespace}/`))
        .sort()
        .map((key) => shown(watch.get(key), deps))
        .filter((each) => each !== undefined);
      response.json({ items });
    },
  });

  mount({
    method: 'get',
    path: '/api/v1/applications/:namespace/:name',
    permissions: [{ ...OF_APPLICATION, verb: 'get' }],
    handle: (request, response) => {
      const application = find(watch, request);
      response.setHeader('etag', `"${application.metadata.resourceVersion}"`);
      response.json(shown(application, deps));
    },
  });

  mount({
    method: 'get',
    path: '/api/v1/applications/:namespace/:name/pods',
    permissions: [{ ...OF_APPLICATION, verb: 'get' }],
    handle: (request, response) => {
      response.json({ items: podsOf(find(watch, request), deps) });
    },
  });

  mount({
    method: 'get',
    path: '/api/v1/history/:table',
    permissions: [
      LIST_ALL,
      { ...OF_APPLICATION, verb: 'get', parameter: 'application', object: objectInQuery('application') },
    ],
    handle: async (request, response) => {
      const table = parseOrThrow(
        historyTableSchema,
        request.params['table'],
        'The name of the history table',
        'NotFound',
      );
      const { since, until, ...rest } = parseOrThrow(historyQuerySchema, request.query, 'The query', 'InvalidQuery');
      const page = await deps.history.query(table, {
        ...rest,
        sinceMs: since === undefined ? undefined : Date.parse(since),
        untilMs: until === undefined ? undefined : Date.parse(until),
      });
      response.json(page);
    },
  });

  mount({
    method: 'put',
    path: '/api/v1/applications/:namespace/:name/replicas',
    permissions: [{ ...OF_APPLICATION, verb: 'update' }],
    body: express.json({ limit: '16kb' }),
    handle: async (request, response, caller) => {
      const body = parseStrictly(replicasSchema, request.body, 'The body');
      await write(request, response, caller, body, 'replicas');
    },
  });

  mount({
    method: 'put',
    path: '/api/v1/applications/:namespace/:name/:part',
    permissions: [{ ...OF_APPLICATION, verb: 'update' }],
    body: express.json({ limit: '256kb' }),
    handle: async (request, response, caller) => {
      const part = parseOrThrow(partSchema, request.params['part'], 'The part of the spec', 'NotFound');
      const body = parseStrictly(autoscalerSpecSchema.shape[part].unwrap(), request.body, 'The body');
      await write(request, response, caller, { [part]: body }, part);
    },
  });

  /** Replaces a part of the spec; Kubernetes validates the whole, so a bad change leaves all as it was. */
  async function write(
    request: Request,
    response: Response,
    caller: Caller,
    spec: Record<string, unknown>,
    part: string,
  ): Promise<void> {
    const application = find(watch, request);
    const { namespace, name } = application.metadata;
    const path = pathOf(RESOURCES.autoscalers, namespace, name);
    // A merge-patch merges objects; what the new value does not name must go, so the old part is replaced as a whole.
    const body = Object.entries(spec).map(([key, value]) => ({ op: 'add', path: `/spec/${key}`, value }));
    const version = ifMatchVersion(request.headers['if-match']);
    // Written back, it must be the current one: 409 if not. A failed "test" would not be told apart from other refusals.
    const fence = version === undefined ? [] : [{ op: 'replace', path: '/metadata/resourceVersion', value: version }];
    let written: { metadata: { resourceVersion: string }; spec: unknown };
    try {
      written = await deps.api.request('PATCH', path, { contentType: PATCH_TYPES.json, body: [...fence, ...body] });
    } catch (error) {
      throw refusedByKubernetes(error, `Autoscaler ${namespace}/${name}`, version !== undefined);
    }
    const record = {
      timeMs: deps.clock.wallMs(),
      application: application.key,
      actor: caller.name,
      action: `PUT ${part}`,
      message: JSON.stringify(spec),
    };
    deps.publish({ kind: 'Audited', record });
    response.setHeader('etag', `"${written.metadata.resourceVersion}"`);
    response.json(written.spec);
  }
}

function listed(query: unknown): { readonly namespace?: string | undefined } {
  return parseOrThrow(applicationsQuerySchema, query, 'The query', 'InvalidQuery');
}

/** Publishes who was refused what, as long as it is known who it was. */
export function publishRefusal(publish: Publish, entry: AuditEntry, clock: Clock): void {
  const { user, address, action, object, refused, repeated } = entry;
  if (refused !== 'Forbidden') return;
  const message = `Refused (${refused}), from ${address}${repeated === undefined ? '' : `; ${repeated} more times before`}.`;
  const record = { timeMs: clock.wallMs(), application: object, actor: user, action, message };
  publish({ kind: 'Audited', record });
}

/** What there is elsewhere is not told: whoever may look into this namespace may not know the others. */
function find(watch: ApplicationWatch, request: Request): ApplicationSnapshot {
  const { namespace, name } = objectInPath(request);
  const application = watch.get(`${namespace}/${name}`);
  if (application === undefined) {
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
  return application;
}

function shown(
  application: ApplicationSnapshot | undefined,
  deps: ApplicationRoutesDeps,
): z.input<typeof applicationSchema> | undefined {
  if (application === undefined) return undefined;
  const { metadata, resource, deployment, conflict } = application;
  const signals = deps.signalsOf(application);
  const traffic = hasTraffic(signals.traffic) ? signals.traffic : undefined;
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    resourceVersion: metadata.resourceVersion,
    ...(resource === undefined ? {} : { spec: resource.spec }),
    ...(resource?.status === undefined ? {} : { status: resource.status }),
    invalid: [...application.invalid],
    ...(conflict === undefined ? {} : { conflict: conflict.message }),
    ...(deployment === undefined ? {} : { replicas: deployment.spec.replicas ?? 1 }),
    readyReplicas: readyReplicas(application),
    signals: {
      ...ofPodSignals((signal) => numberOf(podReadingOf(signals, { signal }))),
      responseTimeP95Ms: numberOf(signals.responseTimeMs(95)),
      inFlight: traffic?.inFlight ?? null,
      queued: traffic?.queued ?? null,
      idleSeconds: traffic === undefined ? null : Math.round(traffic.idleMs) / 1000,
    },
  };
}

function podsOf(
  application: ApplicationSnapshot,
  { collector, clock }: ApplicationRoutesDeps,
): z.input<typeof podSchema>[] {
  return application.pods.map((pod) => {
    const { name, uid, namespace = '', deletionTimestamp } = pod.metadata;
    const measured = collector.latestOf(`${namespace}/${name}`, clock.monotonicMs());
    return {
      name,
      uid,
      ...(pod.spec.nodeName === undefined ? {} : { node: pod.spec.nodeName }),
      ...(pod.status?.podIP === undefined ? {} : { address: pod.status.podIP }),
      ready: isPodReady(pod),
      terminating: deletionTimestamp !== undefined,
      live: measured?.sample.live ?? null,
      metrics: measured?.sample ?? null,
      metricsAgeMs: measured === undefined ? null : Math.round(measured.ageMs),
    };
  });
}

function numberOf(reading: Reading): number | null {
  return reading.kind === 'noData' ? null : reading.value;
}

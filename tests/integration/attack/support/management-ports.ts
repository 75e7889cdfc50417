import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import { Registry } from 'prom-client';
import type { Publish } from '../../../../autoscaler/events/domain-event.ts';
import { publishRefusal } from '../../../../autoscaler/api/publish-refusal.ts';
import { managementRoutes } from '../../../../autoscaler/api/routes.ts';
import { autoscalerOpenapi } from '../../../../autoscaler/api/openapi.ts';
import { MetricsCollector } from '../../../../autoscaler/domain/signals/metrics-collector.ts';
import { applyManifest } from '../../../../demo/apply.ts';
import { rightsManifests } from '../../../../demo/stack-manifests.ts';
import { loadbalancerOpenapi } from '../../../../loadbalancer/api/openapi.ts';
import { HoldBudget } from '../../../../loadbalancer/domain/hold-queue.ts';
import { proxyRoutes } from '../../../../loadbalancer/api/proxy/routes.ts';
import { SETTINGS_ROUTES } from '../../../../loadbalancer/api/settings/routes.ts';
import { RequestLog } from '../../../../loadbalancer/request-log/request-log.ts';
import { customResourceDefinitions } from '../../../../shared/api/crd.ts';
import { ClusterAccess } from '../../../../shared/http/access.ts';
import { AuditLog } from '../../../../shared/http/audit-log.ts';
import { createManagementApp } from '../../../../shared/http/management-app.ts';
import { bind } from '../../../../shared/http/route.ts';
import { ApplicationWatch } from '../../../../shared/kubernetes/application-watch.ts';
import { KubeApi } from '../../../../shared/kubernetes/kube-api.ts';
import type { Logger } from '../../../../shared/runtime/logger.ts';
import { systemClock } from '../../../../shared/runtime/clock.ts';
import { close, listen } from '../../../../shared/http/listen.ts';
import { directoryOf } from '../../../support/directory.ts';
import { startLocalApi, type LocalApi } from '../../../support/local-api.ts';
import { silentLogger } from '../../../support/silent-logger.ts';
import { until } from '../../../support/until.ts';

/** Namespace of the product. */
export const SYSTEM = 'nemesis-system';
/** Where "all namespaces" and the settings are. */
export const NAMESPACES = { everywhere: '', systemNamespace: SYSTEM };
const RBAC = 'rbac.authorization.k8s.io';
const ACCOUNTS = ['tenant-a/default', 'tenant-a/viewer', 'tenant-b/default', 'stranger/default', 'ops/admin'];

/** What a management port answered. */
export interface Reply {
  readonly status: number;
  readonly code: unknown;
  readonly body: Readonly<Record<string, unknown>>;
  readonly etag: string | undefined;
}

const managed = (logger: Logger) => ({ logger, registry: new Registry(), notReadyReason: () => undefined });

/** Both management ports with the real routes, on a cluster that enforces RBAC, and accounts that may ask them. */
export class ManagementPorts {
  readonly audited: Record<string, unknown>[] = [];
  readonly history: { actor?: string; message?: string }[] = [];
  /** Tokens by account: `tenant-a/default` may edit in tenant-a, `tenant-a/viewer` view, `stranger/default` nothing. */
  readonly tokens: Record<string, string> = {};
  /** Clients with the rights of the autoscaler and of the load balancer. */
  readonly apis: KubeApi[] = [];
  readonly #servers: Server[] = [];
  #local!: LocalApi;
  #watch!: ApplicationWatch;

  static async start(): Promise<ManagementPorts> {
    const ports = new ManagementPorts();
    await ports.#start();
    return ports;
  }

  async #start(): Promise<void> {
    this.#local = await startLocalApi();
    for (const definition of customResourceDefinitions()) await applyManifest(this.#local.api, definition);
    for (const name of [SYSTEM, 'tenant-a', 'tenant-b', 'stranger', 'ops'])
      await this.#apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    for (const manifest of rightsManifests()) await applyManifest(this.#local.api, manifest);
    for (const account of ACCOUNTS) {
      const [namespace = '', name = ''] = account.split('/');
      if (name !== 'default')
        await this.#apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name } });
      this.tokens[account] = await this.#tokenOf(namespace, name);
    }
    // As administrators of namespaces bind people: to the roles that every cluster has. Ours go into these.
    await this.#bind('RoleBinding', 'tenant-a', 'edit', 'tenant-a/default');
    await this.#bind('RoleBinding', 'tenant-a', 'view', 'tenant-a/viewer');
    await this.#bind('RoleBinding', 'tenant-b', 'edit', 'tenant-b/default');
    await this.#bind('ClusterRoleBinding', undefined, 'nemesis-admin', 'ops/admin');
    for (const [namespace, name] of [
      ['tenant-a', 'shop'],
      ['tenant-b', 'payments'],
    ] as const) {
      const metadata = { namespace, name };
      const spec = { scaleTargetRef: { name }, route: { hosts: [`${name}.example`] } };
      await this.#apply({ apiVersion: 'nemesis.io/v1alpha1', kind: 'Autoscaler', metadata, spec });
    }
    await this.#serveBoth();
  }

  async #serveBoth(): Promise<void> {
    const note: Logger['info'] = (text, fields) => {
      if (text === 'audit') this.audited.push({ ...fields });
    };
    const logger: Logger = { ...silentLogger, info: note, warn: note };
    await this.#serveAutoscaler(logger);
    await this.#serveLoadbalancer(logger);
  }

  async #serveAutoscaler(logger: Logger): Promise<void> {
    const clock = systemClock;
    const autoscaler = await this.#apiOf('nemesis-autoscaler');
    this.#watch = new ApplicationWatch(autoscaler, { systemNamespace: SYSTEM }, { logger, clock, random: Math.random });
    this.#watch.start(() => undefined);
    await this.#watch.firstSync();
    await until(() => this.#watch.keys().length === 2);
    const collector = new MetricsCollector();
    const publish: Publish = (event) => {
      if (event.kind === 'Audited') this.history.push(event.record);
    };
    this.#servers.push(
      await serve(
        createManagementApp(
          {
            ...managed(logger),
            access: new ClusterAccess(autoscaler, NAMESPACES, { clock }),
            audit: new AuditLog({ logger, clock, registry: new Registry() }, (entry) =>
              publishRefusal(publish, entry, clock),
            ),
            openapi: autoscalerOpenapi(),
          },
          managementRoutes({
            api: autoscaler,
            watch: this.#watch,
            collector,
            signalsOf: ({ key }) => collector.signals(key, [], [], 0, 15_000),
            explain: () => Promise.resolve(undefined),
            history: { query: () => Promise.resolve({ items: [], nextCursor: undefined }) },
            publish,
            clock,
          }),
        ),
      ),
    );
  }

  async #serveLoadbalancer(logger: Logger): Promise<void> {
    const clock = systemClock;
    const loadbalancer = await this.#apiOf('nemesis-loadbalancer');
    this.#servers.push(
      await serve(
        createManagementApp(
          {
            ...managed(logger),
            access: new ClusterAccess(loadbalancer, NAMESPACES, { clock }),
            audit: new AuditLog({ logger, clock, registry: new Registry() }),
            openapi: loadbalancerOpenapi(),
          },
          [
            ...bind(SETTINGS_ROUTES, { api: loadbalancer, systemNamespace: SYSTEM }),
            // A data plane that is not there answers 502: whoever sees that was let through.
            ...proxyRoutes({
              directory: directoryOf(this.#watch, ...this.#watch.keys()),
              budget: new HoldBudget(256 * 2 ** 20),
              requestLog: new RequestLog([]),
              dataPlane: () => ({ host: '127.0.0.1', port: 1 }),
            }),
          ],
        ),
      ),
    );
  }

  /** A client that may do anything. */
  get admin(): KubeApi {
    return this.#local.api;
  }

  /** The version of the Autoscaler's spec that the management port knows. */
  knownGeneration(key: string): number | undefined {
    return this.#watch.get(key)?.metadata.generation;
  }

  async stop(): Promise<void> {
    this.#watch.stop();
    await Promise.all(this.#servers.map((server) => close(server)));
    for (const api of this.apis) api.close();
    await this.#local.stop();
  }

  async #apply(manifest: Parameters<typeof applyManifest>[1]): Promise<void> {
    await applyManifest(this.#local.api, manifest);
  }

  async #bind(kind: string, namespace: string | undefined, role: string, account: string): Promise<void> {
    const [of = '', name = ''] = account.split('/');
    const binding = {
      apiVersion: `${RBAC}/v1`,
      kind,
      metadata: { name: `${role}-${of}-${name}`, ...(namespace === undefined ? {} : { namespace }) },
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: role },
      subjects: [{ kind: 'ServiceAccount', namespace: of, name }],
    };
    await this.#apply(binding);
  }

  async #tokenOf(namespace: string, account: string): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;
    return (await this.#local.api.request<{ status: { token: string } }>('POST', path, { body: { spec: {} } })).status
      .token;
  }

  /** A client with the rights that the manifests give this program. */
  async #apiOf(account: string): Promise<KubeApi> {
    const config = new KubeConfig();
    config.loadFromOptions({
      clusters: [{ name: 'c', server: this.#local.cluster.url, skipTLSVerify: true }],
      users: [{ name: 'u', token: await this.#tokenOf(SYSTEM, account) }],
      contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
      currentContext: 'x',
    });
    const api = new KubeApi(config, account);
    this.apis.push(api);
    return api;
  }

  /** Asks a port as an account, or with a token of any kind. */
  async ask(
    port: 8090 | 8081,
    who: string | undefined,
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Reply> {
    const server = this.#servers[port === 8090 ? 0 : 1]!;
    const token = who === undefined ? undefined : (this.tokens[who] ?? who);
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, {
      method,
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    const parsed = /^[[{]/.test(text) ? (JSON.parse(text) as Reply['body']) : {};
    return { status: answer.status, code: parsed['code'], body: parsed, etag: answer.headers.get('etag') ?? undefined };
  }
}

const serve = (app: Parameters<typeof listen>[0]): Promise<Server> => listen(app, { host: '127.0.0.1', port: 0 });

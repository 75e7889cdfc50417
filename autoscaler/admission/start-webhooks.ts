import type { Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import type { ApplicationWatch } from '../../shared/kubernetes/application-watch.ts';
import type { KubeClient } from '../../shared/kubernetes/kube-api.ts';
import type { Lifecycle } from '../../shared/runtime/lifecycle.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { close, listen } from '../../shared/http/listen.ts';
import type { Certificates } from '../certificates/certificates.ts';
import { AutoscalerValidator } from './autoscaler-validator.ts';
import { ClusterVersion } from './cluster-version.ts';
import { applicationOfPod, Injector } from './injector.ts';
import { createWebhookApp } from './webhook-server.ts';

/** API servers hear of the end of a controller at different times; until then it still answers. */
const STILL_ANSWERING_MS = 3_000;

/**
 * API servers close a connection that was idle for 90 seconds. Were we the first to close, a question could be on its
 * way just then, and a pod would be made without a sidecar.
 */
const IDLE_CONNECTION_MS = 120_000;

/** The settings of the webhooks. */
export interface WebhookSettings {
  readonly bindAddress: string;
  readonly webhookPort: number;
  /** Empty: no injection. */
  readonly sidecarImage: string;
  readonly sidecarControllerUrl: string;
  readonly systemNamespace: string;
}

/** What the webhooks stand on. */
export interface WebhookDeps {
  readonly api: KubeClient;
  readonly version: string;
  readonly certificates: Certificates;
  /** Synced, since the Autoscalers say which port a pod is reached on. */
  readonly watch: Pick<ApplicationWatch, 'applicationOfTarget'>;
  readonly registry: Registry;
  readonly logger: Logger;
  readonly lifecycle: Pick<Lifecycle, 'signal' | 'onStop'>;
}

/** Opens the port that the API server asks: about Autoscalers, and about pods if there is a sidecar to put into them. */
export async function startWebhooks(settings: WebhookSettings, deps: WebhookDeps): Promise<Server> {
  const { certificates, registry, logger, lifecycle } = deps;
  const injector = settings.sidecarImage === '' ? undefined : await buildInjector(settings, deps);
  const validator = new AutoscalerValidator({ registry, logger });
  const app = createWebhookApp({ injector, validator }, { logger, registry });
  const address = { host: settings.bindAddress, port: settings.webhookPort };
  // When it stops, each answer closes its connection: the next question goes to another controller.
  const server = await listen(app, address, { tls: certificates, stopping: lifecycle.signal, logger });
  server.keepAliveTimeout = IDLE_CONNECTION_MS;
  lifecycle.onStop('webhook', async () => {
    await delay(STILL_ANSWERING_MS);
    await close(server);
  });
  logger.info('the webhook answers', { port: settings.webhookPort, image: settings.sidecarImage });
  return server;
}

async function buildInjector(settings: WebhookSettings, deps: WebhookDeps): Promise<Injector> {
  const { api, certificates, watch, registry, logger, lifecycle } = deps;
  const clusterVersion = new ClusterVersion(api, { logger });
  await clusterVersion.start();
  lifecycle.onStop('version of the cluster', () => clusterVersion.stop());
  return new Injector({
    image: settings.sidecarImage,
    controllerUrl: settings.sidecarControllerUrl,
    version: deps.version,
    systemNamespace: settings.systemNamespace,
    ca: () => certificates.ca,
    native: () => clusterVersion.native,
    applicationOf: (pod, namespace) => applicationOfPod(watch, pod, namespace),
    registry,
    logger,
  });
}

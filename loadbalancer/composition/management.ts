import { ClusterAccess, openAccess } from '../../shared/http/access.ts';
import { AuditLog } from '../../shared/http/audit-log.ts';
import { close, listen } from '../../shared/http/listen.ts';
import { createManagementApp } from '../../shared/http/management-app.ts';
import { bind } from '../../shared/http/route.ts';
import { isLoopback } from '../../shared/kubernetes/token-guard.ts';
import { loadbalancerOpenapi } from '../api/openapi.ts';
import { ownAddress } from '../api/proxy/own-address.ts';
import { proxyRoutes } from '../api/proxy/routes.ts';
import { SETTINGS_ROUTES } from '../api/settings/routes.ts';
import type { Forwarding } from './data-plane.ts';
import type { Foundation } from './foundation.ts';
import type { Routing } from './routing.ts';

/** Opens the port for people and tools. */
export async function startManagement(
  { settings, logger, lifecycle, clock, registry }: Foundation,
  { api, directory, budget }: Routing,
  { plane, requestLog }: Forwarding,
): Promise<void> {
  const guarded = !isLoopback(settings.bindAddress) && !settings.openManagement;
  const namespaces = { everywhere: settings.watchNamespace, systemNamespace: settings.systemNamespace };
  const management = createManagementApp(
    {
      access: guarded ? new ClusterAccess(api, namespaces, { clock }) : openAccess(namespaces),
      audit: new AuditLog({ logger, clock, registry }),
      logger,
      registry,
      openapi: loadbalancerOpenapi(),
      notReadyReason: () => (plane.port === undefined ? 'waiting for the first sync of the routes' : undefined),
      stopping: lifecycle.signal,
    },
    [
      ...bind(SETTINGS_ROUTES, { api, systemNamespace: settings.systemNamespace }),
      ...proxyRoutes({
        directory,
        requestLog,
        budget,
        dataPlane: () => ({ host: ownAddress(settings.dataAddress), port: plane.port ?? settings.dataPort }),
      }),
    ],
  );
  const { bindAddress: host, port } = settings;
  const server = await listen(management, { host, port }, { stopping: lifecycle.signal, logger });
  lifecycle.onStop('management server', () => close(server));
}

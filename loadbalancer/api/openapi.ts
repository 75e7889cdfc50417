import { openapiDocument, type OpenApiDocument } from '../../shared/http/openapi.ts';
import type { Operation } from '../../shared/http/operation.ts';
import { OWN_ROUTES } from '../../shared/http/own-routes.ts';
import { PROXY_ROUTES } from './proxy/routes.ts';
import { SETTINGS_ROUTES } from './settings/routes.ts';

/** Everything that the load balancer serves on its management port. */
export const LOADBALANCER_OPERATIONS: readonly Operation[] = [...SETTINGS_ROUTES, ...PROXY_ROUTES, ...OWN_ROUTES];

/** The OpenAPI document of the load balancer's management port. */
export function loadbalancerOpenapi(): OpenApiDocument {
  return openapiDocument(
    {
      title: 'k8s-nemesis load balancer',
      description:
        'Settings, the request log, and requests through the data plane. The data plane itself is on another port.',
    },
    LOADBALANCER_OPERATIONS,
  );
}

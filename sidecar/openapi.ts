import document from './openapi.json' with { type: 'json' };

/** The OpenAPI document of the sidecar, as "npm run generate" made it of the routes: what makes it is not loaded in pods. */
export function openapiDocument(): object {
  return document;
}

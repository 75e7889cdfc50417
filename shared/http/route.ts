import type { Express, Request, RequestHandler, Response } from 'express';
import { NemesisError } from '../errors/registry.ts';
import type { ResourceAttributes } from '../kubernetes/access-reviews.ts';
import { createManagementApp, type Management } from '../runtime/management-server.ts';
import { anonymous, type Access, type Caller } from './access.ts';
import type { AuditLog } from './audit-log.ts';

/** An application, or a whole namespace. */
export interface PermissionObject {
  readonly namespace: string;
  readonly name?: string;
}

/**
 * What a caller must be allowed to do to a resource of ours. Where it must be allowed: in all namespaces, in that of the
 * product, or in that of an object which the request names.
 */
export interface Permission {
  readonly verb: 'get' | 'list' | 'create' | 'update';
  readonly resource: 'autoscalers' | 'loadbalancersettings';
  readonly subresource?: 'proxy' | 'log';
  readonly scope: 'AllNamespaces' | 'SystemNamespace' | 'ObjectNamespace';
  /** Finds the object of the request; for scope ObjectNamespace. @throws NemesisError where there is none */
  readonly object?: (request: Request) => PermissionObject;
  /** The permission that is needed instead when the request has this query parameter. */
  readonly parameter?: string;
  /** Whether the object is named in the body, so that this is read before the permission is reviewed. */
  readonly afterBody?: boolean;
}

/** One declaration of a route on a management port. */
export interface Route {
  readonly method: 'get' | 'post' | 'put' | 'patch';
  /** As Express writes it; several lead to the same. */
  readonly path: string | readonly string[];
  /** What callers need; the first is the rule, the others are for requests with their parameter. */
  readonly permissions: readonly [Permission, ...Permission[]];
  /** Reads the body. */
  readonly body?: RequestHandler;
  readonly handle: (request: Request, response: Response, caller: Caller) => unknown;
}

/** Mounts a route. @throws Error when it states no permission */
export type MountRoute = (route: Route) => void;

/** What decides about callers, and what keeps the record of it. */
export interface RouteDeps {
  readonly access: Access;
  readonly audit: AuditLog;
}

/**
 * A management application on which only routes with a stated permission can be mounted; health, metrics and OpenAPI
 * answer everybody.
 *
 * @param mount - is given the only way to add a route
 */
export function createGuardedApp(deps: Management & RouteDeps, mount: (route: MountRoute) => void): Express {
  return createManagementApp(deps, (app) => mount((route) => mountRoute(app, route, deps)));
}

/** The permission that a request needs. */
export function permissionOf({ permissions }: Pick<Route, 'permissions'>, request: Request): Permission {
  const narrowed = permissions.find(({ parameter }) => parameter !== undefined && parameter in request.query);
  return narrowed ?? permissions[0];
}

/** The query parameter `namespace/name` of a request. @throws NemesisError InvalidQuery */
export function objectInQuery(parameter: string): (request: Request) => Required<PermissionObject> {
  return ({ query }) => {
    const value = query[parameter];
    const [, namespace, name] = (typeof value === 'string' && /^([^/]+)\/([^/]+)$/.exec(value)) || [];
    if (namespace !== undefined && name !== undefined) return { namespace, name };
    throw new NemesisError('InvalidQuery', `The query parameter ${parameter} must be one namespace/name.`);
  };
}

/** The application that the path names. */
export function objectInPath({ params }: Request): Required<PermissionObject> {
  return {
    namespace: String(params['namespace']),
    name: String(params['name']),
  };
}

function mountRoute(app: Express, route: Route, { access, audit }: RouteDeps): void {
  const { method, path, body, handle } = route;
  const [shown = ''] = [path].flat();
  const action = `${method.toUpperCase()} ${shown}`;
  // The type forbids it, and so does this: what nobody thought about is not served.
  if (!Array.isArray(route.permissions) || route.permissions.length === 0) {
    throw new Error(`The route ${action} states no permission; every route on a management port needs one.`);
  }

  const authorize = async (request: Request, caller: Caller, permission: Permission): Promise<string> => {
    const attributes = attributesOf(permission, request, access);
    const object = [attributes.namespace, attributes.name].filter((part) => part !== undefined).join('/');
    try {
      await access.authorize(caller, attributes);
    } catch (error) {
      if (error instanceof NemesisError) audit.refused(caller, action, object, error.code);
      throw error;
    }
    return object;
  };

  const enter: RequestHandler = async (request, response, next) => {
    let caller: Caller;
    try {
      caller = await access.authenticate(request, response);
    } catch (error) {
      if (error instanceof NemesisError) audit.refused(anonymous(request), action, '', error.code);
      throw error;
    }
    const permission = permissionOf(route, request);
    const object = permission.afterBody === true ? undefined : await authorize(request, caller, permission);
    response.locals[ENTERED] = { caller, permission, object } satisfies Entered;
    next();
  };

  app[method]([path].flat(), enter, ...(body === undefined ? [] : [body]), async (request, response) => {
    const { caller, permission, object } = response.locals[ENTERED] as Entered;
    const about = object ?? (await authorize(request, caller, permission));
    if (method !== 'get') {
      response.once('finish', () => {
        if (response.statusCode < 400) audit.done(caller, action, about);
      });
    }
    await handle(request, response, caller);
  });
}

const ENTERED = 'entered';

interface Entered {
  readonly caller: Caller;
  readonly permission: Permission;
  readonly object: string | undefined;
}

function attributesOf(permission: Permission, request: Request, access: Access): ResourceAttributes {
  const { verb, resource, subresource, scope } = permission;
  const what = { verb, resource, ...(subresource === undefined ? {} : { subresource }) };
  switch (scope) {
    case 'AllNamespaces':
      return { ...what, namespace: access.everywhere };
    case 'SystemNamespace':
      return { ...what, namespace: access.systemNamespace };
    case 'ObjectNamespace': {
      const found = permission.object?.(request);
      if (found === undefined)
        throw new Error(`The permission to ${verb} ${resource} does not say in which namespace.`);
      return { ...what, ...found };
    }
  }
}

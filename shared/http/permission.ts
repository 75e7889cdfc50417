import type { Request } from 'express';
import { NemesisError } from '../errors/registry.ts';
import type { ResourceAttributes } from '../kubernetes/access-reviews.ts';
import type { Access } from './access.ts';

/** An application, or a whole namespace. */
export interface PermissionObject {
  readonly namespace: string;
  readonly name?: string;
}

/** What a request shows before it is parsed. With `afterBody` its body is parsed. */
export type UnparsedRequest = Pick<Request, 'params' | 'query' | 'originalUrl'> & { readonly body: unknown };

/**
 * What a caller must be allowed to do to a resource of ours. Where it must be allowed: in all namespaces, in that of the
 * product, or in that of an object which the request names.
 */
export interface Permission<D = unknown> {
  readonly verb: 'get' | 'list' | 'create' | 'update';
  readonly resource: 'autoscalers' | 'loadbalancersettings';
  readonly subresource?: 'proxy' | 'log';
  readonly scope: 'AllNamespaces' | 'SystemNamespace' | 'ObjectNamespace';
  /** Finds the object of the request; for scope ObjectNamespace. @throws NemesisError where there is none */
  readonly object?: (request: UnparsedRequest, deps: D) => PermissionObject;
  /** Which namespace that is, for the docs. @defaultValue its namespace */
  readonly where?: string;
  /** The permission that is needed instead when the request has this query parameter. */
  readonly parameter?: string;
  /** Whether the object is named in the body, so that this is read before the permission is reviewed. */
  readonly afterBody?: boolean;
}

/** What callers need; the first is the rule, the others are for requests with their parameter. */
export type PermissionList<D> = readonly [Permission<D>, ...Permission<D>[]];

/** The permission that a request needs. */
export function permissionOf<D>(permissions: PermissionList<D>, request: Pick<Request, 'query'>): Permission<D> {
  const narrowed = permissions.find(({ parameter }) => parameter !== undefined && parameter in request.query);
  return narrowed ?? permissions[0];
}

/** The query parameter `namespace/name` of a request. @throws NemesisError InvalidQuery */
export function objectInQuery(parameter: string): (request: Pick<Request, 'query'>) => Required<PermissionObject> {
  return ({ query }) => {
    const value = query[parameter];
    const [, namespace, name] = (typeof value === 'string' && /^([^/]+)\/([^/]+)$/.exec(value)) || [];
    if (namespace !== undefined && name !== undefined) return { namespace, name };
    throw new NemesisError('InvalidQuery', `The query parameter ${parameter} must be one namespace/name.`);
  };
}

/** The application that the path names. */
export function objectInPath({ params }: Pick<Request, 'params'>): Required<PermissionObject> {
  return { namespace: String(params['namespace']), name: String(params['name']) };
}

/** What the cluster is asked about a request. @throws NemesisError where the request names no object */
export function attributesOf<D>(
  permission: Permission<D>,
  request: UnparsedRequest,
  deps: D,
  access: Pick<Access, 'everywhere' | 'systemNamespace'>,
): ResourceAttributes {
  const { verb, resource, subresource, scope } = permission;
  const what = { verb, resource, ...(subresource === undefined ? {} : { subresource }) };
  switch (scope) {
    case 'AllNamespaces':
      return { ...what, namespace: access.everywhere };
    case 'SystemNamespace':
      return { ...what, namespace: access.systemNamespace };
    case 'ObjectNamespace': {
      const found = permission.object?.(request, deps);
      if (found === undefined)
        throw new Error(`The permission to ${verb} ${resource} does not say in which namespace.`);
      return { ...what, ...found };
    }
  }
}

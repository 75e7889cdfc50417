import type { Request, Response } from 'express';
import { NemesisError } from '../errors/registry.ts';
import { anonymous, type Access, type Caller, type ProgramIdentity } from './access.ts';
import type { AuditLog } from './audit-log.ts';
import { attributesOf, permissionOf, type Permission, type PermissionList } from './permission.ts';
import type { BoundRoute } from './route.ts';

/** Lets programs of ours in. */
export interface ProgramGate {
  /**
   * @param kind - what is sent, for instance `traffic`
   * @returns whose token it is; undefined where tokens are not asked for
   * @throws NemesisError Unauthenticated, Unavailable, NotLeader
   */
  enter(kind: string, request: Request, response: Response): Promise<ProgramIdentity | undefined>;
}

/** Who decides about callers on a port; a route that needs one which the port does not have is not mounted. */
export interface Gatekeepers {
  /** For routes with permissions. */
  readonly access?: Access;
  /** Keeps the record of what is done and refused on routes with permissions. */
  readonly audit?: AuditLog;
  /** For routes that programs of ours ask. */
  readonly programs?: ProgramGate;
}

/** Somebody who was let in. */
export interface Entered {
  readonly caller: Caller | ProgramIdentity | undefined;
  /** Reviews what could not be reviewed before the body was there, and notes a change once its answer is over. */
  readonly afterBody: () => Promise<void>;
}

/** Stands before a route: says who is let in, before anything of the body is read. */
export type Gate = (request: Request, response: Response) => Promise<Entered>;

/**
 * The gate of a route.
 *
 * @param action - method and path, for the audit log
 * @throws Error when the route says nothing about who may ask, or the port has nobody to ask
 */
export function gateOf({ permissions, method }: BoundRoute, action: string, keepers: Gatekeepers): Gate {
  if (permissions === 'Everybody') return () => Promise.resolve({ caller: undefined, afterBody: nothing });
  // The types forbid it, and so does this: what nobody thought about is not served.
  if (typeof permissions !== 'object' || (Array.isArray(permissions) && permissions.length === 0)) {
    throw new Error(`The route ${action} states no permission; every route on a management port needs one.`);
  }
  if ('programs' in permissions) {
    const { programs } = keepers;
    if (programs === undefined) throw new Error(`The route ${action} is for programs, and this port lets none in.`);
    return async (request, response) => ({
      caller: await programs.enter(permissions.programs, request, response),
      afterBody: nothing,
    });
  }
  const { access, audit } = keepers;
  if (access === undefined || audit === undefined) {
    throw new Error(`The route ${action} needs a permission, and this port has nobody to ask for it.`);
  }
  return gateForPeople(permissions, { action, access, audit, changes: method !== 'get' });
}

interface PeopleGateOptions {
  readonly action: string;
  readonly access: Access;
  readonly audit: AuditLog;
  /** Whether what is done on this route is noted. */
  readonly changes: boolean;
}

function gateForPeople(permissions: PermissionList<undefined>, options: PeopleGateOptions): Gate {
  const { action, access, audit, changes } = options;

  const authorize = async (request: Request, caller: Caller, permission: Permission<undefined>): Promise<string> => {
    const attributes = attributesOf(permission, request, undefined, access);
    const object = [attributes.namespace, attributes.name].filter((part) => part !== undefined).join('/');
    try {
      await access.authorize(caller, attributes);
    } catch (error) {
      if (error instanceof NemesisError) audit.refused(caller, action, object, error.code);
      throw error;
    }
    return object;
  };

  return async (request, response) => {
    let caller: Caller;
    try {
      caller = await access.authenticate(request, response);
    } catch (error) {
      if (error instanceof NemesisError) audit.refused(anonymous(request), action, '', error.code);
      throw error;
    }
    const permission = permissionOf(permissions, request);
    const object = permission.afterBody === true ? undefined : await authorize(request, caller, permission);
    return {
      caller,
      afterBody: async () => {
        const about = object ?? (await authorize(request, caller, permission));
        if (!changes) return;
        // `finish` does not come for a caller that resets the connection, and the change is made all the same.
        response.once('close', () => {
          if (!response.headersSent) audit.done(caller, action, about, true);
          else if (response.statusCode < 400) audit.done(caller, action, about);
        });
      },
    };
  };
}

const nothing = (): Promise<void> => Promise.resolve();

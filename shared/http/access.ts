import type { Request, Response } from 'express';
import { NemesisError } from '../errors/registry.ts';
import { AccessReviews, type ResourceAttributes } from '../kubernetes/access-reviews.ts';
import type { KubeClient } from '../kubernetes/kube-api.ts';
import { ReviewLimits } from '../kubernetes/review-limits.ts';
import { TokenGuard, type TokenUser } from '../kubernetes/token-guard.ts';
import { API_GROUP } from '../model/api-group.ts';
import type { Clock } from '../runtime/clock.ts';
import { bearerToken } from './bearer-token.ts';

/** Who sends a request to a management port. */
export interface Caller {
  /** The cluster's name for the user; `system:anonymous` where no token is asked for. */
  readonly name: string;
  /** Remote address. */
  readonly address: string;
  /** Undefined where no token is asked for. */
  readonly user: TokenUser | undefined;
}

/** Who a program is, by its token. Every program of ours runs in a pod, so its token is bound to one. */
export interface ProgramIdentity {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly podName: string;
  readonly podUid: string;
}

/** Decides who a caller is and what it may do. */
export interface Access {
  /** Namespace that "all namespaces" stands for: empty, or the only one that the program watches. */
  readonly everywhere: string;
  /** Namespace of the product. */
  readonly systemNamespace: string;
  /** @throws NemesisError Unauthenticated, TooManyRequests, Unavailable */
  authenticate(request: Request, response: Response): Promise<Caller>;
  /** @throws NemesisError Forbidden, TooManyRequests, Unavailable */
  authorize(caller: Caller, attributes: ResourceAttributes): Promise<void>;
}

const ANONYMOUS = 'system:anonymous';

/** The caller's name when its token is missing or not valid. */
export function anonymous(request: Request): Caller {
  return { name: ANONYMOUS, address: request.socket.remoteAddress ?? 'unknown', user: undefined };
}

/** Lets everybody do everything: for loopback, and for networks that are trusted as a whole. */
export function openAccess(namespaces: { everywhere: string; systemNamespace: string }): Access {
  return {
    ...namespaces,
    authenticate: (request) => Promise.resolve(anonymous(request)),
    authorize: () => Promise.resolve(),
  };
}

/** Asks the cluster: TokenReview says who the caller is, SubjectAccessReview what RBAC allows it. */
export class ClusterAccess implements Access {
  readonly everywhere: string;
  readonly systemNamespace: string;
  readonly #tokens: TokenGuard;
  readonly #reviews: AccessReviews;

  /** @param audiences - accepted audiences of tokens; empty: the API server's own @defaultValue empty */
  constructor(
    api: KubeClient,
    namespaces: { everywhere: string; systemNamespace: string },
    deps: { clock: Clock },
    audiences: readonly string[] = [],
  ) {
    this.everywhere = namespaces.everywhere;
    this.systemNamespace = namespaces.systemNamespace;
    // Together, so that neither kind of review can take what the API server has left for the other.
    const shared = { clock: deps.clock, limits: new ReviewLimits(deps) };
    this.#tokens = new TokenGuard(api, audiences, shared);
    this.#reviews = new AccessReviews(api, shared);
  }

  async authenticate(request: Request, response: Response): Promise<Caller> {
    const { address } = anonymous(request);
    const token = bearerToken(request);
    if (token === undefined) {
      response.setHeader('www-authenticate', 'Bearer');
      throw new NemesisError(
        'Unauthenticated',
        'This port asks for a cluster token: send "Authorization: Bearer …", for instance with "kubectl create token".',
      );
    }
    const user = await this.#tokens.verify(token, address).catch((error: unknown) => {
      throw unavailable('The token could not be verified', error);
    });
    if (user === undefined) {
      response.setHeader('www-authenticate', 'Bearer error="invalid_token"');
      throw new NemesisError(
        'Unauthenticated',
        'The token is not valid for this cluster, or has expired; make a new one.',
      );
    }
    return { name: user.username, address, user };
  }

  async authorize({ name, address, user }: Caller, attributes: ResourceAttributes): Promise<void> {
    const allowed =
      user !== undefined &&
      (await this.#reviews.allowed(user, attributes, address).catch((error: unknown) => {
        throw unavailable('The permissions of the user could not be reviewed', error);
      }));
    if (allowed) return;
    const { verb, resource, subresource, namespace } = attributes;
    const what = subresource === undefined ? resource : `${resource}/${subresource}`;
    const where = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
    throw new NemesisError(
      'Forbidden',
      `User "${name}" cannot ${verb} resource "${what}" in API group "${API_GROUP}" ${where}; the ClusterRoles nemesis-view, nemesis-edit and nemesis-admin allow it, bound by whoever administers the namespace.`,
    );
  }
}

function unavailable(what: string, error: unknown): NemesisError {
  if (error instanceof NemesisError) return error;
  return new NemesisError('Unavailable', `${what}, since the Kubernetes API did not answer; try again.`, {
    cause: error,
  });
}

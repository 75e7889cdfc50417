import { API_GROUP } from '../model/api-group.ts';
import type { Clock } from '../runtime/clock.ts';
import type { KubeClient } from './kube-api.ts';
import { ReviewCache } from './review-cache.ts';
import { ReviewLimits } from './review-limits.ts';
import type { TokenUser } from './token-guard.ts';

/** What somebody wants to do to a resource of ours. An empty namespace stands for all of them. */
export interface ResourceAttributes {
  readonly verb: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace: string;
  readonly name?: string;
}

// As long as the API server's own delegated authorization keeps them (apiserver/pkg/server/options/authorization.go).
const POSITIVE_MS = 10_000;
const NEGATIVE_MS = 10_000;

/** Asks the cluster's RBAC with SubjectAccessReview what a user may do; results are remembered for ten seconds. */
export class AccessReviews {
  readonly #api: KubeClient;
  readonly #reviews: ReviewCache<true>;

  constructor(api: KubeClient, deps: { clock: Clock; limits?: ReviewLimits }) {
    this.#api = api;
    const limits = deps.limits ?? new ReviewLimits(deps);
    this.#reviews = new ReviewCache(
      { positiveMs: POSITIVE_MS, negativeMs: NEGATIVE_MS },
      { clock: deps.clock, limits },
    );
  }

  /**
   * Whether a user may do something.
   *
   * @param address - remote address of the user, for its budget
   * @throws NemesisError TooManyRequests; KubeError or Error when the API server does not answer
   */
  async allowed(user: TokenUser, attributes: ResourceAttributes, address?: string): Promise<boolean> {
    const { username, uid, groups, extra } = user;
    const spec = {
      user: username,
      ...(uid === undefined ? {} : { uid }),
      groups,
      extra,
      resourceAttributes: { group: API_GROUP, ...attributes },
    };
    const answer = await this.#reviews.ask(JSON.stringify(spec), address, async () => {
      const { status } = await this.#api.request<{ status?: { allowed?: boolean } }>(
        'POST',
        '/apis/authorization.k8s.io/v1/subjectaccessreviews',
        { body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec } },
      );
      return status?.allowed === true ? true : undefined;
    });
    return answer === true;
  }
}

import { getPath, isObject, type JsonObject } from '../model/json.ts';
import { timestamp } from '../model/objects.ts';
import type { Authenticator, TokenSubject, UserInfo } from './auth.ts';
import { apiAudience } from './auth.ts';
import { actionInReview, userOf, type Authorizer } from './authorizer.ts';
import { badRequest, conflict, invalid, notFound } from './api-error.ts';
import { invalidValue } from './built-in-validation.ts';
import type { Registry } from './registry.ts';

function userJson(user: UserInfo): JsonObject {
  return {
    username: user.username,
    ...(user.uid === undefined ? {} : { uid: user.uid }),
    groups: user.groups,
    ...(user.extra ? { extra: user.extra } : {}),
  };
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** Answers a review, a kind that is created to ask a question and is not stored. Undefined for any other kind. */
export async function review(
  plural: string,
  body: JsonObject,
  user: UserInfo,
  { authenticator, authorizer }: { authenticator: Authenticator; authorizer: Authorizer },
): Promise<JsonObject | undefined> {
  const spec = isObject(body['spec']) ? body['spec'] : {};
  const metadata = { creationTimestamp: null, ...(isObject(body['metadata']) ? body['metadata'] : {}) };
  switch (plural) {
    case 'tokenreviews': {
      const audiences = strings(spec['audiences']);
      const verdict = await authenticator.verify(
        typeof spec['token'] === 'string' ? spec['token'] : '',
        audiences.length > 0 ? audiences : undefined,
      );
      const status =
        'error' in verdict
          ? { user: {}, error: verdict.error }
          : { authenticated: true, user: userJson(verdict.user), audiences: verdict.audiences };
      return { ...body, metadata, status };
    }
    case 'selfsubjectreviews':
      return {
        kind: 'SelfSubjectReview',
        apiVersion: 'authentication.k8s.io/v1',
        metadata,
        status: { userInfo: userJson(user) },
      };
    case 'selfsubjectaccessreviews':
    case 'subjectaccessreviews': {
      const action = actionInReview(spec);
      const about = plural === 'subjectaccessreviews' ? userOf(spec) : user;
      // Paths that are no resources are open to every user here.
      return { ...body, metadata, status: { allowed: action === undefined || authorizer.allows(about, action) } };
    }
    case 'selfsubjectrulesreviews': {
      const namespace = typeof spec['namespace'] === 'string' ? spec['namespace'] : '';
      const all = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] };
      const rules = user.groups.includes('system:masters') ? [all] : authorizer.rulesOf(user, namespace);
      return {
        ...body,
        metadata,
        status: {
          resourceRules: rules.map((rule) => ({ ...rule })),
          nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
          incomplete: false,
        },
      };
    }
    default:
      return undefined;
  }
}

/** Answers a TokenRequest on a service account. @throws ApiError 400, 404, 409, 422 */
export async function requestToken(
  registry: Registry,
  authenticator: Authenticator,
  namespace: string,
  account: string,
  body: JsonObject,
): Promise<JsonObject> {
  const serviceAccount = registry.get(registry.types.named('ServiceAccount'), namespace, account);
  const spec = isObject(body['spec']) ? body['spec'] : {};
  const seconds = typeof spec['expirationSeconds'] === 'number' ? spec['expirationSeconds'] : 3600;
  const tokenRequest = { group: 'authentication.k8s.io', plural: 'tokenrequests', kind: 'TokenRequest' };
  if (seconds < 600) {
    throw invalid(tokenRequest, '', [
      invalidValue('spec.expirationSeconds', seconds, 'may not specify a duration less than 10 minutes'),
    ]);
  }
  const subject: TokenSubject = { namespace, serviceAccount: { name: account, uid: serviceAccount.metadata.uid } };
  const bound = spec['boundObjectRef'];
  if (isObject(bound)) {
    if (bound['kind'] !== 'Pod') throw badRequest('cannot bind token to an object of this kind here; only to a Pod');
    const name = typeof bound['name'] === 'string' ? bound['name'] : '';
    const type = registry.types.named('Pod');
    const pod = registry.store.get('pods', namespace, name);
    if (!pod) throw notFound(type, name);
    const uid = typeof bound['uid'] === 'string' && bound['uid'] !== '' ? bound['uid'] : pod.metadata.uid;
    if (uid !== pod.metadata.uid) {
      const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
      throw conflict(type, name, why);
    }
    if (getPath(pod, ['spec', 'serviceAccountName']) !== account) {
      throw badRequest(
        `cannot bind token for serviceaccount "${account}" to pod running with different serviceaccount name.`,
      );
    }
    subject.pod = { name, uid };
  }
  const audiences = strings(spec['audiences']);
  const { token, expires } = await authenticator.issue(
    subject,
    audiences.length > 0 ? audiences : [apiAudience],
    seconds,
  );
  return {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name: account, namespace, creationTimestamp: timestamp() },
    spec: { ...spec, audiences: audiences.length > 0 ? audiences : [apiAudience], expirationSeconds: seconds },
    status: { token, expirationTimestamp: timestamp(expires * 1000) },
  };
}

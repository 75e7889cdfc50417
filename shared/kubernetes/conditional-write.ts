import { NemesisError } from '../errors/registry.ts';
import { messageOf } from '../runtime/logger.ts';
import { KubeError } from './kube-api.ts';

/**
 * The resourceVersion in an `If-Match` header, whose entity tags we make of resourceVersions.
 *
 * @see RFC 9110 section 13.1.1
 * @returns undefined without a header, or for `*`
 * @throws NemesisError InvalidQuery when it is not one strong entity tag
 */
export function ifMatchVersion(header: string | undefined): string | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  const version = /^"(\d+)"$/.exec(header.trim())?.[1];
  if (version === undefined) {
    throw new NemesisError(
      'InvalidQuery',
      `If-Match is ${header}; expected the ETag of an earlier answer, such as "1234".`,
    );
  }
  return version;
}

/** What an entity tag of a spec is made of. */
export interface SpecVersion {
  readonly uid: string;
  readonly generation: number;
}

/**
 * The entity tag of an object's spec: it changes with the spec, and with the object where it is created again, and not
 * with the status.
 *
 * @see https://kubernetes.io/docs/reference/using-api/api-concepts/ and RFC 9110 section 8.8.3
 */
export function specTag({
  uid,
  generation,
}: {
  readonly uid: string;
  readonly generation?: number | undefined;
}): string {
  return `"${uid}.${generation ?? 0}"`;
}

/**
 * The version in an `If-Match` header whose entity tags are those of {@link specTag}.
 *
 * @returns undefined without a header, or for `*`
 * @throws NemesisError InvalidQuery when it is not one such entity tag
 */
export function ifMatchSpec(header: string | undefined): SpecVersion | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  const [, uid, generation] = /^"([\w-]{1,64})\.(\d{1,15})"$/.exec(header.trim()) ?? [];
  if (uid !== undefined && generation !== undefined) return { uid, generation: Number(generation) };
  const example = specTag({ uid: '0d4b3c1e-52f5-4b0f-8f3c-1a2b3c4d5e6f', generation: 7 });
  throw new NemesisError(
    'InvalidQuery',
    `If-Match is ${header}; expected the ETag of an earlier answer, such as ${example}.`,
  );
}

/** What the API server's refusal of a write means for the one who asked us. */
export function refusedByKubernetes(error: unknown, what: string, conditional: boolean): NemesisError {
  if (!(error instanceof KubeError)) {
    return new NemesisError(
      'Unavailable',
      `${what} was not changed, since the Kubernetes API did not answer: ${messageOf(error)}`,
      { cause: error },
    );
  }
  if (error.status === 409) {
    return new NemesisError(
      conditional ? 'PreconditionFailed' : 'Conflict',
      `${what} was changed by somebody else meanwhile; read it again and repeat the change.`,
    );
  }
  switch (error.status) {
    case 404:
      return new NemesisError('NotFound', `${what} does not exist any more.`);
    case 403:
      return new NemesisError('Forbidden', `The cluster does not let us change ${what}: ${error.message}`);
    case 400:
    case 422:
      return new NemesisError('Refused', `${what} stays as it was; Kubernetes refused the change: ${error.message}`);
    default:
      return new NemesisError('Unavailable', `${what} was not changed: ${error.message}`);
  }
}

import { createPrivateKey, type X509Certificate } from 'node:crypto';
import type { KubernetesObject } from '../../shared/kubernetes/objects.ts';
import { bundleOf, type Authority, type AuthorityState } from './rotation-plan.ts';
import { certificatesIn } from './x509.ts';

/** v1 Secret; values in base64. */
export interface Secret extends KubernetesObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** The Secret of the authority as it was understood. */
export type ReadAuthority =
  | { readonly kind: 'empty' }
  | { readonly kind: 'authority'; readonly state: AuthorityState }
  /** Somebody else's, or damaged: a sentence says what is wrong and what to do. */
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * Reads the Secret of the authority: `tls.crt` and `tls.key` sign, `next.crt` and `next.key` will, `ca.crt` is trusted.
 * A Secret without the first two counts as empty, so that it can be prepared by whoever hands out the permissions.
 */
export function readAuthority(secret: Secret): ReadAuthority {
  const text = (key: string): string => Buffer.from(secret.data?.[key] ?? '', 'base64').toString('utf8');
  const [cert, key] = [text('tls.crt'), text('tls.key')];
  if (cert === '' && key === '') return { kind: 'empty' };
  const current = authorityOf(cert, key);
  if (typeof current === 'string') {
    const { namespace = '', name } = secret.metadata;
    return {
      kind: 'refused',
      reason: `Secret ${namespace}/${name} holds no authority that could sign: ${current}. Put the right one back, or delete the Secret to have a new authority made.`,
    };
  }
  // Nobody relies on the next authority's key yet: a damaged one is simply replaced.
  const next = authorityOf(text('next.crt'), text('next.key'));
  const bundle = text('ca.crt');
  const trusted = certificatesIn(bundle).map((each) => ({ cert: pemOf(each), notAfterMs: Date.parse(each.validTo) }));
  return {
    kind: 'authority',
    state: { current, next: typeof next === 'string' ? undefined : next, trusted, bundle },
  };
}

/** The data of the Secret for a state, in base64; `null` takes a key away in a merge patch. */
export function authorityData(
  state: Omit<AuthorityState, 'bundle'>,
  wallMs: number,
): Readonly<Record<string, string | null>> {
  const encode = (value: string): string => Buffer.from(value).toString('base64');
  return {
    'tls.crt': encode(state.current.cert),
    'tls.key': encode(state.current.key),
    'next.crt': state.next === undefined ? null : encode(state.next.cert),
    'next.key': state.next === undefined ? null : encode(state.next.key),
    'ca.crt': encode(bundleOf(state, wallMs)),
  };
}

/** An authority, or why these texts are none. */
function authorityOf(cert: string, key: string): Authority | string {
  const [certificate] = certificatesIn(cert);
  if (certificate === undefined) return 'tls.crt has no certificate in PEM';
  if (!certificate.ca) return 'tls.crt may not sign certificates (CA is false)';
  try {
    const privateKey = createPrivateKey(key);
    if (privateKey.asymmetricKeyType !== 'ec') {
      return `tls.key is of type ${privateKey.asymmetricKeyType ?? 'unknown'}, but expected ECDSA`;
    }
    if (!certificate.checkPrivateKey(privateKey)) return 'tls.key does not belong to tls.crt';
  } catch {
    return 'tls.key has no private key in PEM';
  }
  return {
    cert: pemOf(certificate),
    key,
    notBeforeMs: Date.parse(certificate.validFrom),
    notAfterMs: Date.parse(certificate.validTo),
  };
}

function pemOf(certificate: X509Certificate): string {
  return certificate.toString();
}

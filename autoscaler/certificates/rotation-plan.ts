import type { CertificateLife, KeyedCertificate } from './x509.ts';

/** An authority with the key that it signs with. */
export interface Authority extends KeyedCertificate, CertificateLife {}

/** A certificate that is trusted, whoever holds its key. */
export interface TrustedCertificate {
  readonly cert: string;
  readonly notAfterMs: number;
}

/** What the Secret of the authority holds. */
export interface AuthorityState {
  /** Signs. */
  readonly current: Authority;
  /** Is trusted already and will sign once every client knows it. */
  readonly next: Authority | undefined;
  /** The bundle as it is written, without what could not be read. */
  readonly trusted: readonly TrustedCertificate[];
  /** The text of the bundle. */
  readonly bundle: string;
}

/** What is to be done with the authority now. */
export type RotationStep =
  /** Everything is as it should be. */
  | 'keep'
  /** There is no authority, or it has expired: make one that signs at once. */
  | 'create'
  /** Two thirds of the authority's life are over: make the next one, trusted and not signing yet. */
  | 'introduce'
  /** Every client knows the next authority: it signs from now on. */
  | 'promote'
  /** The bundle has an expired certificate, or lacks one: rewrite it. */
  | 'rebundle';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Life of an authority. */
export const AUTHORITY_LIFE_MS = 365 * DAY_MS;
/** Life of a server's certificate. */
export const SERVING_LIFE_MS = 30 * DAY_MS;
/** How long before its creation a certificate becomes valid, since clocks differ. */
export const CLOCK_SKEW_MS = HOUR_MS;
/** How long the next authority is trusted before it signs. */
export const GRACE_MS = 24 * HOUR_MS;
/** Kubelets bring a changed annotation into a pod's files within some minutes. */
export const SETTLING_MS = 10 * 60_000;
/** How long before the current authority expires the rotation stops waiting for anybody. */
export const LAST_MOMENT_MS = 30 * DAY_MS;
const RENEW_AT = 2 / 3;

/** From when until when a certificate made now holds; never longer than its signer. */
export function lifeFrom(wallMs: number, lifeMs: number, signer?: CertificateLife): CertificateLife {
  const notAfterMs = Math.min(wallMs + lifeMs, signer?.notAfterMs ?? Number.POSITIVE_INFINITY);
  return { notBeforeMs: Math.min(wallMs - CLOCK_SKEW_MS, notAfterMs), notAfterMs };
}

/** Whether two thirds of a certificate's life are over. */
export function isDueForRenewal({ notBeforeMs, notAfterMs }: CertificateLife, wallMs: number): boolean {
  return wallMs >= notBeforeMs + (notAfterMs - notBeforeMs) * RENEW_AT;
}

/**
 * The next step in the life of the authority. Example with a life of 365 days: the next authority is introduced on day
 * 243, signs from day 244 on, and the old one leaves the bundle on day 365.
 *
 * @param knownForMs - for how long every client that can be seen has had the whole bundle; undefined: some do not yet
 */
export function planRotation(
  state: AuthorityState | undefined,
  wallMs: number,
  knownForMs: number | undefined,
): RotationStep {
  if (state === undefined) return 'create';
  const { current, next } = state;
  if (next !== undefined && next.notAfterMs > wallMs) {
    const leftMs = current.notAfterMs - wallMs;
    const introducedForMs = wallMs - (next.notBeforeMs + CLOCK_SKEW_MS);
    const known = knownForMs !== undefined && knownForMs >= SETTLING_MS;
    if (leftMs <= 0 || (introducedForMs >= GRACE_MS && (known || leftMs < LAST_MOMENT_MS))) return 'promote';
  } else {
    if (current.notAfterMs <= wallMs) return 'create';
    if (isDueForRenewal(current, wallMs)) return 'introduce';
  }
  return bundleOf(state, wallMs) === state.bundle ? 'keep' : 'rebundle';
}

/** The bundle as it should be: the current authority, the next one, and those before that have not expired. */
export function bundleOf(state: Omit<AuthorityState, 'bundle'>, wallMs: number): string {
  const living = state.trusted.filter(({ notAfterMs }) => notAfterMs > wallMs).map(({ cert }) => cert);
  const next = state.next === undefined || state.next.notAfterMs <= wallMs ? [] : [state.next.cert];
  return [...new Set([state.current.cert, ...next, ...living])].join('');
}

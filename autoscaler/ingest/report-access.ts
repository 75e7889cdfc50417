import type { Pod } from '../../shared/kubernetes/objects.ts';
import type { ProgramIdentity } from '../../shared/http/access.ts';
import type { TokenRejection } from './program-tokens.ts';

/** Why a report, an announcement or a stream is refused. */
export type RejectionReason =
  | 'NoToken'
  | TokenRejection
  | 'NotABalancer'
  | 'UnknownPod'
  | 'OtherPod'
  | 'OtherAddress'
  | 'ReusedAddress'
  | 'UnprovenAddress';

/** A refusal with the sentence that goes to the program and into the log. */
export interface Rejection {
  readonly reason: RejectionReason;
  readonly detail: string;
}

/** What a report says about where it comes from. */
export interface ReportingPod {
  readonly namespace: string;
  readonly podName: string;
  readonly podUid?: string | undefined;
}

/**
 * Whether a program may speak for a pod: only for the one that its token is bound to, and only while that pod lives.
 *
 * @param identity - undefined where tokens are not asked for
 * @param pod - the pod of the claimed name as the watch shows it
 */
export function authorizeReport(
  identity: ProgramIdentity | undefined,
  claimed: ReportingPod,
  pod: Pod | undefined,
): Rejection | undefined {
  const key = `${claimed.namespace}/${claimed.podName}`;
  if (identity !== undefined && (identity.namespace !== claimed.namespace || identity.podName !== claimed.podName)) {
    const detail = `The token belongs to pod ${identity.namespace}/${identity.podName}, which may not speak for pod ${key}.`;
    return { reason: 'OtherPod', detail };
  }
  if (pod === undefined) return { reason: 'UnknownPod', detail: `There is no pod ${key} yet; send it again later.` };
  for (const uid of [identity?.podUid, claimed.podUid]) {
    if (uid === undefined || uid === pod.metadata.uid) continue;
    const detail = `Pod ${key} has the UID ${pod.metadata.uid} now; what comes from an earlier pod (UID ${uid}) is not taken.`;
    return { reason: 'OtherPod', detail };
  }
  return undefined;
}

/** Whether a program is a balancer: by its service account, and by a pod of the balancers that lives. */
export function authorizeBalancer(
  identity: ProgramIdentity | undefined,
  account: { readonly namespace: string; readonly name: string },
  claimedUid: string | undefined,
  isBalancerPod: (uid: string) => boolean,
): Rejection | undefined {
  if (identity === undefined) return undefined;
  const who = `Pod ${identity.namespace}/${identity.podName} (service account ${identity.serviceAccount})`;
  if (identity.namespace !== account.namespace || identity.serviceAccount !== account.name) {
    return {
      reason: 'NotABalancer',
      detail: `${who} is not a balancer; only ${account.namespace}/${account.name} is.`,
    };
  }
  if (claimedUid !== undefined && claimedUid !== identity.podUid) {
    return { reason: 'OtherPod', detail: `${who} may not report for the balancer with UID ${claimedUid}.` };
  }
  if (!isBalancerPod(identity.podUid)) {
    return { reason: 'UnknownPod', detail: `${who} is not among the balancers' pods (yet); send it again later.` };
  }
  return undefined;
}

/**
 * Whether a pod may announce an address: only its own. Where its status does not show one yet, the connection that the
 * announcement came over must come from that address, and no other pod may have it.
 *
 * @param peer - remote address of the connection
 * @param others - pods whose status shows that address
 */
export function authorizeAddress(
  pod: Pod,
  address: string,
  peer: string | undefined,
  others: Iterable<Pod>,
): Rejection | undefined {
  const key = `${pod.metadata.namespace ?? ''}/${pod.metadata.name}`;
  if (pod.metadata.deletionTimestamp !== undefined) {
    return { reason: 'UnknownPod', detail: `Pod ${key} is being deleted; nobody is to be sent to it any more.` };
  }
  const own = pod.status?.podIP;
  if (own !== undefined) {
    if (own === address) return undefined;
    return {
      reason: 'OtherAddress',
      detail: `Pod ${key} has the address ${own}, not ${address}; only its own may be announced.`,
    };
  }
  for (const other of others) {
    if (other.metadata.uid === pod.metadata.uid || other.status?.podIP !== address || hasEnded(other)) continue;
    const holder = `${other.metadata.namespace ?? ''}/${other.metadata.name}`;
    return { reason: 'ReusedAddress', detail: `Pod ${key} announced ${address}, which pod ${holder} has.` };
  }
  if (peer !== undefined && plainAddress(peer) === address) return undefined;
  const detail = `Pod ${key} announced ${address} before its status shows an address, over a connection from ${peer ?? 'nowhere'}; send it again when the status shows it.`;
  return { reason: 'UnprovenAddress', detail };
}

function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/** An IPv4 address is shown as `::ffff:1.2.3.4` by a socket that listens on both families. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '');
}

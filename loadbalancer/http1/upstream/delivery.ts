import type { PodSlot } from '../../domain/pod-slot.ts';
import type { ClientSide } from '../client/client-side.ts';
import type { ExchangeRecord } from '../exchange-record.ts';
import { forwardedHead } from '../head/forwarded-head.ts';
import type { PlaneContext } from '../plane-context.ts';
import { connectionsOf, isRepeatable } from './pod-connections.ts';
import type { RequestHead } from '../head/request-head.ts';
import { makeTraceparent } from '../head/request-ids.ts';
import type { Upload } from '../body/upload.ts';
import type { UpstreamConnection, UpstreamFault, UpstreamUser } from './upstream-connection.ts';

/** Pods that one request may break the connection of: it may be the request that breaks them. */
const MOST_PODS = 2;

/** What of a request stays the same wherever it is sent. */
export interface Parcel {
  readonly client: ClientSide;
  readonly context: PlaneContext;
  readonly head: RequestHead;
  readonly upload: Upload;
  readonly record: ExchangeRecord;
}

/** The way of one request to a pod: the connection that it uses, and whether it may be sent once more. */
export class Delivery {
  /** The pod that was chosen last. */
  pod: PodSlot | undefined;
  /** The connection in use; undefined: none, or given back. */
  upstream: UpstreamConnection | undefined;
  readonly #parcel: Parcel;
  #reused = false;
  #replayable = false;
  /** Pods that broke a new connection. */
  #broken = 0;

  constructor(parcel: Parcel) {
    this.#parcel = parcel;
  }

  /** The pod takes more bytes than it was given. */
  get takesBytes(): boolean {
    return this.upstream?.needsDrain === false;
  }

  /** Takes a connection to the pod. Returns whether it is open already. */
  assign(pod: PodSlot, user: UpstreamUser): boolean {
    const { head, upload, context } = this.#parcel;
    this.pod = pod;
    this.#replayable = upload.complete && isRepeatable(head.method);
    const connections = connectionsOf(pod, context);
    const idle = connections.takeIdle(user, this.#replayable);
    this.#reused = idle !== undefined;
    this.upstream = idle ?? connections.open(user);
    return this.#reused;
  }

  /** Sends the head, and as much of the body as has arrived. */
  send(path: string): void {
    const { client, context, head, upload, record } = this.#parcel;
    const { upstream, pod } = this;
    if (upstream === undefined || pod === undefined) return;
    const text = forwardedHead(head, {
      path,
      pod,
      requestId: record.requestId,
      traceparent: head.traceparent ?? makeTraceparent(context.deps.random),
      clientIp: client.address,
      scheme: client.scheme,
      trusted: client.trusted,
    });
    upload.start(upstream, text);
    if (!this.#replayable) upload.forget();
  }

  /**
   * How the request may be sent again after it was sent: on a `newConnection`, when the pod had closed an idle one before it
   * saw the request; to `anotherPod`, when the pod broke the connection before it answered anything. Neither, when it may
   * have been acted on and is not idempotent (RFC 9110, section 9.2.2), or when enough pods were tried.
   */
  repetition(fault: UpstreamFault): 'newConnection' | 'anotherPod' | undefined {
    if (!fault.silent || fault.kind !== 'broken' || !this.#replayable) return undefined;
    if (this.#reused) return 'newConnection';
    this.#broken += 1;
    return this.#broken < MOST_PODS ? 'anotherPod' : undefined;
  }

  /** Opens a new connection to the same pod. */
  reconnect(pod: PodSlot, user: UpstreamUser): void {
    this.#reused = false;
    this.upstream = connectionsOf(pod, this.#parcel.context).open(user);
  }

  /** Gives the connection up. */
  drop(): void {
    this.upstream?.destroy();
    this.upstream = undefined;
  }
}

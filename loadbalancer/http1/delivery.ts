import type { PodSlot } from '../domain/pod-slot.ts';
import type { ClientSide } from './client-side.ts';
import type { ExchangeRecord } from './exchange-record.ts';
import { forwardedHead } from './forwarded-head.ts';
import type { PlaneContext } from './plane-context.ts';
import { connectionsOf, isRepeatable } from './pod-connections.ts';
import type { RequestHead } from './request-head.ts';
import { makeTraceparent } from './request-ids.ts';
import type { Upload } from './upload.ts';
import type { UpstreamConnection, UpstreamFault, UpstreamUser } from './upstream-connection.ts';

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

  /** Sends the head, and what is here of the body. */
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
    });
    upload.start(upstream, text);
    if (!this.#reused || !this.#replayable) upload.forget();
  }

  /** Whether the request may be sent again after it was sent: the pod had closed the idle connection before it saw it. */
  mayRepeat(fault: UpstreamFault): boolean {
    return fault.silent && this.#reused && this.#replayable;
  }

  /** Opens a new connection to the same pod; false: the pod is going away. */
  reconnect(user: UpstreamUser): boolean {
    const connections = this.pod === undefined ? undefined : connectionsOf(this.pod, this.#parcel.context);
    if (connections === undefined || connections.retired) return false;
    this.#reused = false;
    this.upstream = connections.open(user);
    return true;
  }

  /** Gives the connection up. */
  drop(): void {
    this.upstream?.destroy();
    this.upstream = undefined;
  }
}

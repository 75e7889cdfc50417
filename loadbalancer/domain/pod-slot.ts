import { OutlierDetection } from './outlier-detection.ts';

/** `ready`: may be chosen. `notReady`: kept, not chosen. `terminating`: never chosen again. */
export type PodState = 'ready' | 'notReady' | 'terminating';

/** What is known of a pod from outside (informer, announcement). */
export interface PodDescription {
  readonly uid: string;
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly state: PodState;
}

/** What keeps connections to a pod; called as soon as the pod may no longer be used. */
export interface PodTransport {
  podRetired(): void;
}

/** Held requests that a pod gets before it has answered one, when no concurrency limit is set. */
export const INITIAL_WINDOW = 8;
/** A window never grows beyond this, so that it stays a limit. */
const MAX_WINDOW = 4096;
const FIRST_SUSPICION_MS = 50;
const MAX_SUSPICION_MS = 1000;

/** One pod as the balancer sees it: its address, what runs on it, and how much it may get. */
export class PodSlot {
  readonly uid: string;
  readonly address: string;
  readonly port: number;
  name: string;
  state: PodState;
  /** Requests on this pod now, connecting ones included. */
  inFlight = 0;
  /** Concurrency limit of one replica, from the settings; Infinity without one. */
  limit = Infinity;
  /** How many the pod may have while a held burst is let go. */
  window = INITIAL_WINDOW;
  /** The pod refused a connection and is left out until this time; 0: not suspect. */
  suspectUntilMs = 0;
  /** Whether the pod fails so often that it is left out for longer. */
  readonly outlier = new OutlierDetection();
  /** Connections to this pod; owned by the edge that forwards. */
  transport: PodTransport | undefined;
  #suspicionMs = FIRST_SUSPICION_MS;

  constructor(pod: PodDescription) {
    this.uid = pod.uid;
    this.name = pod.name;
    this.address = pod.address;
    this.port = pod.port;
    this.state = pod.state;
  }

  /** Leaves the pod out for a short, doubling time (50 ms to 1 s). */
  suspect(monotonicMs: number): void {
    this.suspectUntilMs = monotonicMs + this.#suspicionMs;
    this.#suspicionMs = Math.min(this.#suspicionMs * 2, MAX_SUSPICION_MS);
  }

  /** The pod was announced, or it answered. */
  trust(): void {
    this.suspectUntilMs = 0;
    this.#suspicionMs = FIRST_SUSPICION_MS;
  }

  /** The pod kept pace (slow start as in RFC 5681: one more for each answer doubles the window in a round trip). */
  widen(by: number): void {
    this.window = Math.min(this.window + by, MAX_WINDOW);
  }
}

/** Decides whether a pod may get one more request. */
export type HasRoom = (pod: PodSlot) => boolean;

/** Room within the concurrency limit: what a new request needs. */
export const hasRoom: HasRoom = (pod) => pod.inFlight < pod.limit;

/** Room within the limit and the window: what a request out of the hold needs. */
export const hasPacedRoom: HasRoom = (pod) => pod.inFlight < pod.limit && pod.inFlight < pod.window;

/** Address and port as a URL has them, IPv6 in brackets (RFC 3986, section 3.2.2). */
export function authorityOf({ address, port }: Pick<PodSlot, 'address' | 'port'>): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

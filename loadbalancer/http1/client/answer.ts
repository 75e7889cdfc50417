import type { Refusal } from '../../domain/hold-queue.ts';
import type { HttpDate } from '../http-date.ts';
import { clientResponseHead } from './client-response-head.ts';
import type { ClientSide } from './client-side.ts';
import { renderAllowAnswer, renderOwnAnswer } from './own-answers.ts';
import type { RequestHead } from '../head/request-head.ts';
import type { ResponseHead } from '../head/response-head.ts';
import { TEXT_BYTES } from '../text-bytes.ts';
import type { ResponseFraming, UpstreamConnection } from '../upstream/upstream-connection.ts';

/** What we add to the answer of a pod. */
export interface AnswerAdditions {
  readonly requestId: string;
  /** Time in the hold; 0: was not held. */
  readonly heldMs: number;
  /** The connection cannot go on after this answer. */
  readonly mustClose: boolean;
}

/** The answer of one request on its way to the client: one write for the head and what came with it. */
export class Answer {
  /** Sent to the client; 0: none yet. */
  status = 0;
  bytesOut = 0;
  /** Whether the connection can serve another request afterwards. */
  keepAlive: boolean;
  readonly #client: ClientSide;
  readonly #request: RequestHead;
  readonly #date: HttpDate;
  #pendingHead = '';
  #holdsBack = false;

  constructor(client: ClientSide, request: RequestHead, date: HttpDate) {
    this.#client = client;
    this.#request = request;
    this.#date = date;
    this.keepAlive = request.keepAlive;
  }

  /** Passes an interim answer on; HTTP/1.0 knows none (RFC 9110, section 15.2). */
  interim(head: ResponseHead): void {
    if (this.#request.minor === 1) this.#write(`${head.statusLine}${head.kept}\r\n`);
  }

  /** Begins the pod's answer; its head waits for what the same read brings, until `flush`. */
  begin(head: ResponseHead, framing: ResponseFraming, { requestId, heldMs, mustClose }: AnswerAdditions): void {
    const { minor } = this.#request;
    const untilClose = framing === 'untilClose' || framing === 'tunnel' || (framing === 'chunked' && minor === 0);
    if (untilClose || mustClose) this.keepAlive = false;
    this.status = head.status;
    this.#pendingHead = clientResponseHead(head, framing, {
      minor,
      keepAlive: this.keepAlive,
      requestId,
      heldMs,
      date: this.#date,
    });
  }

  /** Forgets a head of which nothing was written yet. Returns whether there was one: another answer may be given then. */
  takeBack(): boolean {
    if (this.#pendingHead === '') return false;
    this.#pendingHead = '';
    this.status = 0;
    return true;
  }

  /** Writes bytes that are valid during the call only. */
  bytes(bytes: Buffer, from: number, to: number): void {
    if (to - from > TEXT_BYTES) {
      // The bytes must be copied, since the read buffer will be overwritten; the head goes into the same copy.
      const headBytes = this.#pendingHead.length;
      const whole = Buffer.allocUnsafeSlow(headBytes + to - from);
      if (headBytes > 0) whole.write(this.#pendingHead, 'latin1');
      bytes.copy(whole, headBytes, from, to);
      this.#pendingHead = '';
      this.bytesOut += whole.length;
      this.#client.writeBytes(whole);
      return;
    }
    const head = this.#pendingHead;
    this.#pendingHead = '';
    const text = bytes.toString('latin1', from, to);
    this.#write(head === '' ? text : head + text);
  }

  /** Writes a head that still waits. */
  flush(): void {
    if (this.#pendingHead === '') return;
    const head = this.#pendingHead;
    this.#pendingHead = '';
    this.#write(head);
  }

  /** Answers in our own name. */
  refuse(refusal: Refusal, { requestId, heldMs, mustClose }: AnswerAdditions): void {
    if (mustClose) this.keepAlive = false;
    const answer = renderOwnAnswer(refusal, {
      requestId,
      heldMs: heldMs > 0 ? heldMs : undefined,
      close: !this.keepAlive,
      withoutBody: this.#request.method === 'HEAD',
      date: this.#date,
    });
    this.status = answer.status;
    this.#write(answer.text);
  }

  /** Answers OPTIONS in our own name. */
  allow({ requestId, mustClose }: AnswerAdditions): void {
    if (mustClose) this.keepAlive = false;
    const answer = renderAllowAnswer({ requestId, close: !this.keepAlive, date: this.#date });
    this.status = answer.status;
    this.#write(answer.text);
  }

  /** The pod waits for the client. */
  get holdsBack(): boolean {
    return this.#holdsBack;
  }

  /** Lets the pod wait while the client reads more slowly. */
  slowDown(upstream: UpstreamConnection | undefined): void {
    if (upstream === undefined || this.#holdsBack || !this.#client.needsDrain) return;
    this.#holdsBack = true;
    upstream.pause();
  }

  /** The client has read; lets the pod go on. */
  speedUp(upstream: UpstreamConnection | undefined): void {
    if (!this.#holdsBack) return;
    this.#holdsBack = false;
    upstream?.resume();
  }

  #write(text: string): void {
    this.bytesOut += text.length;
    this.#client.writeText(text);
  }
}

import type { RequestQueue } from '../domain/request-queue.ts';
import type { Outcome } from '../domain/traffic.ts';
import { HoldTicket, type Refusal } from '../domain/hold-queue.ts';
import { Answer, type AnswerAdditions } from './client/answer.ts';
import type { ClientSide } from './client/client-side.ts';
import { Delivery } from './upstream/delivery.ts';
import { ExchangeRecord } from './exchange-record.ts';
import type { Stage } from './overdue.ts';
import type { PlaneContext } from './plane-context.ts';
import type { RequestHead } from './head/request-head.ts';
import { Upload } from './body/upload.ts';

/** The state of one request, and every way in which it ends. How it gets there is {@link Exchange}'s. */
export abstract class ExchangeCore extends HoldTicket {
  protected readonly client: ClientSide;
  protected readonly context: PlaneContext;
  protected readonly head: RequestHead;
  protected readonly headBytes: number;
  protected readonly upload: Upload;
  protected readonly record: ExchangeRecord;
  protected stage: Stage = 'new';
  protected queue: RequestQueue | undefined;
  protected path: string;
  protected readonly delivery: Delivery;
  protected readonly answer: Answer;
  protected progressMs = 0;
  protected sweptMs = 0;

  constructor(client: ClientSide, context: PlaneContext, head: RequestHead, headBytes: number) {
    super();
    this.client = client;
    this.answer = new Answer(client, head, context.date);
    this.context = context;
    this.head = head;
    this.headBytes = headBytes;
    this.upload = new Upload(head.bodyLength, context.limits.heldBodyBytes);
    this.path = head.path;
    this.record = new ExchangeRecord(head, client.address, context.deps);
    this.delivery = new Delivery({ client, context, head, upload: this.upload, record: this.record });
    this.sweptMs = context.tickMs;
  }

  get method(): string {
    return this.head.method;
  }

  get wantsUpgrade(): boolean {
    return this.head.upgrade !== undefined;
  }

  get wantsPayloadOnly(): boolean {
    return this.head.minor === 0;
  }

  /** The whole request was received. */
  get requestComplete(): boolean {
    return this.upload.complete;
  }

  /** What the client sends beyond this request belongs to others. Behind an upgrade it is, or may become, the tunnel's. */
  get isFollowedByOthers(): boolean {
    return this.upload.complete && !this.wantsUpgrade;
  }

  get requestSent(): boolean {
    return this.upload.complete;
  }

  /** Nothing of an answer was sent yet. */
  get unanswered(): boolean {
    return this.answer.status === 0;
  }

  onRefused(refusal: Refusal): void {
    if (this.stage === 'done') return;
    this.answer.refuse(refusal, this.additions());
    this.finish('failed', refusal.code);
  }

  /** The client's connection is gone. */
  clientGone(): void {
    if (this.stage === 'done') return;
    this.delivery.drop();
    this.leave(this.stage === 'tunnel' ? 'closed' : 'clientGone');
    if (this.answer.status === 0) this.answer.status = 499;
    this.close('clientGone', this.stage === 'tunnel' ? undefined : 'ClientGone');
  }

  /** The client takes nothing of its answer. */
  clientStalled(): void {
    if (this.stage === 'done') return;
    this.delivery.drop();
    this.cutOff(this.stage === 'tunnel' ? 'closed' : 'clientGone', 'ClientWriteTimeout');
  }

  /** Ends the request for what its client did; the pod has nothing to do with it. */
  protected blameClient(code: 'BadRequest' | 'RequestTimeout', detail: string): void {
    this.leave('clientGone');
    if (this.unanswered) this.onRefused({ code, detail });
    else this.cutOff('clientGone', code);
  }

  /** Gives the place at the application back, held or granted. */
  protected leave(outcome: Outcome): void {
    const monotonicMs = this.context.deps.clock.monotonicMs();
    if (this.phase === 'granted') this.queue?.release(this, outcome, monotonicMs);
    else this.queue?.cancel(this, monotonicMs);
  }

  protected additions(): AnswerAdditions {
    const mustClose = !this.upload.complete || this.client.mustClose || this.context.draining;
    return { requestId: this.record.requestId, heldMs: this.heldMs, mustClose };
  }

  /** The answer cannot be completed, and the client must be able to see that. */
  protected cutOff(outcome: Outcome, error: string): void {
    this.close(outcome, error);
    this.client.abort();
  }

  protected finish(outcome: Outcome, error: string | undefined): void {
    this.close(outcome, error);
    this.client.exchangeDone(this.answer.keepAlive);
  }

  protected close(outcome: Outcome, error: string | undefined): void {
    this.stage = 'done';
    this.upload.forget();
    const monotonicMs = this.context.deps.clock.monotonicMs();
    this.queue?.release(this, outcome, monotonicMs);
    this.context.deps.onRequestLogged(
      this.record.entry({
        application: this.queue?.key ?? '',
        forwardedPath: this.path,
        pod: this.delivery.pod,
        status: this.answer.status,
        monotonicMs,
        heldMs: this.heldMs,
        bytesIn: this.headBytes + this.upload.bytes,
        bytesOut: this.answer.bytesOut,
        error,
      }),
    );
  }
}

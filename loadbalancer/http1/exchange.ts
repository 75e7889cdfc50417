import type { Application, Outcome } from '../domain/application.ts';
import { HoldTicket, type Refusal } from '../domain/hold-queue.ts';
import { PodSlot } from '../domain/pod-slot.ts';
import { Answer, type AnswerAdditions } from './answer.ts';
import { ExchangeRecord } from './exchange-record.ts';
import { forwardedHead } from './forwarded-head.ts';
import type { PlaneContext } from './plane-context.ts';
import { overdue, type Stage } from './overdue.ts';
import { connectionsOf, isRepeatable } from './pod-connections.ts';
import type { RequestHead } from './request-head.ts';
import { makeTraceparent } from './request-ids.ts';
import type { ClientSide } from './client-side.ts';
import type { ResponseHead } from './response-head.ts';
import { Upload } from './upload.ts';
import type { ResponseFraming, UpstreamConnection, UpstreamFault, UpstreamUser } from './upstream-connection.ts';

/** One request on its way: from its complete head, through the hold, to a pod and back. */
export class Exchange extends HoldTicket implements UpstreamUser {
  readonly #client: ClientSide;
  readonly #context: PlaneContext;
  readonly #head: RequestHead;
  readonly #headBytes: number;
  readonly #upload: Upload;
  readonly #record: ExchangeRecord;
  #stage: Stage = 'new';
  #application: Application | undefined;
  #path: string;
  #lastPod: PodSlot | undefined;
  #upstream: UpstreamConnection | undefined;
  #reused = false;
  #replayable = false;
  readonly #answer: Answer;
  #progressMs = 0;

  constructor(client: ClientSide, context: PlaneContext, head: RequestHead, headBytes: number) {
    super();
    this.#client = client;
    this.#answer = new Answer(client, head);
    this.#context = context;
    this.#head = head;
    this.#headBytes = headBytes;
    this.#upload = new Upload(client, head.bodyLength, context.limits.heldBodyBytes);
    this.#path = head.path;
    this.#record = new ExchangeRecord(head, context.deps);
  }

  get method(): string {
    return this.#head.method;
  }

  get wantsUpgrade(): boolean {
    return this.#head.upgrade !== undefined;
  }

  get wantsPayloadOnly(): boolean {
    return this.#head.minor === 0;
  }

  /** The whole request was received. */
  get requestComplete(): boolean {
    return this.#upload.complete;
  }

  get requestSent(): boolean {
    return this.#upload.complete;
  }

  /** Nothing of an answer was sent yet. */
  get unanswered(): boolean {
    return this.#answer.status === 0;
  }

  /** Takes bytes of the client; returns how many of them are this request's, -1 when its body is malformed. */
  feed(chunk: Buffer): number {
    const taken = this.#upload.accept(chunk, this.#stage === 'tunnel');
    if (taken <= 0 || this.#stage === 'done') return taken;
    const part = taken === chunk.length ? chunk : chunk.subarray(0, taken);
    this.#progressMs = this.#context.tickMs;
    if (this.#upstream === undefined || this.#stage === 'connecting') this.#upload.keep(part, this, this.#application);
    else this.#upload.pass(part, this.#upstream);
    return taken;
  }

  /** Routes the request and asks for a pod. */
  begin(): void {
    const { router, metrics } = this.#context.deps;
    metrics.requests += 1;
    const route = router.match(this.#head.host, this.#head.path, this.#client.localPort);
    if (route === 'unknown') this.onRefused({ code: 'NoRoute', detail: `Nothing is served for "${this.#head.host}".` });
    else if (route === 'notSynced') this.onRefused({ code: 'NotSynced', detail: 'The routes are still being read.' });
    else {
      this.#application = route.application;
      this.#path = route.forwardedPath;
      this.#stage = 'waiting';
      const answer = route.application.acquire(this, this.#headBytes + this.#upload.keptBytes, this.#record.startedMs);
      if (answer === 'held') this.#context.holding.add(route.application);
      else if (answer instanceof PodSlot) this.onGranted(answer);
      else this.onRefused(answer);
    }
  }

  onGranted(pod: PodSlot): void {
    this.#lastPod = pod;
    this.#progressMs = this.#context.tickMs;
    const connections = connectionsOf(pod, this.#context);
    this.#replayable = this.#upload.complete && isRepeatable(this.#head.method);
    const idle = connections.takeIdle(this, this.#replayable);
    this.#reused = idle !== undefined;
    this.#upstream = idle ?? connections.open(this);
    if (idle === undefined) this.#stage = 'connecting';
    else this.#send();
  }

  onRefused(refusal: Refusal): void {
    if (this.#stage === 'done') return;
    this.#answer.refuse(refusal, this.#additions());
    this.#finish('failed', refusal.code);
  }

  /** The request's body turned out malformed. */
  refuseBody(): void {
    this.#dropUpstream();
    this.#context.deps.metrics.malformedRequests += 1;
    if (this.unanswered) {
      this.#leave('clientGone');
      this.onRefused({ code: 'BadRequest', detail: 'The chunked body is malformed.' });
    } else this.#cutOff('clientGone', 'BadRequest');
  }

  /** The client's connection is gone. */
  clientGone(): void {
    if (this.#stage === 'done') return;
    this.#dropUpstream();
    this.#leave(this.#stage === 'tunnel' ? 'closed' : 'clientGone');
    if (this.#answer.status === 0) this.#answer.status = 499;
    this.#close('clientGone', this.#stage === 'tunnel' ? undefined : 'ClientGone');
  }

  /** The client sends no more; a tunnel passes that on. */
  clientEnded(): void {
    if (this.#stage === 'tunnel') this.#upstream?.endWrites();
  }

  /** The client took what was written. */
  clientDrained(): void {
    this.#progressMs = this.#context.tickMs;
    this.#answer.speedUp(this.#upstream);
  }

  /** Ends what took too long; called by the tick. */
  sweep(nowMs: number): void {
    const settings = this.#application?.settings;
    if (settings === undefined) return;
    const late = overdue(this.#stage, nowMs - this.#progressMs, this.#upload.complete, settings, this.#context.limits);
    if (late === undefined) return;
    this.#dropUpstream();
    if (late === 'connect') this.onUpstreamFault({ kind: 'connect', silent: true, detail: 'no connection in time' });
    else if (late === 'body') this.onRefused({ code: 'RequestTimeout', detail: 'The body stopped arriving.' });
    else if (late === 'answer') {
      this.onRefused({
        code: 'GatewayTimeout',
        detail: `No answer within ${Math.round(settings.responseTimeoutMs / 1000)} s.`,
      });
    } else this.#cutOff('failed', 'IdleTimeout');
  }

  onUpstreamConnected(): void {
    if (this.#stage === 'connecting') this.#send();
  }

  onInterim(head: ResponseHead): void {
    this.#progressMs = this.#context.tickMs;
    this.#answer.interim(head);
  }

  onResponseHead(head: ResponseHead, framing: ResponseFraming): void {
    this.#progressMs = this.#context.tickMs;
    this.#stage = framing === 'tunnel' ? 'tunnel' : 'responding';
    this.#upload.forget();
    this.#answer.begin(head, framing, this.#additions());
    if (framing !== 'tunnel') return;
    this.#context.deps.metrics.upgrades += 1;
    this.#answer.flush();
    this.#client.resumeReading();
  }

  onResponseBytes(bytes: Buffer, from: number, to: number): void {
    this.#progressMs = this.#context.tickMs;
    this.#answer.bytes(bytes, from, to);
  }

  onReadDone(): void {
    this.#answer.flush();
    this.#answer.slowDown(this.#upstream);
  }

  onResponseEnd(): void {
    this.#upstream = undefined;
    this.#answer.flush();
    this.#finish('completed', undefined);
  }

  onTunnelEnd(): void {
    this.#client.endWrites();
  }

  onUpstreamDrain(): void {
    this.#progressMs = this.#context.tickMs;
    this.#client.resumeReading();
  }

  onUpstreamFault(fault: UpstreamFault): void {
    this.#upstream = undefined;
    const { metrics, clock } = this.#context.deps;
    const application = this.#application;
    if (application === undefined || this.#stage === 'done') return;
    if (this.#stage === 'connecting') {
      metrics.connectFailures += 1;
      this.#toHold(application, clock.nowMs());
    } else if (this.#stage === 'tunnel') {
      this.#client.endWrites();
      this.#finish('closed', undefined);
    } else if (fault.silent && this.#reused && this.#replayable) {
      metrics.retries += 1;
      this.#repeat(application);
    } else {
      if (fault.kind === 'malformed') metrics.malformedResponses += 1;
      if (this.#answer.status === 0)
        this.onRefused({ code: 'BadGateway', detail: `The pod's answer failed: ${fault.detail}.` });
      else this.#cutOff('failed', 'BadGateway');
    }
  }

  #send(): void {
    const upstream = this.#upstream;
    const pod = this.#lastPod;
    if (upstream === undefined || pod === undefined) return;
    this.#stage = 'sent';
    this.#progressMs = this.#context.tickMs;
    const text = forwardedHead(this.#head, {
      path: this.#path,
      pod,
      requestId: this.#record.requestId,
      traceparent: this.#head.traceparent ?? makeTraceparent(this.#context.deps.random),
      clientIp: this.#client.address,
      scheme: this.#client.scheme,
    });
    this.#upload.start(upstream, text);
    if (!this.#reused || !this.#replayable) this.#upload.forget();
  }

  #toHold(application: Application, nowMs: number): void {
    this.#stage = 'waiting';
    const answer = application.requeue(this, this.#headBytes + this.#upload.keptBytes, nowMs);
    if (answer === 'held') this.#context.holding.add(application);
    else this.onRefused(answer);
  }

  /** Once more, on a new connection: the pod had closed the idle one before it saw the request. */
  #repeat(application: Application): void {
    const connections = this.#lastPod === undefined ? undefined : connectionsOf(this.#lastPod, this.#context);
    if (connections === undefined || connections.retired) {
      this.#toHold(application, this.#context.deps.clock.nowMs());
      return;
    }
    this.#stage = 'connecting';
    this.#reused = false;
    this.#progressMs = this.#context.tickMs;
    this.#upstream = connections.open(this);
  }

  /** Gives the place at the application back, held or granted. */
  #leave(outcome: Outcome): void {
    const nowMs = this.#context.deps.clock.nowMs();
    if (this.phase === 'held') this.#application?.cancel(this, nowMs);
    else this.#application?.release(this, outcome, nowMs);
  }

  #dropUpstream(): void {
    this.#upstream?.destroy();
    this.#upstream = undefined;
  }

  #additions(): AnswerAdditions {
    const mustClose = !this.#upload.complete || this.#context.draining;
    return { requestId: this.#record.requestId, heldMs: this.heldMs, mustClose };
  }

  /** The answer cannot be completed: the client has to see that it is not whole. */
  #cutOff(outcome: Outcome, error: string): void {
    this.#close(outcome, error);
    this.#client.abort();
  }

  #finish(outcome: Outcome, error: string | undefined): void {
    this.#close(outcome, error);
    this.#client.exchangeDone(this.#answer.keepAlive);
  }

  #close(outcome: Outcome, error: string | undefined): void {
    this.#stage = 'done';
    this.#upload.forget();
    const nowMs = this.#context.deps.clock.nowMs();
    this.#application?.release(this, outcome, nowMs);
    this.#context.deps.onRequestLogged(
      this.#record.entry({
        application: this.#application?.key ?? '',
        forwardedPath: this.#path,
        pod: this.#lastPod,
        status: this.#answer.status,
        clientIp: this.#client.address,
        nowMs,
        heldMs: this.heldMs,
        bytesIn: this.#headBytes + this.#upload.bytes,
        bytesOut: this.#answer.bytesOut,
        error,
      }),
    );
  }
}

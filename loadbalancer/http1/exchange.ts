import type { RequestQueue } from '../domain/request-queue.ts';
import { PodSlot } from '../domain/pod-slot.ts';
import { withoutFields } from './head/characters.ts';
import { ExchangeCore } from './exchange-core.ts';
import { overdue, type Overdue } from './overdue.ts';
import type { ResponseHead } from './head/response-head.ts';
import type { ResponseFraming, UpstreamFault, UpstreamUser } from './upstream/upstream-connection.ts';

/** One request on its way: from its complete head, through the hold, to a pod and back. */
export class Exchange extends ExchangeCore implements UpstreamUser {
  /** The request takes more bytes of the client now; the connection reads no more than that. */
  get wantsBytes(): boolean {
    switch (this.stage) {
      case 'new':
      case 'buffering':
      case 'waiting':
      case 'connecting':
        return !this.upload.complete && this.upload.hasRoom;
      case 'sent':
      case 'responding':
        return !this.upload.complete && this.delivery.takesBytes;
      case 'tunnel':
        return this.delivery.takesBytes;
      case 'done':
        return false;
    }
  }

  /** Takes bytes of the client; returns how many of them are this request's, -1 when its body is malformed. */
  feed(chunk: Buffer): number {
    const taken = this.upload.accept(chunk, this.stage === 'tunnel');
    if (taken <= 0 || this.stage === 'done') return taken;
    const part = taken === chunk.length ? chunk : chunk.subarray(0, taken);
    this.progressMs = this.context.tickMs;
    const { upstream } = this.delivery;
    if (upstream !== undefined && this.stage !== 'connecting') upstream.writeBytes(part);
    else {
      this.upload.keep(part);
      const queue = this.queue;
      if (queue !== undefined && this.stage !== 'connecting') this.#countKept(queue, part.length);
      if (this.stage === 'buffering' && (this.upload.complete || !this.upload.hasRoom)) this.#acquire();
    }
    return taken;
  }

  /** Routes the request; asks for a pod, or reads its body first. */
  begin(): void {
    const { router, metrics } = this.context.deps;
    metrics.requests += 1;
    if (this.head.maxForwards === 0) {
      this.#answerAsLast();
      return;
    }
    const route = router.match(this.head.host, this.head.path);
    if (route === 'unknown') this.onRefused({ code: 'NoRoute', detail: `Nothing is served for "${this.head.host}".` });
    else if (route === 'notSynced') this.onRefused({ code: 'NotSynced', detail: 'The routes are still being read.' });
    else {
      this.queue = route.queue;
      this.path = route.forwardedPath;
      this.client.writeTimeoutMs = route.queue.settings.clientWriteTimeoutMs;
      if (this.upload.complete || !this.#buffers(route.queue)) this.#acquire();
    }
  }

  onGranted(pod: PodSlot): void {
    this.progressMs = this.context.tickMs;
    if (this.delivery.assign(pod, this)) this.#send();
    else {
      this.stage = 'connecting';
      if (!this.upload.complete) this.client.updateFlow();
    }
  }

  /** The request's body turned out malformed. */
  refuseBody(): void {
    this.delivery.drop();
    this.context.deps.metrics.malformedRequests += 1;
    this.blameClient('BadRequest', 'The chunked body is malformed.');
  }

  /** The client sends no more; a tunnel passes that on. */
  clientEnded(): void {
    if (this.stage === 'tunnel') this.delivery.upstream?.endWrites();
  }

  /** The client took what was written. */
  clientDrained(): void {
    this.progressMs = this.context.tickMs;
    this.answer.speedUp(this.delivery.upstream);
  }

  /** Ends what took too long; called by the tick. */
  sweep(monotonicMs: number): void {
    const settings = this.queue?.settings;
    if (settings === undefined) return;
    const { wantsBytes } = this;
    if (wantsBytes) this.upload.waitedMs += monotonicMs - this.sweptMs;
    this.sweptMs = monotonicMs;
    const progress = {
      stage: this.stage,
      silentMs: monotonicMs - this.progressMs,
      upload: this.upload,
      wantsBytes,
      holdsBack: this.answer.holdsBack,
    };
    const late = overdue(progress, settings, this.context.limits);
    if (late !== undefined) this.#timeOut(late, settings.responseTimeoutMs);
  }

  onUpstreamConnected(): void {
    if (this.stage === 'connecting') this.#send();
  }

  onInterim(head: ResponseHead): void {
    // The wait for the answer goes on: a pod could send these forever.
    this.answer.interim(head);
  }

  onResponseHead(head: ResponseHead, framing: ResponseFraming): void {
    this.progressMs = this.context.tickMs;
    this.stage = framing === 'tunnel' ? 'tunnel' : 'responding';
    this.upload.forget();
    this.answer.begin(head, framing, this.additions());
    if (framing !== 'tunnel') return;
    this.context.deps.metrics.upgrades += 1;
    this.answer.flush();
    this.client.updateFlow();
  }

  onResponseBytes(bytes: Buffer, from: number, to: number): void {
    this.progressMs = this.context.tickMs;
    this.answer.bytes(bytes, from, to);
  }

  onReadDone(): void {
    this.answer.flush();
    this.answer.slowDown(this.delivery.upstream);
  }

  onResponseEnd(): void {
    this.delivery.upstream = undefined;
    this.answer.flush();
    this.finish('completed', undefined);
  }

  onTunnelEnd(): void {
    this.client.endWrites();
  }

  onUpstreamDrain(): void {
    this.progressMs = this.context.tickMs;
    this.client.updateFlow();
  }

  onUpstreamFault(fault: UpstreamFault): void {
    this.delivery.upstream = undefined;
    const { metrics, clock } = this.context.deps;
    const queue = this.queue;
    if (queue === undefined || this.stage === 'done') return;
    if (this.stage === 'connecting') {
      metrics.connectFailures += 1;
      this.#toHold(queue, clock.monotonicMs());
    } else if (this.stage === 'tunnel') {
      this.client.endWrites();
      this.finish('closed', undefined);
    } else if (!this.#repeated(queue, fault)) {
      if (fault.kind === 'malformed') metrics.malformedResponses += 1;
      if (this.unanswered || this.answer.takeBack())
        this.onRefused({ code: 'BadGateway', detail: `The pod's answer failed: ${fault.detail}.` });
      else this.cutOff('failed', 'BadGateway');
    }
  }

  /** Answers a request that may not be forwarded (RFC 9110, section 7.6.2), whichever application it is for. */
  #answerAsLast(): void {
    if (this.head.method === 'TRACE') {
      // The final recipient would reflect the request, with the cookies in it.
      this.onRefused({ code: 'NotImplemented', detail: 'TRACE is forwarded, but not answered here.' });
      return;
    }
    this.answer.allow(this.additions());
    this.finish('completed', undefined);
  }

  /** Sends the request once more, where that is safe. */
  #repeated(queue: RequestQueue, fault: UpstreamFault): boolean {
    const repetition = this.delivery.repetition(fault);
    if (repetition === undefined) return false;
    const monotonicMs = this.context.deps.clock.monotonicMs();
    this.context.deps.metrics.retries += 1;
    if (repetition === 'anotherPod') queue.reassign(this, monotonicMs);
    const { pod } = this;
    if (pod === undefined || pod.state === 'terminating') this.#toHold(queue, monotonicMs);
    else if (repetition === 'anotherPod') this.onGranted(pod);
    else {
      this.stage = 'connecting';
      this.progressMs = this.context.tickMs;
      this.delivery.reconnect(pod, this);
    }
    return true;
  }

  #send(): void {
    this.stage = 'sent';
    this.progressMs = this.context.tickMs;
    this.delivery.send(this.path);
    if (!this.upload.complete) this.client.updateFlow();
  }

  /**
   * Whether the body is read first, up to a bound, so that a slow client takes nobody's place on a pod. Not where nobody may
   * be asked anyway, and not where a pod has to say whether it wants a large body at all.
   */
  #buffers(queue: RequestQueue): boolean {
    const { expectsContinue, bodyLength } = this.head;
    if (typeof queue.gate === 'object') return false;
    if (expectsContinue && bodyLength > this.context.limits.heldBodyBytes) return false;
    this.progressMs = this.context.tickMs;
    this.stage = 'buffering';
    this.#countKept(queue, this.headBytes + this.upload.keptBytes);
    if (!this.upload.hasRoom) return false;
    if (expectsContinue && this.head.minor === 1) {
      // The answer that the client waits for; the pod is not to give it once more.
      this.client.writeText('HTTP/1.1 100 Continue\r\n\r\n');
      this.head.kept = withoutFields(this.head.kept, ['expect']);
    }
    return true;
  }

  #countKept(queue: RequestQueue, bytes: number): void {
    if (!queue.growHeld(this, bytes)) this.upload.stopKeeping();
  }

  #acquire(): void {
    const queue = this.queue;
    if (queue === undefined) return;
    // The time that its body took counts for the client, not for the application.
    const monotonicMs = this.stage === 'buffering' ? this.context.deps.clock.monotonicMs() : this.record.startedMs;
    this.stage = 'waiting';
    const bytes = this.headBytes + this.upload.keptBytes - this.heldBytes;
    const answer = queue.acquire(this, bytes, monotonicMs);
    if (answer === 'held') this.context.holding.add(queue);
    else if (answer instanceof PodSlot) this.onGranted(answer);
    else this.onRefused(answer);
  }

  #timeOut(late: Exclude<Overdue, undefined>, responseTimeoutMs: number): void {
    this.delivery.drop();
    if (late === 'connect') this.onUpstreamFault({ kind: 'connect', silent: true, detail: 'no connection in time' });
    else if (late === 'silence') this.cutOff(this.stage === 'tunnel' ? 'closed' : 'failed', 'IdleTimeout');
    else if (late === 'body')
      this.blameClient('RequestTimeout', 'The body of the request stopped arriving, or arrived too slowly.');
    else {
      const detail = `No answer within ${Math.round(responseTimeoutMs / 1000)} s.`;
      this.onRefused({ code: 'GatewayTimeout', detail });
    }
  }

  #toHold(queue: RequestQueue, monotonicMs: number): void {
    this.stage = 'waiting';
    const answer = queue.requeue(this, this.headBytes + this.upload.keptBytes, monotonicMs);
    if (answer === 'held') this.context.holding.add(queue);
    else this.onRefused(answer);
  }
}

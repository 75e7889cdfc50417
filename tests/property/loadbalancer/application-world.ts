import { expect } from 'chai';
import { RequestQueue } from '../../../loadbalancer/domain/request-queue.ts';
import type { ApplicationSettings } from '../../../loadbalancer/domain/application-settings.ts';
import { HoldBudget, HoldTicket, type Refusal } from '../../../loadbalancer/domain/hold-queue.ts';
import { type PodDescription, PodSlot } from '../../../loadbalancer/domain/pod-slot.ts';
import { BALANCING_POLICY_NAMES } from '../../../shared/model/balancing-policies.ts';

class Ticket extends HoldTicket {
  answers = 0;
  readonly world: World;
  constructor(world: World) {
    super();
    this.world = world;
  }
  onGranted(pod: PodSlot): void {
    this.world.granted(this, pod, true);
  }
  onRefused(refusal: Refusal): void {
    expect(refusal.code).to.be.oneOf(['BufferFull', 'StartTimeout', 'Paused']);
    this.answers += 1;
    this.world.held.delete(this);
  }
}

type AnnouncedState = 'ready' | 'notReady' | 'terminating' | 'absent';

/** One thing that happens. */
export type Step =
  | { readonly kind: 'arrive'; readonly bytes: number }
  | { readonly kind: 'pods'; readonly states: readonly AnnouncedState[] }
  | { readonly kind: 'complete' | 'fail' | 'leave' | 'refuseConnect' | 'reassign' | 'grow'; readonly which: number }
  | { readonly kind: 'gate'; readonly gate: 'open' | 'hold' | 'reject' }
  | { readonly kind: 'limit'; readonly limit: number }
  | { readonly kind: 'policy'; readonly policy: number }
  | { readonly kind: 'wait'; readonly ms: number };

const holdMs = 1000;
const maxRequests = 12;
const maxBytes = 4000;

const pick = (tickets: ReadonlySet<Ticket>, index: number): Ticket | undefined =>
  [...tickets][index % Math.max(1, tickets.size)];

/** The application beside a plain record of what must be true of it. */
export class World {
  monotonicMs = 1;
  limit = 0;
  policy = 0;
  readonly budget = new HoldBudget(3500);
  readonly tickets: Ticket[] = [];
  readonly held = new Set<Ticket>();
  readonly running = new Set<Ticket>();
  readonly requeued = new Set<Ticket>();
  readonly application: RequestQueue;
  terminated = new Set<string>();
  /** Held requests whose clients left. */
  left = 0;
  idleCalls = 0;
  heldCalls = 0;

  constructor(seed: number) {
    let state = seed;
    this.application = new RequestQueue('n/a', this.settings(), {
      random: () => (state = (state * 48271) % 2147483647) / 2147483647,
      budget: this.budget,
      onHeld: () => (this.heldCalls += 1),
      onIdle: () => {
        expect(this.application.inFlight + this.application.queued).to.equal(0);
        this.idleCalls += 1;
      },
    });
  }

  settings(): ApplicationSettings {
    return {
      policy: BALANCING_POLICY_NAMES[this.policy % BALANCING_POLICY_NAMES.length] ?? 'RoundRobin',
      maxConcurrencyPerReplica: this.limit,
      buffer: { maxRequests, maxBytes, holdMs },
      responseTimeoutMs: 1,
      idleTimeoutMs: 1,
      bodyTimeoutMs: 1,
      minBodyBytesPerSecond: 0,
      clientWriteTimeoutMs: 1,
      tunnelTimeoutMs: 1,
    };
  }

  granted(ticket: Ticket, pod: PodSlot, fromHold: boolean): void {
    expect(pod.state, 'a pod that is not ready was chosen').to.equal('ready');
    expect(this.terminated.has(pod.uid)).to.equal(false);
    if (this.limit > 0) expect(pod.inFlight).to.be.at.most(this.limit);
    expect(this.application.gate).to.equal('open');
    if (fromHold) {
      for (const other of this.held) expect(other.arrivalNumber).to.be.at.least(ticket.arrivalNumber);
    } else expect(this.held.size, 'a newcomer overtook the held').to.equal(0);
    expect(ticket.answers).to.equal(0);
    this.held.delete(ticket);
    this.running.add(ticket);
  }

  step(step: Step): void {
    const { application, monotonicMs } = this;
    switch (step.kind) {
      case 'arrive':
        this.arrive(step.bytes);
        break;
      case 'pods':
        this.announce(step.states);
        break;
      case 'complete':
      case 'fail':
      case 'refuseConnect':
      case 'reassign':
        this.goOn(step.kind, pick(this.running, step.which));
        break;
      case 'leave':
      case 'grow':
        this.wait(step.kind, pick(this.held, step.which));
        break;
      case 'gate':
        application.setGate(
          step.gate === 'reject' ? { reject: { code: 'Paused', detail: '' } } : step.gate,
          monotonicMs,
        );
        break;
      case 'limit':
        this.limit = step.limit;
        application.updateSettings(this.settings(), monotonicMs);
        break;
      case 'policy':
        this.policy = step.policy;
        application.updateSettings(this.settings(), monotonicMs);
        break;
      case 'wait':
        this.monotonicMs += step.ms;
        application.sweep(this.monotonicMs);
        for (const ticket of this.held) expect(this.monotonicMs - ticket.arrivedAtMs).to.be.lessThan(holdMs);
        break;
    }
    this.check();
  }

  arrive(bytes: number): void {
    const ticket = new Ticket(this);
    this.tickets.push(ticket);
    // Some have a body that was read, and counted, before they ask for a pod.
    if (bytes % 3 === 0) this.application.growHeld(ticket, 7);
    const answer = this.application.acquire(ticket, bytes, this.monotonicMs);
    if (answer === 'held') this.held.add(ticket);
    else if (answer instanceof PodSlot) this.granted(ticket, answer, false);
    else ticket.answers += 1;
  }

  announce(states: readonly AnnouncedState[]): void {
    const pods: PodDescription[] = [];
    // A pod that was away and comes back is another pod, even under an old name.
    for (const uid of this.terminated) if (Number(uid.slice(1)) >= states.length) this.terminated.delete(uid);
    states.forEach((state, index) => {
      const uid = `p${index}`;
      if (state === 'terminating') this.terminated.add(uid);
      else if (state === 'absent') this.terminated.delete(uid);
      if (state !== 'absent') pods.push({ uid, name: uid, address: '10.0.0.1', port: index, state });
    });
    this.application.setPods(pods, this.monotonicMs);
  }

  /** What becomes of a request that is on a pod. */
  goOn(kind: 'complete' | 'fail' | 'refuseConnect' | 'reassign', ticket: Ticket | undefined): void {
    if (ticket === undefined) return;
    const { application, monotonicMs } = this;
    if (kind === 'reassign') {
      const broken = ticket.pod;
      const pod = application.reassign(ticket, monotonicMs);
      expect(ticket.pod).to.equal(pod);
      if (pod === broken) return;
      expect(pod.state).to.equal('ready');
      if (this.limit > 0) expect(pod.inFlight).to.be.at.most(this.limit);
      return;
    }
    this.running.delete(ticket);
    if (kind === 'refuseConnect') {
      // Held before the call returns, since it may be granted again within.
      this.held.add(ticket);
      this.requeued.add(ticket);
      if (application.requeue(ticket, 10, monotonicMs) === 'held') return;
      this.held.delete(ticket);
      ticket.answers += 1;
    } else {
      ticket.answers += 1;
      application.release(ticket, kind === 'fail' ? 'failed' : 'completed', monotonicMs);
      application.release(ticket, 'completed', monotonicMs);
    }
  }

  /** What becomes of a request that is held. */
  wait(kind: 'leave' | 'grow', ticket: Ticket | undefined): void {
    if (ticket === undefined) return;
    if (kind === 'grow') {
      this.application.growHeld(ticket, 100);
      return;
    }
    this.held.delete(ticket);
    ticket.answers += 1;
    this.left += 1;
    this.application.cancel(ticket, this.monotonicMs);
  }

  check(): void {
    const report = this.application.takeReport();
    expect(report.queued).to.equal(this.held.size);
    expect(report.inFlight).to.equal(this.running.size);
    expect(report.queued).to.be.at.most(maxRequests + this.requeued.size);
    expect(report.queuedBytes).to.equal([...this.held].reduce((sum, ticket) => sum + ticket.heldBytes, 0));
    expect(report.queuedBytes).to.equal(this.budget.usedBytes);
    expect(this.budget.usedBytes).to.be.within(0, this.budget.maxBytes);
    expect(report.arrivals).to.equal(this.tickets.length);
    const ended = report.completions + report.failures + report.refusals + this.left;
    expect(ended + report.queued + report.inFlight).to.equal(report.arrivals);
    for (const ticket of this.tickets) {
      const open = this.held.has(ticket) || this.running.has(ticket) ? 1 : 0;
      expect(ticket.answers + open, 'lost, or answered twice').to.equal(1);
    }
  }
}

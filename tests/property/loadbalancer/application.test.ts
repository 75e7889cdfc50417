import { expect } from 'chai';
import fc from 'fast-check';
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

type Step =
  | { readonly kind: 'arrive'; readonly bytes: number }
  | { readonly kind: 'pods'; readonly states: readonly ('ready' | 'notReady' | 'terminating' | 'absent')[] }
  | { readonly kind: 'complete' | 'fail' | 'leave' | 'refuseConnect' | 'reassign' | 'grow'; readonly which: number }
  | { readonly kind: 'gate'; readonly gate: 'open' | 'hold' | 'reject' }
  | { readonly kind: 'limit'; readonly limit: number }
  | { readonly kind: 'policy'; readonly policy: number }
  | { readonly kind: 'wait'; readonly ms: number };

const holdMs = 1000;
const maxRequests = 12;
const maxBytes = 4000;

/** The application beside a plain record of what must be true of it. */
class World {
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
    const { application } = this;
    switch (step.kind) {
      case 'arrive': {
        const ticket = new Ticket(this);
        this.tickets.push(ticket);
        // Some have a body that was read, and counted, before they ask for a pod.
        if (step.bytes % 3 === 0) application.growHeld(ticket, 7);
        const answer = application.acquire(ticket, step.bytes, this.monotonicMs);
        if (answer === 'held') this.held.add(ticket);
        else if (answer instanceof PodSlot) this.granted(ticket, answer, false);
        else ticket.answers += 1;
        break;
      }
      case 'pods': {
        const pods: PodDescription[] = [];
        // A pod that was away and comes back is another pod, even under an old name.
        for (const uid of this.terminated) if (Number(uid.slice(1)) >= step.states.length) this.terminated.delete(uid);
        step.states.forEach((state, index) => {
          const uid = `p${index}`;
          if (state === 'terminating') this.terminated.add(uid);
          else if (state === 'absent') this.terminated.delete(uid);
          if (state !== 'absent') pods.push({ uid, name: uid, address: '10.0.0.1', port: index, state });
        });
        application.setPods(pods, this.monotonicMs);
        break;
      }
      case 'complete':
      case 'fail':
      case 'refuseConnect': {
        const ticket = [...this.running][step.which % Math.max(1, this.running.size)];
        if (ticket === undefined) break;
        this.running.delete(ticket);
        if (step.kind === 'refuseConnect') {
          // Held before the call returns, since it may be granted again within.
          this.held.add(ticket);
          this.requeued.add(ticket);
          const answer = application.requeue(ticket, 10, this.monotonicMs);
          if (answer !== 'held') {
            this.held.delete(ticket);
            ticket.answers += 1;
          }
        } else {
          ticket.answers += 1;
          application.release(ticket, step.kind === 'fail' ? 'failed' : 'completed', this.monotonicMs);
          application.release(ticket, 'completed', this.monotonicMs);
        }
        break;
      }
      case 'reassign': {
        const ticket = [...this.running][step.which % Math.max(1, this.running.size)];
        if (ticket === undefined) break;
        const broken = ticket.pod;
        const pod = application.reassign(ticket, this.monotonicMs);
        expect(ticket.pod).to.equal(pod);
        if (pod !== broken) {
          expect(pod.state).to.equal('ready');
          if (this.limit > 0) expect(pod.inFlight).to.be.at.most(this.limit);
        }
        break;
      }
      case 'leave': {
        const ticket = [...this.held][step.which % Math.max(1, this.held.size)];
        if (ticket === undefined) break;
        this.held.delete(ticket);
        ticket.answers += 1;
        application.cancel(ticket, this.monotonicMs);
        break;
      }
      case 'grow': {
        const ticket = [...this.held][step.which % Math.max(1, this.held.size)];
        if (ticket !== undefined) application.growHeld(ticket, 100);
        break;
      }
      case 'gate':
        application.setGate(
          step.gate === 'reject' ? { reject: { code: 'Paused', detail: '' } } : step.gate,
          this.monotonicMs,
        );
        break;
      case 'limit':
        this.limit = step.limit;
        application.updateSettings(this.settings(), this.monotonicMs);
        break;
      case 'policy':
        this.policy = step.policy;
        application.updateSettings(this.settings(), this.monotonicMs);
        break;
      case 'wait':
        this.monotonicMs += step.ms;
        application.sweep(this.monotonicMs);
        for (const ticket of this.held) expect(this.monotonicMs - ticket.arrivedAtMs).to.be.lessThan(holdMs);
        break;
    }
    this.check();
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
    const ended = report.completions + report.failures + report.refusals + report.clientsGone;
    expect(ended + report.queued + report.inFlight).to.equal(report.arrivals);
    for (const ticket of this.tickets) {
      const open = this.held.has(ticket) || this.running.has(ticket) ? 1 : 0;
      expect(ticket.answers + open, 'lost, or answered twice').to.equal(1);
    }
  }
}

const which = fc.nat(30);
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('arrive' as const), bytes: fc.integer({ min: 1, max: 900 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('pods' as const),
      states: fc.array(
        fc.constantFrom(
          'ready' as const,
          'ready' as const,
          'notReady' as const,
          'terminating' as const,
          'absent' as const,
        ),
        {
          maxLength: 4,
        },
      ),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('complete' as const, 'complete' as const, 'fail' as const, 'leave' as const),
      which,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('refuseConnect' as const, 'reassign' as const, 'grow' as const),
      which,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('gate' as const),
      gate: fc.constantFrom('open' as const, 'open' as const, 'hold' as const, 'reject' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('limit' as const), limit: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('policy' as const), policy: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 60, 400, 1200) }) },
);

describe('Application under every interleaving', () => {
  it('loses nothing, answers nothing twice, keeps order, limits, bounds and counts', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), fc.array(steps, { maxLength: 120 }), (seed, script) => {
        const world = new World(seed);
        for (const step of script) world.step(step);
      }),
      { numRuns: 1500, seed: 20_260_101 },
    );
  }).timeout(60_000);

  it('ends with nothing waiting once a pod is ready and answers', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), fc.array(steps, { maxLength: 80 }), (seed, script) => {
        const world = new World(seed);
        for (const step of script) world.step(step);
        world.step({ kind: 'gate', gate: 'open' });
        world.application.setPods(
          [{ uid: 'fresh', name: 'fresh', address: '10.0.0.9', port: 1, state: 'ready' }],
          world.monotonicMs,
        );
        for (let turn = 0; turn < 500 && world.running.size + world.held.size > 0; turn += 1)
          world.step({ kind: 'complete', which: 0 });
        expect(world.application.queued).to.equal(0);
        expect(world.application.inFlight).to.equal(0);
      }),
      { numRuns: 500, seed: 20_260_102 },
    );
  }).timeout(60_000);
});

import { expect } from 'chai';
import { RequestQueue } from '../../../loadbalancer/domain/request-queue.ts';
import { HoldBudget, HoldTicket, type Refusal } from '../../../loadbalancer/domain/hold-queue.ts';
import { PodSlot } from '../../../loadbalancer/domain/pod-slot.ts';
import { ResponseTimes } from '../../../loadbalancer/domain/response-times.ts';

class Ticket extends HoldTicket {
  granted: string[] = [];
  refusals: string[] = [];
  onGranted(pod: PodSlot): void {
    this.granted.push(pod.uid);
  }
  onRefused(refusal: Refusal): void {
    this.refusals.push(refusal.code);
  }
}

const make = (holdMs = 1000, maxConcurrencyPerReplica = 0, budget = new HoldBudget(10_000)): RequestQueue =>
  new RequestQueue(
    'n/a',
    {
      policy: 'LeastConnections',
      maxConcurrencyPerReplica,
      buffer: { maxRequests: 1000, maxBytes: 10_000, holdMs },
      responseTimeoutMs: 1,
      idleTimeoutMs: 1,
      bodyTimeoutMs: 1,
      minBodyBytesPerSecond: 0,
      clientWriteTimeoutMs: 1,
      tunnelTimeoutMs: 1,
    },
    { random: () => 0.5, budget },
  );

const pod = (uid: string, state: 'ready' | 'notReady' | 'terminating' = 'ready', address = '10.0.0.1') => ({
  uid,
  name: uid,
  address,
  port: 80,
  state,
});

describe('Application', () => {
  it('paces a held burst without a limit: a window for each pod, which answers widen', () => {
    const application = make();
    const tickets = Array.from({ length: 100 }, () => new Ticket());
    for (const ticket of tickets) application.acquire(ticket, 1, 0);
    application.setPods([pod('a'), pod('b')], 1);
    expect(application.inFlight).to.equal(16);
    application.release(tickets[0]!, 'completed', 2);
    expect(application.inFlight).to.equal(17);
    application.sweep(60);
    expect(application.inFlight).to.equal(33);
  });

  it('leaves a pod out that refused a connection, until it is announced or a moment has passed', () => {
    const application = make();
    application.setPods([pod('a')], 0);
    const first = new Ticket();
    expect(application.acquire(first, 1, 0)).to.be.instanceOf(PodSlot);
    expect(application.requeue(first, 1, 1)).to.equal('held');
    application.sweep(20);
    expect(first.granted).to.deep.equal([]);
    application.sweep(60);
    expect(first.granted).to.deep.equal(['a']);
    expect(application.requeue(first, 1, 61)).to.equal('held');
    application.setPods([pod('a')], 62);
    expect(first.granted).to.deep.equal(['a', 'a']);
    expect(application.takeReport().failures).to.equal(0);
  });

  it('keeps a removed pod counting until its last request is done, and treats a new address as a new pod', () => {
    const application = make();
    application.setPods([pod('a')], 0);
    const ticket = new Ticket();
    const slot = application.acquire(ticket, 1, 0);
    application.setPods([pod('a', 'ready', '10.0.0.2')], 1);
    expect(slot).to.include({ inFlight: 1, state: 'terminating' });
    expect(application.pods[0]).to.include({ inFlight: 0, address: '10.0.0.2' });
    application.release(ticket, 'completed', 2);
    expect(slot).to.include({ inFlight: 0 });
    expect(application.inFlight).to.equal(0);
  });

  it('never gives a request that loses its pod to another that is going as well', () => {
    const application = make(1000, 1);
    application.setPods([pod('a'), pod('b'), pod('c')], 0);
    const first = new Ticket();
    const slot = application.acquire(first, 1, 0) as PodSlot;
    let told: unknown;
    slot.transport = { podRetired: () => (told = application.requeue(first, 1, 1)) };
    application.setPods([], 1);
    expect(told).to.equal('held');
    expect(first.granted).to.deep.equal([]);
    application.setPods([pod('d')], 2);
    expect(first.granted).to.deep.equal(['d']);
  });

  it('does not bring a terminating pod back', () => {
    const application = make();
    application.setPods([pod('a', 'terminating')], 0);
    application.setPods([pod('a', 'ready')], 1);
    expect(application.acquire(new Ticket(), 1, 2)).to.equal('held');
  });

  it('ends holds at their deadline, in which an outage does not count', () => {
    const application = make(1000);
    const ticket = new Ticket();
    application.acquire(ticket, 1, 0);
    application.freezeDeadlines(true, 500);
    application.sweep(5000);
    expect(ticket.refusals).to.deep.equal([]);
    application.freezeDeadlines(false, 5000);
    application.sweep(5499);
    expect(ticket.refusals).to.deep.equal([]);
    application.sweep(5500);
    expect(ticket.refusals).to.deep.equal(['StartTimeout']);
  });

  it('shares the bound of the process, and one full application leaves the others alone', () => {
    const budget = new HoldBudget(100);
    const [one, two] = [make(1000, 0, budget), make(1000, 0, budget)];
    const ticket = new Ticket();
    expect(one.acquire(ticket, 80, 0)).to.equal('held');
    expect(two.acquire(new Ticket(), 30, 0)).to.include({ code: 'BufferFull' });
    expect(two.acquire(new Ticket(), 20, 0)).to.equal('held');
    one.cancel(ticket, 1);
    expect(budget.usedBytes).to.equal(20);
  });

  it('is idle from the moment when the last held request went, not from when it came', () => {
    const application = make(1000);
    const [gone, late] = [new Ticket(), new Ticket()];
    application.acquire(gone, 1, 0);
    application.cancel(gone, 700);
    expect(application.takeReport().lastActivityMs).to.equal(700);
    application.acquire(late, 1, 800);
    application.sweep(1800);
    expect(late.refusals).to.deep.equal(['StartTimeout']);
    expect(application.takeReport().lastActivityMs).to.equal(1800);
  });

  it('does not count the time in the hold as response time', () => {
    const application = make(100_000);
    const ticket = new Ticket();
    application.acquire(ticket, 1, 0);
    application.setPods([pod('a')], 20_000);
    application.release(ticket, 'completed', 20_100);
    const [[boundMs, answers] = [], ...others] = application.takeReport().responseTimes;
    expect(boundMs).to.be.within(100, 113);
    expect([answers, others]).to.deep.equal([1, []]);
    expect(application.takeReport().responseTimes).to.deep.equal([]);
  });
});

describe('ResponseTimes', () => {
  it('tells each time within an eighth, never too low', () => {
    const times = new ResponseTimes();
    for (let ms = 1; ms <= 1000; ms += 1) {
      times.record(ms);
      const [only, ...others] = times.take();
      expect((only?.[0] ?? 0) / ms).to.be.within(1, 1.126);
      expect([only?.[1], others]).to.deep.equal([1, []]);
    }
  });

  it('tells all answers once, by time, smallest first', () => {
    const times = new ResponseTimes();
    for (let ms = 1000; ms >= 1; ms -= 1) times.record(ms);
    const buckets = times.take();
    const bounds = buckets.map(([boundMs]) => boundMs);
    expect(bounds).to.deep.equal([...new Set(bounds)].sort((a, b) => a - b));
    expect(buckets.reduce((sum, [, answers]) => sum + answers, 0)).to.equal(1000);
    expect(times.take()).to.deep.equal([]);
  });
});

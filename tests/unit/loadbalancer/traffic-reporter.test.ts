import { mock } from 'node:test';
import { expect } from 'chai';
import { Balancers } from '../../../autoscaler/signals/balancers.ts';
import { TrafficReadings } from '../../../autoscaler/domain/signals/traffic-readings.ts';
import { hasTraffic } from '../../../autoscaler/domain/signals/signals.ts';
import { HoldBudget, HoldTicket } from '../../../loadbalancer/domain/hold-queue.ts';
import { PodSlot } from '../../../loadbalancer/domain/pod-slot.ts';
import { TrafficReporter } from '../../../loadbalancer/report/traffic-reporter.ts';
import { Announcements } from '../../../loadbalancer/routing/announcements.ts';
import { ApplicationDirectory } from '../../../loadbalancer/routing/application-directory.ts';
import { DEFAULT_SETTINGS } from '../../../shared/api/load-balancer-settings.ts';
import type { TrafficReport } from '../../../shared/contracts/traffic-report.ts';
import { application, autoscaler } from '../../support/builders.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const KEYS = ['n/a', 'n/b', 'n/c'];
const namesIn = ({ applications }: TrafficReport): string[] => applications.map(({ name }) => name);

class Ticket extends HoldTicket {
  onGranted(): void {}
  onRefused(): void {}
}

/** A reporter of three applications; `answers` says how each report ends. */
function setUp(answers: (boolean | Promise<boolean>)[] = []) {
  const clock = new FakeClock();
  const gone = new Set<string>();
  const resource = autoscaler();
  const directory = new ApplicationDirectory({
    watch: {
      get: (key) => {
        const [namespace = '', name = ''] = key.split('/');
        const metadata = { namespace, name, uid: name, resourceVersion: '1' };
        return gone.has(key) ? undefined : application({ key, metadata, resource, pods: [] });
      },
      settings: DEFAULT_SETTINGS,
      synced: true,
      connected: true,
    },
    announcements: new Announcements(),
    budget: new HoldBudget(1),
    clock,
    random: () => 0.5,
  });
  for (const key of KEYS) directory.update(key);
  const reports: TrafficReport[] = [];
  const reporter = new TrafficReporter({
    directory,
    self: { podName: 'lb', podUid: 'lb' },
    send: async (report) => {
      reports.push(report);
      return (await answers.shift()) ?? true;
    },
    clock,
  });
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    mock.timers.tick(ms);
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  };
  const remove = (key: string): void => {
    gone.add(key);
    directory.update(key);
  };
  /** A pod of an application answers a request. */
  const answer = (key: string): void => {
    const queue = directory.get(key)!.queue;
    queue.setPods([{ uid: 'p', name: 'p', address: '10.0.0.1', port: 80, state: 'ready' }], clock.monotonicMs());
    const ticket = new Ticket();
    expect(queue.acquire(ticket, 1, clock.monotonicMs())).to.be.instanceOf(PodSlot);
    queue.release(ticket, 'completed', clock.monotonicMs());
  };
  return { reporter, reports, pass, remove, answer, clock };
}

describe('TrafficReporter', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout', 'setInterval'] }));
  afterEach(() => mock.timers.reset());

  it('Given something urgent, Then a report soon has what is urgent, and only that; each second one has all', async () => {
    const { reporter, reports, pass, remove } = setUp();
    reporter.start();
    await pass(0);
    reporter.urgent('n/b');
    reporter.urgent('n/b');
    reporter.urgent('n/c');
    await pass(20);
    reporter.urgent('n/a');
    remove('n/a');
    await pass(20);
    await pass(960);
    reporter.stop();
    expect(reports.map(namesIn)).to.deep.equal([
      ['a', 'b', 'c'],
      ['b', 'c'],
      ['b', 'c'],
    ]);
  });

  it('Given a report under way, Then what becomes due is sent once after it, whatever has come up meanwhile', async () => {
    const first = Promise.withResolvers<boolean>();
    const { reporter, reports, pass } = setUp([first.promise]);
    reporter.start();
    await pass(0);
    for (let round = 0; round < 10; round += 1) {
      reporter.urgent('n/b');
      await pass(20);
    }
    expect(reports).to.have.length(1);
    first.resolve(true);
    await pass(0);
    expect(reports.map(namesIn)).to.deep.equal([['a', 'b', 'c'], ['b']]);
    reporter.stop();
  });

  it('Given a report that was not taken, Then its answers are in the next one of their application, once', async () => {
    const { reporter, reports, pass, answer } = setUp([true, false]);
    const answersIn = (): [string, number][][] =>
      reports.map(({ applications }) =>
        applications.map(({ name, responseTimes }) => [name, responseTimes.reduce((sum, [, count]) => sum + count, 0)]),
      );
    reporter.start();
    await pass(0);
    answer('n/b');
    reporter.urgent('n/b');
    await pass(20);
    answer('n/a');
    reporter.urgent('n/a');
    await pass(20);
    await pass(960);
    await pass(1000);
    reporter.stop();
    const none = [['a', 0], ['b', 0], ['c', 0]]; // prettier-ignore
    const missed = [['a', 0], ['b', 1], ['c', 0]]; // prettier-ignore
    expect(answersIn()).to.deep.equal([none, [['b', 1]], [['a', 1]], missed, none]);
  });

  it('Given urgent reports of others, Then the controller goes on knowing an application until it counts as silent', async () => {
    const { reporter, reports, pass, clock } = setUp();
    const readings = new TrafficReadings();
    const balancers = new Balancers({
      readings,
      measurementsOf: () => ({ windowMs: 15_000, otherWindowsMs: [], metrics: [], signals: [] }),
      clock,
    });
    reporter.start();
    await pass(0);
    reporter.urgent('n/b');
    await pass(20);
    reporter.stop();
    for (const report of reports) balancers.take(report);
    const lb = [{ uid: 'lb', name: 'lb', address: undefined }];
    for (const key of KEYS) {
      expect(hasTraffic(readings.signals(key, lb, clock.monotonicMs(), 15_000)), key).to.equal(true);
    }
  });
});

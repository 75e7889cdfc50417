import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { Registry } from 'prom-client';
import { StoreSink } from '../../../autoscaler/events/sinks/store.ts';
import { UsageRecorder } from '../../../autoscaler/controllers/usage/usage-recorder.ts';
import { MetricsCollector } from '../../../autoscaler/domain/signals/metrics-collector.ts';
import { HISTORY_CONDITION, HistoryCondition } from '../../../autoscaler/store/history-condition.ts';
import { registerHistoryMetrics } from '../../../autoscaler/store/history-metrics.ts';
import { History, MAX_MEMORY_BYTES, type HistoryState } from '../../../autoscaler/store/history.ts';
import type { WorkerOptions } from '../../../autoscaler/store/store-worker.ts';
import type { Logger } from '../../../shared/runtime/logger.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { startLocalApi } from '../../support/local-api.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { until } from '../../support/until.ts';
import { everyTable } from '../store/factories.ts';

const retention = everyTable(1);
const audit = (number: number, message = 'z') =>
  ({ timeMs: number, application: 'n/a', actor: 'x', action: 'y', message }); // prettier-ignore
const WORKER = new URL('../../../autoscaler/store/store-worker.ts', import.meta.url);

describe('The history, when something happens to what it is written to', function () {
  this.timeout(60_000);
  let directory: string;
  let file: string;
  let history: History;
  const states: HistoryState[] = [];
  const errors: string[] = [];
  const workers: Worker[] = [];
  const logger: Logger = {
    ...silentLogger,
    error: (text, fields) => void errors.push(`${text} ${JSON.stringify(fields)}`),
  };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'nemesis-history-'));
    file = join(directory, 'history.sqlite');
    for (const list of [states, errors, workers]) list.length = 0;
  });
  afterEach(async () => {
    await history.close();
    rmSync(directory, { recursive: true, force: true });
  });

  function open(path: string, maxBytes?: number): History {
    const startWorker = (options: WorkerOptions): Worker => {
      const worker = new Worker(WORKER, { workerData: options });
      workers.push(worker);
      return worker;
    };
    const onState = (state: HistoryState): void => void states.push(state);
    const options = { file: path, retention, ...(maxBytes === undefined ? {} : { maxBytes }) };
    return new History(options, { logger, clock: systemClock, onState, startWorker });
  }

  const written = async (): Promise<number[]> =>
    (await history.query('audit', { limit: 1000 })).items.map(({ timeMs }) => timeMs);

  it('keeps what a full disk does not take, says so once, and writes it when there is room again', function () {
    const inMount = ['--mount', ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'])];
    if (spawnSync('unshare', [...inMount, 'true']).status !== 0) this.skip();
    history = open(':memory:');
    const program = join(import.meta.dirname, 'support', 'full-disk.ts');
    const script = `mount -t tmpfs -o size=3m tmpfs "$1" && exec "$2" "$3" "$1"`;
    const output = execFileSync('unshare', [
      ...[...inMount, 'sh', '-ec', script, 'sh', directory, process.execPath, program],
    ]);
    const seen = JSON.parse(output.toString()) as {
      full: HistoryState & { pending: number };
      after: HistoryState & { pending: number; dropped: number };
      rows: number;
      distinct: number;
    };
    expect(seen.full).to.deep.include({ written: false, reason: 'DiskFull' });
    expect(seen.full.pending).to.be.greaterThan(0);
    expect(seen.after).to.deep.include({ written: true, reason: 'Written', pending: 0, dropped: 0 });
    expect([seen.rows, seen.distinct]).to.deep.equal([2_100, 2_100]);
  });

  it('puts a file aside that was overwritten while it is open, and goes on with a new one', async () => {
    history = open(file);
    history.append('audit', audit(1));
    await history.flush();
    writeFileSync(file, Buffer.alloc(100_000, 'garbage'));
    history.append('audit', audit(2));
    await history.flush();
    expect(await written()).to.deep.equal([2]);
    expect(existsSync(`${file}.damaged`)).to.equal(true);
    expect(errors.join()).to.include('is damaged');
    expect(history.figures.replaced).to.equal(1);
    expect(history.state.written).to.equal(true);
  });

  it('does the same with one that is damaged when it starts, cut off, or taken away', async () => {
    writeFileSync(file, 'this is no database, and never was one');
    history = open(file);
    history.append('audit', audit(1));
    expect(await written()).to.deep.equal([1]);
    truncateSync(file);
    history.append('audit', audit(2));
    expect(await written()).to.deep.equal([2]);
    rmSync(file);
    history.append('audit', audit(3));
    expect(await written()).to.deep.equal([3]);
    expect(history.figures).to.deep.include({ replaced: 3, pending: 0 });
  });

  it('sees damage in the middle of the file when it reads it', async () => {
    history = open(file);
    for (let number = 0; number < 900; number += 1) history.append('audit', audit(number, 'x'.repeat(2_000)));
    await history.close();
    const bytes = Buffer.alloc(4_096 * 300, 0xff);
    const { openSync, writeSync, closeSync } = await import('node:fs');
    const descriptor = openSync(file, 'r+');
    writeSync(descriptor, bytes, 0, bytes.length, 4_096 * 20);
    closeSync(descriptor);
    history = open(file);
    await written();
    history.append('audit', audit(7));
    expect(await written()).to.deep.equal([7]);
    expect(history.figures.replaced).to.equal(1);
  });

  it('starts its worker again when that dies, and loses nothing that was not written', async () => {
    history = open(file);
    history.append('audit', audit(1));
    await history.flush();
    await workers[0]?.terminate();
    for (let number = 2; number <= 50; number += 1) history.append('audit', audit(number));
    await until(() => history.figures.pending === 0);
    expect(await written()).to.have.length(50);
    expect(workers).to.have.length(2);
    // Dying again and again does not keep it busy: the next one is started later.
    for (let time = 0; time < 3; time += 1) {
      await workers.at(-1)?.terminate();
      history.append('audit', audit(100 + time));
      await until(() => history.figures.pending === 0);
    }
    expect(await written()).to.have.length(53);
  });

  it('waits for a worker that is stuck with one loop, however much is recorded meanwhile', async () => {
    const startWorker = (options: WorkerOptions): Worker => {
      const stuck = workers.length === 0;
      const worker = stuck ? new Worker('for (;;);', { eval: true }) : new Worker(WORKER, { workerData: options });
      workers.push(worker);
      return worker;
    };
    history = new History({ file, retention }, { logger, clock: systemClock, startWorker });
    history.append('audit', audit(1));
    const flushing = history.flush();
    for (let number = 2; number <= 2_000; number += 1) history.append('audit', audit(number));
    expect(history.flush()).to.equal(flushing);
    await workers[0]?.terminate();
    await until(() => history.figures.pending === 0);
    expect((await history.query('audit', { limit: 1 })).items).to.have.nested.property('[0].timeMs', 2_000);
  });

  it('forgets nothing early when the clock is set a year ahead for a while', async () => {
    let aheadMs = 0;
    const clock = { monotonicMs: () => systemClock.monotonicMs(), wallMs: () => Date.now() + aheadMs };
    history = new History({ file, retention: { ...retention, audit: 90 } }, { logger, clock });
    for (let number = 0; number < 10; number += 1) history.append('audit', audit(Date.now() + number));
    await history.flush();
    aheadMs = 365 * 86_400_000;
    await history.maintain();
    aheadMs = 0;
    await history.maintain();
    expect(await written()).to.have.length(10);
  });

  it('answers 503 with the reason while it cannot be read', async () => {
    history = open('/dev/null/place.db');
    const failure = await history.query('audit', { limit: 1 }).catch((error: unknown) => error);
    expect(failure).to.have.property('code', 'HistoryUnavailable');
    expect(String(failure)).to.include('/dev/null/place.db');
  });

  it('says once that it cannot be written, and not again with each batch', async () => {
    history = open('/dev/null/place.db');
    for (let batch = 0; batch < 5; batch += 1) {
      history.append('audit', audit(batch));
      await history.flush();
    }
    expect(errors).to.have.length(1);
    expect(states.map(({ reason }) => reason)).to.deep.equal(['CannotWrite']);
    expect(history.figures.pending).to.equal(5);
  });

  it('refuses queries beyond a number at the same time', async () => {
    history = open(file);
    const answers = await Promise.all(
      Array.from({ length: 100 }, () =>
        history.query('audit', { limit: 1 }).then(
          () => 'ok',
          (error: unknown) => (error as { code: string }).code,
        ),
      ),
    );
    expect(answers.filter((answer) => answer === 'ok')).to.have.length(16);
    expect(new Set(answers)).to.deep.equal(new Set(['ok', 'TooManyRequests']));
  });

  it('is bounded to 64 MiB in memory, and forgets the oldest', async () => {
    history = open(':memory:');
    expect(history.state.reason).to.equal('InMemory');
    for (let number = 0; number < 50_000; number += 1) {
      history.append('audit', audit(number, 'x'.repeat(2_000)));
      if (number % 2_000 === 1_999) await history.flush();
    }
    await history.flush();
    expect(history.figures.usedBytes).to.be.at.most(MAX_MEMORY_BYTES);
    expect(history.figures.pending).to.equal(0);
    expect((await written())[0]).to.equal(49_999);
  });

  it('tells its figures to Prometheus', async () => {
    history = open('/dev/null/place.db');
    const registry = new Registry();
    registerHistoryMetrics(history, registry);
    history.append('audit', audit(1));
    await history.flush();
    for (let time = 0; time < 2; time += 1) {
      const text = await registry.metrics();
      expect(text).to.include('nemesis_history_pending_records 1');
      expect(text).to.include('nemesis_history_write_failures_total 1');
    }
  });

  it("says in the status of the controller's pod whether it is written", async () => {
    history = open(':memory:');
    const local = await startLocalApi();
    const pods = '/api/v1/namespaces/default/pods';
    // Without a node that runs it, a pod stays as it is.
    const spec = { nodeName: 'nowhere', containers: [{ name: 'c', image: 'none' }] };
    await local.api.request('POST', pods, { body: { metadata: { name: 'self' }, spec } });
    const self = { namespace: 'default', podName: 'self' };
    const condition = new HistoryCondition(local.api, self, { logger: silentLogger, clock: systemClock });
    const shown = async (): Promise<unknown> => {
      const { status } = await local.api.request<{ status?: { conditions?: { type: string }[] } }>(
        'GET',
        `${pods}/self`,
      );
      return status?.conditions?.filter(({ type }) => type === HISTORY_CONDITION);
    };
    for (const state of [
      { written: false, reason: 'DiskFull', message: 'full' },
      { written: true, reason: 'Written', message: 'again' },
    ]) {
      condition.set(state);
      let conditions: unknown;
      do conditions = await shown();
      while (!JSON.stringify(conditions ?? '').includes(state.reason));
      expect(conditions).to.have.length(1);
      expect((conditions as object[])[0]).to.include({
        status: state.written ? 'True' : 'False',
        message: state.message,
      });
    }
    await condition.stop();
    await local.stop();
  });
});

describe('The usage of applications', () => {
  it('is written to its end and forgotten when they are gone', () => {
    const written: string[] = [];
    const store = new StoreSink({ append: (_table, { application }) => written.push(application) });
    const usage = new UsageRecorder({ publish: (event) => store.accept(event), clock: new FakeClock() });
    const signals = new MetricsCollector().signals('n/a', [], [], 0, 15_000);
    for (const key of ['n/a', 'n/b']) usage.sample(key, 1, undefined, signals);
    usage.forget('n/a');
    expect(written).to.deep.equal(['n/a']);
    usage.flush();
    expect(written).to.deep.equal(['n/a', 'n/b']);
  });
});

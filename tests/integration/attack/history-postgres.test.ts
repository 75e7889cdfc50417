import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { expect } from 'chai';
import { History, type HistoryState } from '../../../autoscaler/store/history.ts';
import { PostgresDatabase } from '../../../autoscaler/store/postgres-database.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import type { Logger } from '../../../shared/runtime/logger.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { until } from '../../support/until.ts';
import { postgresBinaries, PostgresServer } from '../../support/postgres-server.ts';
import { audit as pendingAudit, everyTable, maintain, MIB, pending, recordsOf, timesOf } from '../store/factories.ts';

const HOUR_MS = 3_600_000;
const retention = everyTable(1);
const audit = (number: number, message = 'z') =>
  ({ timeMs: number, application: 'n/a', actor: 'x', action: 'y', message }); // prettier-ignore

describe('The history in PostgreSQL, when something happens to it', function () {
  this.timeout(60_000);
  let server: PostgresServer;
  let url: string;
  const states: HistoryState[] = [];
  const lines: string[] = [];
  const histories: History[] = [];
  const say = (text: string, fields?: object): void => void lines.push(`${text} ${JSON.stringify(fields)}`);
  const logger: Logger = { ...silentLogger, error: say, info: say };

  before(async function () {
    const folder = postgresBinaries();
    if (folder === undefined) this.skip();
    server = new PostgresServer(folder);
    await server.start();
  });
  // Undefined where it was skipped.
  after(() => (server as PostgresServer | undefined)?.remove());
  beforeEach(async () => {
    states.length = lines.length = 0;
    url = await server.createDatabase('history');
  });
  afterEach(async () => {
    await Promise.all(histories.splice(0).map((history) => history.close()));
  });

  function open(databaseUrl = url): History {
    const onState = (state: HistoryState): void => void states.push(state);
    const history = new History({ file: '', databaseUrl, retention }, { logger, clock: systemClock, onState });
    histories.push(history);
    return history;
  }
  const written = async (history: History): Promise<number[]> =>
    (await history.query('audit', { limit: 1000 })).items.map(({ timeMs }) => timeMs);

  it('keeps what is recorded while it is away, says so once, and writes it when it is back', async () => {
    const history = open();
    history.append('audit', audit(1));
    await history.flush();
    expect(history.state).to.include({ written: true, reason: 'Written' });
    await server.stop();
    for (let number = 2; number <= 600; number += 1) history.append('audit', audit(number));
    await until(() => states.length > 0);
    expect(history.state).to.include({ written: false, reason: 'Unreachable' });
    expect(history.figures.pending).to.equal(599);
    const failure: unknown = await history.query('audit', { limit: 1 }).catch((error: unknown) => error);
    expect(failure).to.have.property('code', 'HistoryUnavailable');
    await server.resume();
    await until(() => history.figures.pending === 0);
    expect(await written(history)).to.have.length(600);
    expect(states.map(({ reason }) => reason)).to.deep.equal(['Unreachable', 'Written']);
    expect(lines.filter((line) => line.startsWith('the history cannot be written'))).to.have.length(1);
  });

  it('ends soon while it is away', async () => {
    const history = open();
    history.append('audit', audit(1));
    await history.flush();
    await server.stop();
    history.append('audit', audit(2));
    const begin = performance.now();
    await history.close();
    expect(performance.now() - begin).to.be.below(5_000);
    expect(lines.at(-1)).to.include('history is lost').and.to.include('"records":1');
    histories.length = 0;
    await server.resume();
  });

  it('never shows the password', async () => {
    const password = decodeURIComponent(new URL(url).password);
    const wrong = new URL(url);
    wrong.password = 'another-password';
    const [right, refused] = [open(), open(wrong.href)];
    for (const history of [right, refused]) history.append('audit', audit(1));
    await until(() => !refused.state.written);
    await right.flush();
    const shown = JSON.stringify([lines, states, right.state, refused.state]);
    expect(shown).to.include('password authentication failed').and.to.include('127.0.0.1');
    for (const secret of [password, encodeURIComponent(password), 'another-password']) {
      expect(shown).to.not.include(secret);
    }
  });

  it('waits for a table that is locked without holding anybody up', async () => {
    const history = open();
    await history.query('audit', { limit: 1 });
    const locked = server.run(
      'begin; lock table audit in access exclusive mode; select pg_sleep(1); commit',
      'history',
    );
    const locks = `select 1 from pg_locks where mode = 'AccessExclusiveLock' and granted`;
    while ((await server.run(locks, 'history')).rowCount === 0);
    const begin = performance.now();
    for (let number = 1; number <= 400; number += 1) history.append('audit', audit(number));
    expect(performance.now() - begin).to.be.below(500);
    expect(await history.query('decisions', { limit: 1 }).catch(() => 'late')).to.not.equal('late');
    await locked;
    await until(() => history.figures.pending === 0);
    expect(await written(history)).to.have.length(400);
    expect(history.figures.failures).to.equal(0);
  });

  it('gives a connection up that does not answer, and takes another one', async () => {
    const proxy = await SilentProxy.start(Number(new URL(url).port));
    const through = new URL(url);
    through.port = String(proxy.port);
    through.searchParams.set('query_timeout', '500');
    const history = open(through.href);
    history.append('audit', audit(1));
    await history.flush();
    proxy.silence();
    history.append('audit', audit(2));
    await until(() => !history.state.written);
    expect(history.state.reason).to.equal('Unreachable');
    await until(() => history.figures.pending === 0);
    expect(await written(history)).to.deep.equal([2, 1]);
    await Promise.all(histories.splice(0).map((each) => each.close()));
    await proxy.stop();
  });

  it('is shared by two controllers that start at the same time', async () => {
    const both = [open(), open()];
    both.forEach((history, number) => history.append('audit', audit(number)));
    await Promise.all(both.map((history) => history.flush()));
    expect(await written(both[0] as History)).to.deep.equal([1, 0]);
    expect(lines.filter((line) => line.includes('cannot'))).to.deep.equal([]);
  });

  it('counts usage once when two controllers roll it up at the same time', async () => {
    const both = [new PostgresDatabase(url), new PostgresDatabase(url)];
    const minutes = Array.from({ length: 48 * 60 }, (_, minute) =>
      pending('usage', {
        ...{ timeMs: minute * 60_000, application: 'n/a', replicaSeconds: 60, requests: 1 },
        ...{ cpuMillicores: 1, memoryBytes: 1, concurrency: 1 },
      }),
    );
    await both[0]?.write(minutes);
    await Promise.all(both.map((store) => maintain(store, { minutesSinceMs: 48 * HOUR_MS })));
    const hours = await recordsOf(both[1] as PostgresDatabase, 'usage');
    expect(hours.reduce((sum, { requests }) => sum + requests, 0)).to.equal(minutes.length);
    expect(hours.filter(({ seconds }) => seconds !== 3_600)).to.deep.equal([]);
    await Promise.all(both.map((store) => store.close()));
  });

  it('estimates what it uses, within a third of what PostgreSQL says', async () => {
    const store = new PostgresDatabase(url);
    for (let batch = 0; batch < 10; batch += 1) {
      await store.write(Array.from({ length: 2_000 }, (_, number) => pendingAudit(batch * 2_000 + number, 'n/a', 'x'.repeat(100)))); // prettier-ignore
    }
    const { rows } = await server.run(`select pg_total_relation_size('audit')::float8 as bytes`, 'history');
    const { bytes } = rows[0] as { bytes: number };
    expect((await store.usedBytes()) / bytes).to.be.within(0.67, 1.5);
    // Deleted rows do not count, although their space is not given back: else a bound would remove all that is left.
    await maintain(store, { maxBytes: MIB });
    expect(await store.usedBytes()).to.be.within(0.8 * MIB, MIB);
    expect(await timesOf(store)).to.have.length.above(1_000);
    await store.close();
  });

  it('says what is missing where the user may not make tables', async () => {
    await server.run('drop role if exists reader');
    await server.run(`create role reader login password 'r'`);
    const reader = new URL(url);
    [reader.username, reader.password] = ['reader', 'r'];
    const history = open(reader.href);
    history.append('audit', audit(1));
    await until(() => !history.state.written);
    expect(history.state.reason).to.equal('CannotWrite');
    expect(history.state.message).to.include('permission denied');
  });
});

/** Passes bytes on until it is silenced; the connections that it has then stay open and say nothing. */
class SilentProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(target: number) {
    this.#server = createServer((client) => {
      const upstream = connect(target, '127.0.0.1');
      for (const socket of [client, upstream]) {
        this.#sockets.add(socket);
        socket.on('error', () => undefined);
      }
      client.pipe(upstream).pipe(client);
    });
  }

  static async start(target: number): Promise<SilentProxy> {
    const proxy = new SilentProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  silence(): void {
    for (const socket of this.#sockets) socket.unpipe();
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

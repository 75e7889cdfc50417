import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { NamedReadings } from '../../../autoscaler/domain/signals/named-readings.ts';
import { isAllowedAddress } from '../../../autoscaler/outbound/address-policy.ts';
import { OutboundClient, OutboundError } from '../../../autoscaler/outbound/outbound-client.ts';
import {
  OUTSIDE_SIGNALS,
  OutsideSignals,
  type SignalAsker,
} from '../../../autoscaler/signals/outside/outside-signals.ts';
import { prometheusAsker } from '../../../autoscaler/signals/outside/prometheus-asker.ts';
import { confineQuery } from '../../../autoscaler/signals/outside/promql.ts';
import { ObservabilitySystems } from '../../../autoscaler/signals/outside/systems.ts';
import { scalingSchema, type SignalConfig } from '../../../shared/api/scaling-schema.ts';
import { KubeError } from '../../../shared/kubernetes/kube-api.ts';
import type { KubernetesObject } from '../../../shared/kubernetes/objects.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { kubeClient } from '../../support/kube-client.ts';

const signal = (query: string, over: Partial<SignalConfig> = {}): SignalConfig => {
  const { signals: [parsed] = [] } = scalingSchema.parse({
    signals: [{ name: 'gpu', prometheus: { system: 'prom', query }, ...over }],
  });
  if (parsed === undefined) throw new Error('The schema dropped the signal.');
  return parsed;
};
/** What Prometheus answers, as its documentation has it. */
const vector = (...values: string[]): string =>
  JSON.stringify({
    status: 'success',
    data: { resultType: 'vector', result: values.map((value) => ({ metric: {}, value: [1_700_000_000.781, value] })) },
  });

describe('Signals from outside', () => {
  let server: Server;
  let url: string;
  let asked: { path: string; query: string | null; authorization: string | undefined }[];
  let answer: (response: ServerResponse, request: IncomingMessage) => void;
  let client: OutboundClient;
  let clock: FakeClock;
  let readings: NamedReadings;
  let secrets: Record<string, Record<string, string>>;
  let spec: Record<string, unknown>;

  before(async () => {
    server = createServer((request, response) => {
      void text(request).then((body) => {
        const query = new URLSearchParams(body).get('query');
        asked.push({ path: request.url ?? '', query, authorization: request.headers.authorization });
        answer(response, request);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    asked = [];
    client = new OutboundClient();
    clock = new FakeClock();
    readings = new NamedReadings();
    secrets = {};
    spec = { type: 'Prometheus', url, allowedNamespaces: ['n', 'm'] };
    answer = (response) => response.end(vector('42.5'));
  });
  afterEach(() => client.close());

  function systems(): ObservabilitySystems {
    const object = { metadata: { name: 'prom', namespace: 'sys', uid: 'u', resourceVersion: '1' }, spec };
    const api = kubeClient((_, path) => {
      const data = secrets[path.split('/').at(-1) ?? ''];
      if (data === undefined) return Promise.reject(new KubeError(404, 'NotFound', 'not found'));
      const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
      return Promise.resolve({ data: Object.fromEntries(encoded) as object });
    });
    const objects = new Map([['sys/prom', object as unknown as KubernetesObject]]); // eslint-disable-line no-restricted-syntax -- an object as a watch brings it, before it is parsed
    return new ObservabilitySystems({ api, objects, systemNamespace: 'sys', clock });
  }
  const source = (...askers: SignalAsker[]): OutsideSignals =>
    new OutsideSignals({
      ...{ readings, clock, random: () => 0 },
      askers: askers.length > 0 ? askers : [prometheusAsker(client, systems())],
    });
  const reading = (application = 'n/a', name = 'gpu') => readings.reading(application, name, clock.monotonicMs());

  it('Given two applications of a namespace with the same query, Then it is asked once, confined to the namespace', async () => {
    const outside = source();
    outside.demand('n/a', { signals: [signal('avg(gpu_util{pod=~"llm-.*"})')] });
    outside.demand('n/b', { signals: [signal('avg(gpu_util{pod=~"llm-.*"})')] });
    outside.demand('m/c', { signals: [signal('avg(gpu_util{pod=~"llm-.*"})')] });
    await outside.tick();
    expect(asked.map(({ path, query }) => `${path} ${query ?? ''}`)).to.have.members([
      '/api/v1/query avg(gpu_util{namespace="n",pod=~"llm-.*"})',
      '/api/v1/query avg(gpu_util{namespace="m",pod=~"llm-.*"})',
    ]);
    for (const application of ['n/a', 'n/b', 'm/c']) {
      expect(reading(application)).to.deep.equal({ kind: 'value', value: 42.5 });
    }
    await outside.tick();
    expect(asked).to.have.length(2);
    clock.advance(15_000);
    await outside.tick();
    expect(asked).to.have.length(4);
  });

  const failures: [string, (response: ServerResponse) => void, RegExp][] = [
    ['no series', (r) => r.end(vector()), /Prometheus prom has no value for its query/],
    ['two series', (r) => r.end(vector('1', '2')), /its query gives 2 values.*aggregate them/],
    ['not a number', (r) => r.end(vector('NaN')), /its query gives NaN/],
    ['a refusal', (r) => r.writeHead(400).end(JSON.stringify({ status: 'error', errorType: 'bad_data', error: 'no such function' })), /refused the query: no such function/],
    ['a page of a proxy', (r) => r.writeHead(502).end('<html>'), /answered 502 with something else than a result/],
    ['a redirect', (r) => r.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(), /answered 302/],
    ['an answer without end', (r) => r.end('x'.repeat(2_000_000)), /longer than 1048576 bytes/],
    ['an answer that is small until it is unpacked', (r) => r.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(50_000_000))), /longer than 1048576 bytes/],
    ['a broken connection', (r) => r.destroy(), /cannot be asked/],
  ]; // prettier-ignore
  for (const [title, respond, sentence] of failures) {
    it(`Given ${title}, Then there is no value, and why is said`, async () => {
      answer = respond;
      const outside = source();
      outside.demand('n/a', { signals: [signal('up')] });
      await outside.tick();
      const missing = reading();
      expect(missing.kind === 'noData' && missing.why).to.match(sentence);
    });
  }

  it('Given Prometheus goes away, Then the last value counts while it is fresh, it is asked less often, and comes back', async () => {
    const outside = source();
    const signals = [signal('up')];
    outside.demand('n/a', { signals });
    await outside.tick();
    answer = (response) => response.destroy();
    for (let second = 0; second < 300; second += 1) {
      clock.advance(1_000);
      outside.demand('n/a', { signals });
      await outside.tick();
      if (second === 30) expect(reading().kind).to.equal('value');
      if (second === 60) expect(reading().kind).to.equal('noData');
    }
    // 15 s after the first, then 30, 60, 60, ...
    expect(asked.length).to.be.within(5, 8);
    answer = (response) => response.end(vector('7'));
    clock.advance(OUTSIDE_SIGNALS.maxIntervalMs);
    outside.demand('n/a', { signals });
    await outside.tick();
    expect(reading()).to.deep.equal({ kind: 'value', value: 7 });
  });

  it('Given a namespace with slow questions, Then others are asked all the same, and no more than so many at once', async () => {
    const release: (() => void)[] = [];
    const asker: SignalAsker = {
      keyOf: ({ name }, namespace) => `${namespace}/${name}`,
      ask: () => new Promise((resolve) => release.push(() => resolve(1))),
    };
    const outside = source(asker);
    const many = Array.from({ length: 16 }, (_, index) => signal('up', { name: `s${index}` }));
    for (let index = 0; index < 50; index += 1) outside.demand(`slow/a${index}`, { signals: many });
    for (let index = 0; index < 20; index += 1) outside.demand(`n${index}/a`, { signals: many });
    const first = outside.tick();
    expect(release).to.have.length(OUTSIDE_SIGNALS.maxConcurrent);
    for (const each of release.splice(0)) each();
    await first;
    const seen = Array.from(
      { length: 20 },
      (_, index) => readings.reading(`n${index}/a`, 's0', clock.monotonicMs()).kind,
    );
    expect(seen.filter((kind) => kind === 'value').length).to.be.at.least(7);
  });

  it('Given an application goes, or its resource changes, Then nothing of its questions is kept', async () => {
    const outside = source();
    outside.demand('n/a', { signals: [signal('up'), signal('down', { name: 'other' })] });
    outside.demand('n/b', { signals: [signal('up')] });
    await outside.tick();
    expect([outside.size, readings.size]).to.deep.equal([2, 3]);
    outside.demand('n/a', { signals: [signal('down', { name: 'other' })] });
    expect([outside.size, readings.size]).to.deep.equal([2, 2]);
    outside.forget('n/b');
    outside.forget('n/a');
    expect([outside.size, readings.size]).to.deep.equal([0, 0]);
    outside.demand('n/a', { signals: [signal('up')] });
    clock.advance(OUTSIDE_SIGNALS.demandMs + 1);
    await outside.tick();
    expect(outside.size).to.equal(0);
  });

  it('Given an answer that comes after the application went, Then nothing is kept of it', async () => {
    const done = Promise.withResolvers<number>();
    const outside = source({ keyOf: () => 'k', ask: () => done.promise });
    outside.demand('n/a', { signals: [signal('up')] });
    const asking = outside.tick();
    outside.forget('n/a');
    done.resolve(1);
    await asking;
    expect([outside.size, readings.size]).to.deep.equal([0, 0]);
  });

  it('Given a namespace that a system does not allow, or no such system, Then both sound the same', async () => {
    const outside = source();
    outside.demand('x/a', { signals: [signal('up')] });
    outside.demand('n/a', { signals: [signal('up', { prometheus: { system: 'gone', query: 'up' } })] });
    await outside.tick();
    expect(asked).to.deep.equal([]);
    const missing = [reading('x/a'), reading('n/a')].map((each) => (each.kind === 'noData' ? each.why : ''));
    expect(missing[0]).to.match(/there is no ObservabilitySystem prom in sys that namespace x may use/);
    expect(missing[1]).to.match(/there is no ObservabilitySystem gone in sys that namespace n may use/);
  });

  it('Given credentials in Secrets, Then they are sent; where one is missing, it says which', async () => {
    secrets['token'] = { token: 'abc\n' };
    spec = { ...spec, auth: { bearerTokenSecretRef: { name: 'token' } } };
    let outside = source();
    outside.demand('n/a', { signals: [signal('up')] });
    await outside.tick();
    expect(asked[0]?.authorization).to.equal('Bearer abc');
    secrets['user'] = { username: 'u', password: 'p' };
    spec = { ...spec, auth: { basicSecretRef: { name: 'user' } } };
    outside = source();
    outside.demand('n/a', { signals: [signal('up')] });
    await outside.tick();
    expect(asked[1]?.authorization).to.equal(`Basic ${Buffer.from('u:p').toString('base64')}`);
    spec = { ...spec, auth: { basicSecretRef: { name: 'gone' } } };
    readings = new NamedReadings();
    outside = source();
    outside.demand('n/a', { signals: [signal('up')] });
    await outside.tick();
    const missing = reading();
    expect(missing.kind === 'noData' && missing.why).to.match(/Secret gone of sys cannot be read: there is none/);
    expect(asked).to.have.length(2);
  });

  it('Given addresses of the link, or of none, Then nothing goes there, however they are written', async () => {
    const refused = [
      '169.254.169.254',
      '::ffff:169.254.169.254',
      '0.0.0.0',
      '224.0.0.1',
      '255.255.255.255',
      'fe80::1',
      '::',
      'ff02::1',
      'fd00:ec2::254',
    ];
    for (const address of refused) expect(isAllowedAddress(address), address).to.equal(false);
    for (const address of ['10.0.0.1', '127.0.0.1', '::1', '8.8.8.8']) expect(isAllowedAddress(address)).to.equal(true);
    const of = (host: string) =>
      client.request({ method: 'GET', url: `http://${host}/`, timeoutMs: 1_000, maxBytes: 10 }).then(
        () => 'answered',
        (error: unknown) => (error instanceof OutboundError ? error.message : String(error)),
      );
    expect(await of('169.254.169.254')).to.match(/an address that is never talked to/);
    expect(await of('[fe80::1]')).to.match(/an address that is never talked to/);
    expect(await of('[::ffff:169.254.169.254]')).to.match(/an address that is never talked to/);
    // Decimal spellings are read as URLs read them.
    expect(await of('2852039166')).to.match(/an address that is never talked to/);
  });
});

describe('A query that is confined to its namespace', () => {
  const cases: [string, string][] = [
    ['up', 'up{namespace="n"}'],
    ['up{}', 'up{namespace="n"}'],
    ['up{ }', 'up{namespace="n" }'],
    ['{__name__="up"}', '{namespace="n",__name__="up"}'],
    ['up{namespace="other"}', 'up{namespace="n",namespace="other"}'],
    ['up{a="namespace=\\"n\\""} or {"my.metric"}', 'up{namespace="n",a="namespace=\\"n\\""} or {namespace="n","my.metric"}'],
    ["up{a='}'} / ignoring(a) down", 'up{namespace="n",a=\'}\'} / ignoring(a) down{namespace="n"}'],
    ['sum by (le) (rate(x_bucket[1m] offset 5m)) # up', 'sum by (le) (rate(x_bucket{namespace="n"}[1m] offset 5m)) # up'],
    ['max_over_time(up[1h:1m])', 'max_over_time(up{namespace="n"}[1h:1m])'],
    ['1 + 1', '1 + 1'],
  ]; // prettier-ignore
  for (const [query, confined] of cases) {
    it(`Given ${query}, Then every selector of it is`, () => {
      expect(confineQuery(query, 'namespace', 'n')).to.equal(confined);
    });
  }
  for (const query of ['sum(', 'up{', 'up}', 'up{a="b}', '}{', 'up{a="b"}}']) {
    it(`Given ${query}, Then it is refused, with the place`, () => {
      expect(() => confineQuery(query, 'namespace', 'n')).to.throw(/cannot be read at character \d+/);
    });
  }
});

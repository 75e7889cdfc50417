import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Registry } from 'prom-client';
import { ControllerMetrics } from '../../../autoscaler/metrics/controller-metrics.ts';
import type { DomainEvent } from '../../../autoscaler/events/domain-event.ts';
import { EVENT_SINKS } from '../../../autoscaler/events/sinks/index.ts';
import { KubernetesSink } from '../../../autoscaler/events/sinks/kubernetes.ts';
import { LogSink } from '../../../autoscaler/events/sinks/log.ts';
import { PrometheusSink } from '../../../autoscaler/events/sinks/prometheus.ts';
import { createPublisher } from '../../../autoscaler/events/publisher.ts';
import { StoreSink } from '../../../autoscaler/events/sinks/store.ts';
import { eventSinks } from '../../../scripts/event-sinks.ts';
import { application } from '../../support/builders.ts';

const about = application();
const common = { timeMs: 1, application: about.key };

/** One event of each kind; the compiler asks for those that are missing. */
const EVENTS: { readonly [K in DomainEvent['kind']]: Extract<DomainEvent, { kind: K }> } = {
  ReplicasChanged: {
    kind: 'ReplicasChanged',
    application: about,
    record: { ...common, from: 0, to: 1, by: 'nemesis-loadbalancer', reason: 'Wake', message: 'A request was held.' },
    woken: true,
  },
  Scaled: { kind: 'Scaled', application: about, from: 1, to: 3, reason: 'ScaleUp', message: 'rule cpu.' },
  PhaseChanged: {
    kind: 'PhaseChanged',
    application: about,
    from: 'Waking',
    to: 'Failed',
    reason: 'CrashLoopBackOff',
    message: 'It crashes.',
  },
  AutomatonMoved: { kind: 'AutomatonMoved', application: about, from: 'Quiet', to: 'Busy', trigger: 'event Sale', message: 'It moved.' },
  AutomatonEffect: {
    kind: 'AutomatonEffect',
    application: about,
    key: 'a/1/2.0',
    state: 'Busy',
    effect: { alert: { severity: 'warning', summary: 'The sale has started.' } },
    message: 'The sale has started.',
  },
  Decided: {
    kind: 'Decided',
    record: { ...common, phase: 'Active', replicas: 1, desiredReplicas: 3, reason: 'ScaleUp', message: 'rule cpu.', votes: [], acted: true },
    changed: true,
  },
  ColdStartEnded: {
    kind: 'ColdStartEnded',
    record: { ...common, wakeId: 'w', outcome: 'ready', totalMs: 1500, scheduledMs: 5, startedMs: 900, readyMs: 1500, heldRequests: 2, message: '' },
  },
  UsageMeasured: {
    kind: 'UsageMeasured',
    record: { ...common, replicaSeconds: 60, requests: 7, cpuMillicores: null, memoryBytes: null, concurrency: null },
  },
  Audited: { kind: 'Audited', record: { ...common, actor: 'ann', action: 'PUT scaling', message: '{}' } },
  Warned: { kind: 'Warned', application: about, reason: 'OtherWriter', message: 'Somebody else writes.' },
}; // prettier-ignore

function collect(): {
  readonly seen: string[];
  readonly publish: (event: DomainEvent) => void;
  readonly registry: Registry;
} {
  const seen: string[] = [];
  const registry = new Registry();
  const sinks = [
    new StoreSink({ append: (table) => seen.push(`row in ${table}`) }),
    new KubernetesSink({ record: ({ name }, type, reason, message) => seen.push(`${type} ${reason} on ${name}: ${message}`) }),
    new LogSink({ info: (message) => seen.push(`log: ${message}`) }),
    new PrometheusSink(new ControllerMetrics(registry)),
  ]; // prettier-ignore
  return { seen, registry, publish: createPublisher(sinks, { logger: { error: (message) => seen.push(message) } }) };
}

describe('domain events', () => {
  const expected: Readonly<Record<DomainEvent['kind'], readonly string[]>> = {
    ReplicasChanged: ['row in scalingEvents', 'Normal Wake on a: Scaled from 0 to 1: A request was held.'],
    Scaled: ['Normal ScaleUp on a: Scaled from 1 to 3: rule cpu.', 'log: scaled'],
    PhaseChanged: ['Warning Failed on a: It crashes.', 'log: phase'],
    AutomatonMoved: ['Normal AutomatonMoved on a: It moved.', 'log: automaton'],
    AutomatonEffect: ['Warning AutomatonAlert on a: The sale has started.', 'log: automaton effect'],
    Decided: ['row in decisions'],
    ColdStartEnded: ['row in coldStarts'],
    UsageMeasured: ['row in usage'],
    Audited: ['row in audit'],
    Warned: ['Warning OtherWriter on a: Somebody else writes.'],
  };
  for (const event of Object.values(EVENTS)) {
    it(`Given ${event.kind}, Then every sink does its part and no other`, () => {
      const { seen, publish } = collect();
      publish(event);
      expect(seen).to.deep.equal(expected[event.kind]);
    });
  }

  it('Given decisions, Then those that changed are counted, and cold starts are observed', async () => {
    const { publish, registry } = collect();
    publish(EVENTS.Decided);
    publish({ ...EVENTS.Decided, changed: false });
    publish(EVENTS.ColdStartEnded);
    const text = await registry.metrics();
    expect(text).to.include('nemesis_decisions_total{reason="ScaleUp"} 1');
    expect(text).to.include('nemesis_cold_start_seconds_sum{outcome="ready"} 1.5');
  });

  it('Given a sink that throws, Then the others still get the event, and the log names it', () => {
    const seen: string[] = [];
    class BrokenSink {
      accept(): void {
        throw new Error('broken');
      }
    }
    const errors: unknown[] = [];
    const publish = createPublisher([new BrokenSink(), new StoreSink({ append: (table) => seen.push(table) })], {
      logger: { error: (_message, fields) => errors.push(fields?.['sink']) },
    });
    publish(EVENTS.Audited);
    expect(seen).to.deep.equal(['audit']);
    expect(errors).to.deep.equal(['BrokenSink']);
  });

  it('Given the sinks of the controller, Then each event reaches history, Kubernetes, log and Prometheus', async () => {
    const seen: string[] = [];
    const registry = new Registry();
    const parts = {
      history: { append: (table: string) => seen.push(`row in ${table}`) },
      recorder: { record: (_subject: object, _type: string, reason: string) => seen.push(`Event ${reason}`) },
      logger: {
        info: (message: string) => seen.push(`log: ${message}`),
        warn: () => undefined,
        error: () => undefined,
      },
      metrics: new ControllerMetrics(registry),
    };
    const publish = createPublisher(
      EVENT_SINKS.map((createSink) => createSink(parts)),
      { logger: { error: (message) => seen.push(message) } },
    );
    publish(EVENTS.Scaled);
    publish(EVENTS.Decided);
    expect(seen).to.deep.equal(['Event ScaleUp', 'log: scaled', 'row in decisions']);
    expect(await registry.metrics()).to.include('nemesis_decisions_total{reason="ScaleUp"} 1');
  });
});

describe('the list of event sinks', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sinks-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('Given a new file in the folder, Then it is listed, in alphabetical order and under a name of its own', () => {
    for (const file of ['store.ts', 'dead-letter.ts', 'index.ts', 'notes.md']) writeFileSync(join(folder, file), '');
    const text = eventSinks(folder);
    expect(text.match(/^import \{.*$/gm)).to.deep.equal([
      "import { createSink as deadLetterSink } from './dead-letter.ts';",
      "import { createSink as storeSink } from './store.ts';",
    ]);
    expect(text).to.include('[\n  deadLetterSink,\n  storeSink,\n];\n');
  });

  it('Given a file whose name cannot become an identifier, Then the sentence names it', () => {
    writeFileSync(join(folder, 'Bad.sink.ts'), '');
    expect(() => eventSinks(folder)).to.throw('Bad.sink.ts: the name of a sink');
  });
});

import { expect } from 'chai';
import { AutomatonEvents, MAX_WAITING_EVENTS } from '../../../autoscaler/controllers/application/automaton-events.ts';
import { ApplicationController } from '../../../autoscaler/controllers/application/controller.ts';
import type { StatusPort } from '../../../autoscaler/controllers/application/ports.ts';
import {
  buildStatus,
  isTransition,
  statusPatch,
  type StatusInput,
} from '../../../autoscaler/controllers/application/status.ts';
import type { DomainEvent } from '../../../autoscaler/events/domain-event.ts';
import { DEFAULT_SETTINGS } from '../../../shared/api/load-balancer-settings.ts';
import type { AutoscalerStatus } from '../../../shared/api/autoscaler.ts';
import { explanationText } from '../../../autoscaler/commands/explain.ts';
import { application, autoscaler, deployment, pod } from '../../support/builders.ts';
import { controllerDeps, workloads } from '../../support/controller-deps.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const AUTOMATON = {
  initial: 'Quiet',
  states: [
    { name: 'Quiet', replicas: { max: 2 }, transitions: [{ event: 'SaleStarted', to: 'Busy' }] },
    {
      name: 'Busy',
      replicas: { min: 3 },
      entry: [{ alert: { summary: 'The sale has started' } }],
      transitions: [{ after: '2h', to: 'Quiet' }, { when: 'signals.load > 1.0', for: '5s', to: 'Quiet' }],
    },
  ],
}; // prettier-ignore
const SIGNALS = [{ name: 'load', prometheus: { system: 'prom', query: 'up' } }];
const SALE = { sender: 'shop', source: '/shop', id: '1', type: 'SaleStarted' };

interface Rig {
  readonly controller: ApplicationController;
  readonly clock: FakeClock;
  readonly published: DomainEvent[];
  readonly scaled: number[];
  readonly why: string[];
  readonly written: StatusInput[];
  /** What the API server has. */
  status: AutoscalerStatus | undefined;
  writes: boolean;
  replicas: number;
  spec: object;
}

function rig(over: object = {}): Rig {
  const clock = new FakeClock();
  const events = new AutomatonEvents();
  const made: Rig = {
    clock,
    published: [],
    scaled: [],
    why: [],
    written: [],
    status: undefined,
    writes: true,
    replicas: 1,
    spec: { minReplicas: 1, maxReplicas: 10, scaling: { signals: SIGNALS }, automaton: AUTOMATON, ...over },
    controller: undefined as never,
  };
  const statusWriter: StatusPort = {
    write: (_application, _state, wanted) => {
      if (!made.writes) return Promise.resolve(false);
      made.written.push(wanted);
      made.status = buildStatus(wanted, clock.wallMs());
      return Promise.resolve(true);
    },
    writeInert: () => Promise.resolve(),
  };
  const watch = {
    settings: DEFAULT_SETTINGS,
    get: () =>
      application({ resource: autoscaler(made.spec, made.status), deployment: deployment(made.replicas), pods: Array.from({ length: made.replicas }, (_, index) => pod(`p${index}`)) }),
  }; // prettier-ignore
  const start = (): ApplicationController =>
    new ApplicationController(
      controllerDeps({
        watch,
        clock,
        statusWriter,
        events,
        publish: (event) => made.published.push(event),
        actuator: workloads({
          scale: (_application, replicas, _reason, message) => {
            made.scaled.push(replicas);
            made.why.push(message);
            made.replicas = replicas;
            return Promise.resolve({ kind: 'done' });
          },
        }),
      }),
    );
  return Object.assign(made, { controller: start() });
}

function kinds({ published }: Rig): string[] {
  return published.map(({ kind }) => kind);
}

describe('The automaton of an application in its reconciliation', () => {
  it('Given an event, Then the state is stored before anything is told, and replicas follow', async () => {
    const made = rig();
    await made.controller.reconcile('n/a');
    expect(made.status?.automaton?.state).to.equal('Quiet');
    const outcome = made.controller.handleEvent('n/a', SALE);
    made.writes = false;
    await made.controller.reconcile('n/a');
    expect(kinds(made)).to.not.include('AutomatonEffect');
    expect(made.scaled).to.deep.equal([]);
    made.writes = true;
    await made.controller.reconcile('n/a');
    expect(await outcome).to.equal('Taken');
    expect(made.written.at(-1)?.automaton?.pendingEffects).to.have.length(1);
    expect(kinds(made).filter((kind) => kind.startsWith('Automaton'))).to.deep.equal(['AutomatonMoved', 'AutomatonEffect']); // prettier-ignore
    expect(made.scaled).to.deep.equal([3]);
    expect(made.why[0]).to.equal('1 is below minReplicas 3 (State Busy of the automaton keeps 3 replicas).');
    await made.controller.reconcile('n/a');
    expect(made.written.at(-1)?.automaton?.pendingEffects).to.deep.equal([]);
    expect(await settled(made, SALE)).to.equal('Duplicate');
    expect(kinds(made).filter((kind) => kind === 'AutomatonEffect')).to.have.length(1);
  });

  it('Given a leader that dies before its effects are known to be done, Then the next one tells them again, with the same key', async () => {
    const made = rig();
    await made.controller.reconcile('n/a');
    await settled(made, SALE);
    const [first] = effectsOf(made);
    made.controller.reset();
    await made.controller.reconcile('n/a');
    expect(effectsOf(made)).to.deep.equal([first, first]);
    expect(first).to.match(/^a\/\d+\/2\.0$/);
  });

  it('Given a state with max, Then rules and the present number give way to it, and who clipped is said', async () => {
    const made = rig();
    made.replicas = 5;
    const asked = made.controller.explain('n/a');
    await made.controller.reconcile('n/a');
    expect(made.scaled).to.deep.equal([2]);
    const explanation = await asked;
    expect(explanation?.ceiling).to.deep.equal({ maxReplicas: 2, why: 'state Quiet of the automaton allows 2' });
    expect(explanationText(explanation as NonNullable<typeof explanation>))
      .to.include('At most 2: state Quiet of the automaton allows 2.')
      .and.include('Its automaton is in state Quiet since ');
    expect(made.why).to.deep.equal(['5 is too many: state Quiet of the automaton allows 2.']);
  });

  it('Given mode Observe, Then it moves and nothing is done outside', async () => {
    const made = rig({ mode: 'Observe' });
    await made.controller.reconcile('n/a');
    expect(await settled(made, SALE)).to.equal('Taken');
    expect(made.status?.automaton).to.include({ state: 'Busy' });
    expect([effectsOf(made), made.scaled]).to.deep.equal([[], []]);
  });

  it('Given guards that are not known, Then the condition says so', async () => {
    const made = rig();
    await made.controller.reconcile('n/a');
    await settled(made, SALE);
    const condition = made.status?.conditions?.find(({ type }) => type === 'AutomatonHealthy');
    expect(condition).to.include({ status: 'Unknown', reason: 'GuardUnknown' });
    expect(condition?.message).to.include('signal load is not known');
  });

  it('Given an automaton that is removed, or not valid, Then events are refused, and the state goes or stays', async () => {
    const made = rig();
    await made.controller.reconcile('n/a');
    made.spec = { ...made.spec, automaton: { ...AUTOMATON, initial: 'Nowhere' } };
    expect(await settled(made, SALE)).to.equal('NoAutomaton');
    expect(made.status?.automaton?.state).to.equal('Quiet');
    made.spec = { ...made.spec, automaton: undefined };
    await made.controller.reconcile('n/a');
    expect(made.status?.automaton).to.equal(undefined);
    expect(await made.controller.handleEvent('n/a', SALE)).to.equal('NoAutomaton');
  });

  it('Given more events than may wait, Then they are refused, and the others are taken over several reconciliations', async () => {
    const made = rig();
    await made.controller.reconcile('n/a');
    const results = Array.from({ length: MAX_WAITING_EVENTS + 1 }, (_, index) =>
      made.controller.handleEvent('n/a', { ...SALE, id: String(index) }),
    );
    expect(await results.at(-1)).to.equal('QueueFull');
    for (let round = 0; round < MAX_WAITING_EVENTS / 32; round += 1) await made.controller.reconcile('n/a');
    const outcomes = await Promise.all(results);
    expect(outcomes.filter((each) => each === 'Taken')).to.have.length(1);
    expect(outcomes.filter((each) => each === 'Unhandled')).to.have.length(MAX_WAITING_EVENTS - 1);
  });

  it('Given what changed of it, Then a move is written at once, and what came to hold may wait', async () => {
    const made = rig();
    await made.controller.reconcile('n/a');
    const before = made.status;
    await settled(made, SALE);
    const after = made.status;
    if (before?.automaton === undefined || after?.automaton === undefined) throw new Error('there is no status');
    expect(isTransition(before, { ...before, automaton: after.automaton })).to.equal(true);
    const held = [{ trigger: 'when x for 5s', since: '2026-01-01T00:00:00.000Z', taken: false }];
    const holding = { ...before, automaton: { ...before.automaton, heldConditions: held } };
    expect(isTransition(before, holding)).to.equal(false);
    expect(isTransition(holding, before)).to.equal(true);
    expect(statusPatch(before)['automaton']).to.include({ stopped: null, lastMoment: null });
  });
});

function effectsOf({ published }: Rig): string[] {
  return published.flatMap((event) => (event.kind === 'AutomatonEffect' ? [event.key] : []));
}

async function settled({ controller }: Rig, event: typeof SALE): Promise<string> {
  const outcome = controller.handleEvent('n/a', event);
  await controller.reconcile('n/a');
  return await outcome;
}

import { expect } from 'chai';
import { checkScaling } from '../../../autoscaler/checks/scaling-check.ts';
import { scalingSpecOf } from '../../../autoscaler/controllers/application/scaling-spec.ts';
import type { ScalingRule } from '../../../autoscaler/domain/engine/scaling-rule.ts';
import { highestFloor } from '../../../autoscaler/domain/lifecycle/floor.ts';
import { scheduleFloor } from '../../../autoscaler/domain/schedules/schedule-floor.ts';
import { NamedReadings } from '../../../autoscaler/domain/signals/named-readings.ts';
import { noData, value, type Reading } from '../../../autoscaler/domain/signals/signals.ts';
import { loadBalancerSettingsSpecSchema } from '../../../shared/api/load-balancer-settings.ts';
import { scalingSchema } from '../../../shared/api/scaling-schema.ts';
import { autoscaler } from '../../support/builders.ts';
import { decide, signals } from './engine-support.ts';

const BACKLOG: ScalingRule = {
  name: 'jobs',
  signal: 'backlog',
  unit: ' jobs',
  divides: true,
  target: { kind: 'amount', amount: 10 },
};
const HEAT: ScalingRule = {
  name: 'heat',
  signal: 'heat',
  unit: ' °C',
  divides: false,
  threshold: { scaleUpAt: 80, scaleDownAt: 60 },
};
const MIXED: ScalingRule = { name: 'mixed', expression: 'ceil(signals.backlog / 4.0) + (p95Ms > 800.0 ? 1 : 0)' }; // prettier-ignore
const seen = (named: Readonly<Record<string, Reading>>, p95Ms = 100) => ({
  ...signals({ rt: value(p95Ms) }),
  named: (name: string) => named[name] ?? noData(`signal ${name} was not asked for yet`),
});

describe('Rules on values from outside', () => {
  const cases: [string, Parameters<typeof decide>[0], number, RegExp][] = [
    ['45 jobs, 10 per replica', { replicas: 2, rules: [BACKLOG], seen: seen({ backlog: value(45) }) }, 5, /signal backlog 45 jobs, target 10 jobs per replica, needs 5/],
    ['21 jobs within the tolerance of 2 x 10', { replicas: 2, rules: [BACKLOG], seen: seen({ backlog: value(21) }) }, 2, /needs no change/],
    ['a temperature that all replicas have alike', { replicas: 2, rules: [HEAT], seen: seen({ heat: value(100) }) }, 3, /signal heat 100 °C is above 80 °C/],
    ['a temperature below', { replicas: 2, rules: [HEAT], seen: seen({ heat: value(20) }) }, 1, /is below 60 °C/],
    ['an expression', { replicas: 1, rules: [MIXED], seen: seen({ backlog: value(9) }, 900) }, 4, /its expression gives 4/],
    ['an expression that asks for less', { replicas: 4, rules: [MIXED], seen: seen({ backlog: value(0) }) }, 1, /its expression gives 0/],
    ['an expression of which a part is not known', { replicas: 4, rules: [MIXED], seen: seen({}) }, 4, /No data \(rule mixed: signal backlog is not known\)/],
    ['a signal that is not known', { replicas: 3, rules: [BACKLOG], seen: seen({}) }, 3, /not asked for yet/],
    ['onMissing Ignore', { replicas: 3, rules: [HEAT, { ...BACKLOG, onMissing: 'Ignore' }], seen: seen({ heat: value(20) }) }, 2, /is below/],
    ['onMissing HoldReplicas', { replicas: 3, rules: [HEAT, { ...BACKLOG, onMissing: 'HoldReplicas' }], seen: seen({ heat: value(100) }) }, 3, /No data/],
    ['all rules ignored', { replicas: 3, rules: [{ ...BACKLOG, onMissing: 'Ignore' }], seen: seen({}) }, 3, /No data/],
  ]; // prettier-ignore
  for (const [title, given, wanted, sentence] of cases) {
    it(`Given ${title}, Then ${given.replicas} -> ${wanted}`, () => {
      const { desiredReplicas, message } = decide(given);
      expect(desiredReplicas).to.equal(wanted);
      expect(message).to.match(sentence);
    });
  }

  it('Given a value that is not renewed, Then it counts for 2.5 intervals, and why there is none is said', () => {
    const readings = new NamedReadings();
    const at = (monotonicMs: number) => readings.reading('n/a', 'gpu', monotonicMs);
    expect(at(0)).to.deep.equal(noData('signal gpu was not asked for yet'));
    readings.add('n/a', 'gpu', 7, 1_000, 10_000);
    readings.add('n/a', 'gpu', 3, 500, 10_000);
    readings.miss('n/a', 'gpu', 'Prometheus answered 503', 10_000);
    expect(at(26_000)).to.deep.equal(value(7));
    expect(at(26_001)).to.deep.equal(noData('signal gpu: Prometheus answered 503'));
    readings.add('n/b', 'gpu', 1, 0, 10_000);
    readings.keep('n/a', []);
    expect(readings.size).to.equal(1);
    readings.forget('n/b');
    expect(readings.size).to.equal(0);
  });
});

describe('Schedules of an application', () => {
  const OFFICE = {
    name: 'office',
    from: '0 8 * * 1-5',
    to: '0 18 * * 1-5',
    timeZone: 'UTC',
    minReplicas: 2,
    isAhead: true,
  };
  const at = (time: string) => Date.parse(`2026-11-25T${time}Z`);

  it('Given office hours, Then replicas are kept meanwhile, and from a start earlier on', () => {
    expect(scheduleFloor([OFFICE], at('07:50:00'), undefined)).to.equal(undefined);
    const why = 'Schedule office keeps 2 replicas';
    expect(scheduleFloor([OFFICE], at('07:50:00'), 600_000)).to.deep.equal({
      minReplicas: 2,
      why: `${why} from 2026-11-25T08:00:00.000Z on, and a start takes 600 s`,
    });
    expect(scheduleFloor([{ ...OFFICE, isAhead: false }], at('07:50:00'), 600_000)).to.equal(undefined);
    expect(scheduleFloor([OFFICE], at('12:00:00'), 600_000)?.why).to.equal(`${why} until 2026-11-25T18:00:00.000Z`);
    expect(scheduleFloor([OFFICE], at('18:00:00'), 600_000)).to.equal(undefined);
    const more = { ...OFFICE, name: 'noon', from: '0 11 * * *', to: '0 13 * * *', minReplicas: 5 };
    expect(scheduleFloor([OFFICE, more], at('12:00:00'), 0)?.minReplicas).to.equal(5);
  });

  it('Given several floors, Then the highest counts, within maxReplicas', () => {
    const floor = (minReplicas: number) => ({ minReplicas, why: `${minReplicas} wanted` });
    const of = (minReplicas: number, maxReplicas: number, ...others: Parameters<typeof highestFloor>[1]) =>
      highestFloor({ minReplicas, maxReplicas }, others);
    expect(of(1, 4)).to.deep.equal({ minReplicas: 1, why: 'minReplicas is 1' });
    expect(of(1, 4, undefined, floor(3), floor(2))).to.deep.equal(floor(3));
    expect(of(1, 4, floor(1)).why).to.equal('minReplicas is 1');
    expect(of(1, 4, floor(9))).to.deep.equal({ minReplicas: 4, why: '9 wanted' });
  });
});

describe('What is wrong with scaling rules', () => {
  const faults = (rules: object[], names: string[] = []) =>
    checkScaling(
      scalingSchema.parse({
        rules,
        signals: names.map((name) => ({ name, prometheus: { system: 'prom', query: 'sum(depth)' } })),
      }),
    );
  const cases: [string, object, string, RegExp][] = [
    ['an expression of nonsense', { name: 'r', expression: { replicas: 'nonsense' } }, 'rules[0].expression.replicas', /nonsense/],
    ['an expression of another signal', { name: 'r', expression: { replicas: 'signals.other' } }, 'rules[0].expression.replicas', /the signals are backlog/],
    ['a signal that there is not', { name: 'r', signal: { name: 'gone', target: 1 } }, 'rules[0].signal.name', /no signal gone/],
    ['a schedule of nonsense', { name: 'r', schedule: { from: '99 8 * * *', to: '0 9 * * *' } }, 'rules[0].schedule', /from "99 8 \* \* \*"/],
    ['quantities in the wrong order', { name: 'r', cpu: { scaleUpAt: '1', scaleDownAt: '2' } }, 'rules[0].cpu', /scaleDownAt must be less/],
  ]; // prettier-ignore
  for (const [title, rule, path, sentence] of cases) {
    it(`Given ${title}, Then it says what, and where`, () => {
      const [fault, ...more] = faults([rule], ['backlog']);
      expect(more).to.deep.equal([]);
      expect(fault?.path).to.equal(path);
      expect(fault?.message).to.match(sentence);
    });
  }

  it('Given a query that cannot be read, Then it says where', () => {
    const signals = [{ name: 'gpu', prometheus: { system: 'prom', query: 'sum(depth' } }];
    const [fault] = checkScaling(scalingSchema.parse({ signals }));
    expect(fault?.path).to.equal('signals[0].prometheus.query');
    expect(fault?.message).to.match(/cannot be read at character 10/);
  });

  it('Given a resource that is stored with faults, Then it is told and none of its schedules holds', () => {
    const office = { name: 'o', schedule: { from: '0 0 * * *', to: '1 0 * * *' } };
    const bad = { name: 'x', expression: { replicas: 'nonsense' } };
    const { spec } = autoscaler({ scaling: { rules: [office, bad] } });
    const rules = scalingSpecOf(spec, loadBalancerSettingsSpecSchema.parse({}));
    expect(rules.faults).to.have.length(1);
    expect(rules.faults[0]).to.match(/^spec\.scaling\.rules\[1\]\.expression\.replicas: /);
    expect(rules.schedules).to.deep.equal([]);
  });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseTrace, planReplay } from '../../../examples/replay/plan.ts';
import { fillTarget } from '../../../examples/replay/replay.ts';
import { summarise, type Outcome } from '../../../examples/replay/report.ts';

const TRACE = 'owner,app,1_minute,2_minute,3_minute\nacme,chat,3,0,2\nlab,rare,0,1,0\n';

describe('the plan of a replay', () => {
  it('reads id columns and minutes, with either kind of header', () => {
    const rows = parseTrace(TRACE);
    expect(rows.map(({ application }) => application)).to.deep.equal(['acme-chat', 'lab-rare']);
    expect(rows[0]?.callsPerMinute).to.deep.equal([3, 0, 2]);
    expect(rows[0]?.ids).to.deep.equal({ owner: 'acme', app: 'chat' });
    expect(parseTrace('app,1,2\nx,4,5\n')[0]?.callsPerMinute).to.deep.equal([4, 5]);
    expect(parseTrace('1,2\n4,\n')[0]).to.deep.equal({ ids: {}, application: 'row-0', callsPerMinute: [4, 0] });
  });

  it('says where a trace is wrong', () => {
    expect(() => parseTrace('a,b\n1,2\n')).to.throw('expected columns such as 1_minute');
    expect(() => parseTrace('a,1_minute\nx,many\n')).to.throw('row 0, column 1_minute is "many"');
    expect(() => parseTrace('a,1_minute\nx,-1\n')).to.throw('whole number');
  });

  it('keeps each call in its minute, in order', () => {
    const plan = planReplay(parseTrace(TRACE));
    const minutes = plan.map(({ atMs, application }) => `${application} ${Math.floor(atMs / 60_000)}`);
    expect(minutes).to.deep.equal([
      'acme-chat 0',
      'acme-chat 0',
      'acme-chat 0',
      'lab-rare 1',
      'acme-chat 2',
      'acme-chat 2',
    ]);
    expect(plan.map(({ atMs }) => atMs)).to.deep.equal(plan.map(({ atMs }) => atMs).sort((a, b) => a - b));
  });

  it('is the same for the same seed and another for another', () => {
    const trace = parseTrace(TRACE);
    expect(planReplay(trace, { seed: 4 })).to.deep.equal(planReplay(trace, { seed: 4 }));
    expect(planReplay(trace, { seed: 4 })).to.not.deep.equal(planReplay(trace, { seed: 5 }));
  });

  it('speeds up, and cuts out rows and minutes without moving the calls that stay', () => {
    const trace = parseTrace(TRACE);
    const whole = planReplay(trace);
    expect(planReplay(trace, { speedUp: 60 }).map(({ atMs }) => atMs * 60)).to.satisfy((times: number[]) =>
      times.every((time, index) => Math.abs(time - whole[index]!.atMs) < 1e-6),
    );
    expect(planReplay(trace, { rows: [1] })).to.deep.equal(
      whole.filter(({ application }) => application === 'lab-rare'),
    );
    const late = planReplay(trace, { startMinute: 1, minutes: 2 });
    expect(late.map(({ atMs }) => atMs + 60_000)).to.deep.equal(whole.slice(3).map(({ atMs }) => atMs));
  });

  it('refuses options that make no sense', () => {
    const trace = parseTrace(TRACE);
    expect(() => planReplay(trace, { speedUp: 0 })).to.throw(RangeError, 'speed-up');
    expect(() => planReplay(trace, { rows: [2] })).to.throw(RangeError, 'has 2 rows');
    expect(() => planReplay(trace, { startMinute: -1 })).to.throw(RangeError, 'start minute');
  });

  it('fills in the target, escaped', () => {
    const planned = { application: 'a/b', ids: { owner: 'acme' } };
    expect(fillTarget('http://x/{application}/{owner}/{other}', planned)).to.equal('http://x/a%2Fb/acme/{other}');
  });

  it('reads the sample', () => {
    const sample = readFileSync(join(import.meta.dirname, '../../../examples/replay/sample.csv'), 'utf8');
    expect(parseTrace(sample).map(({ application }) => application)).to.deep.equal([
      'acme-chat',
      'acme-nightly',
      'lab-rare',
    ]);
  });
});

describe('the report of a replay', () => {
  it('counts failures and cold starts, and takes percentiles by the nearest rank', () => {
    const outcomes: Outcome[] = Array.from({ length: 100 }, (_, index) => ({
      application: 'a',
      status: index < 97 ? 200 : index === 97 ? 0 : 503,
      latencyMs: index + 1,
      heldMs: index < 5 ? 900 : undefined,
      lateMs: index === 3 ? 12 : 0,
    }));
    expect(summarise(outcomes)).to.deep.equal({
      requests: 100,
      failures: 3,
      coldStartShare: 0.05,
      latencyMs: { p50: 50, p95: 95, p99: 99, max: 100 },
      maxLateMs: 12,
      byStatus: { '200': 97, 'no answer': 1, '503': 2 },
    });
    expect(summarise([])).to.deep.include({ requests: 0, coldStartShare: 0, latencyMs: undefined });
  });
});

import { expect } from 'chai';
import { scalingSpecOf } from '../../../autoscaler/controllers/application/scaling-spec.ts';
import { readRules } from '../../../autoscaler/domain/engine/rule-reading.ts';
import { MetricsCollector } from '../../../autoscaler/domain/signals/metrics-collector.ts';
import { measurementsOf } from '../../../autoscaler/signals/signal-source.ts';
import { DEFAULT_SETTINGS } from '../../../shared/api/load-balancer-settings.ts';
import { autoscaler, podRef } from '../../support/builders.ts';

const balancers = [{ uid: 'lb', name: 'lb', address: undefined }];

describe('A rule with a window of its own', () => {
  const resource = autoscaler({
    scaling: {
      windowSeconds: 10,
      rules: [
        { name: 'now', concurrency: { target: 4 } },
        { name: 'long', concurrency: { target: 4 }, windowSeconds: 100 },
        { name: 'cpu', cpu: { target: '100m' }, windowSeconds: 100 },
        { name: 'slow', responseTime: { target: '1s' }, windowSeconds: 100 },
      ],
    },
  });
  const measurements = measurementsOf(resource);

  /** 90 s of 10 requests, 500m and answers of 2 s, then 10 s of nothing. */
  function collected(): MetricsCollector {
    const collector = new MetricsCollector();
    for (let second = 0; second < 100; second += 1) {
      const isBusy = second < 90;
      const atMs = second * 1000;
      const { windowMs, otherWindowsMs } = measurements;
      const sample = {
        ...{ inFlight: isBusy ? 10 : 0, queued: 0, completions: 0, idleMs: 0, podsInFlight: {} },
        ...{
          drained: false,
          drainId: undefined,
          responseTimes: (isBusy ? [[2000, 1]] : [[10, 1]]) as [number, number][],
        },
      };
      collector.traffic.add('n/a', 'lb', sample, atMs, windowMs, otherWindowsMs);
      const window = { windowMs, otherWindowsMs, intervalMs: 1000 };
      collector.pods.add('sidecar', 'n/p', { cpuUsage: isBusy ? 500 : 0 }, atMs, window);
    }
    return collector;
  }

  it('Given what is asked for, Then each window is kept once', () => {
    expect(measurements).to.deep.include({ windowMs: 10_000, otherWindowsMs: [100_000] });
    expect(measurementsOf(resource)).to.equal(measurements);
  });

  it('Given load that ended 10 s ago, Then the rules see it as their windows do', () => {
    const collector = collected();
    const { rules } = scalingSpecOf(resource.spec, DEFAULT_SETTINGS);
    const pods = [podRef('n/p', { readySinceMs: -1_000_000 })];
    const over = (windowMs: number) => collector.signals('n/a', pods, balancers, 99_000, windowMs);
    const asked: number[] = [];
    const other = (windowMs: number) => {
      asked.push(windowMs);
      return over(windowMs);
    };
    const [now, long, cpu, slow] = readRules(rules, over(10_000), other, 2);
    expect(asked).to.deep.equal([100_000]);
    expect(now).to.deep.include({ kind: 'value' });
    expect(now?.kind === 'value' && now.value).to.be.below(1.5);
    expect(long?.kind === 'value' && long.value).to.be.within(8, 10);
    expect(cpu?.kind === 'totals' && cpu.totals.ready.value).to.be.within(400, 500);
    expect(slow?.kind === 'value' && slow.value).to.equal(2000);
    expect(over(10_000).responseTimeMs(50)).to.deep.equal({ kind: 'value', value: 10 });
  });

  it('Given the rule goes, Then its windows go with the next sample', () => {
    const collector = collected();
    const plain = measurementsOf(autoscaler({ scaling: { windowSeconds: 10, rules: [] } }));
    collector.pods.add('sidecar', 'n/p', { cpuUsage: 0 }, 100_000, { ...plain, intervalMs: 1000 });
    const pods = [podRef('n/p', { readySinceMs: -1_000_000 })];
    const reading = collector.signals('n/a', pods, balancers, 100_000, 100_000).cpuMillicores;
    // What is left is the ring of 10 s, in which there is little of the load.
    expect(reading.kind === 'value' && reading.value).to.be.below(200);
  });
});

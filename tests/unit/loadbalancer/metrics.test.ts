import { expect } from 'chai';
import { Registry } from 'prom-client';
import { HoldBudget } from '../../../loadbalancer/domain/hold-queue.ts';
import { registerHeldBytes } from '../../../loadbalancer/report/balancer-metrics.ts';

describe('The bytes of held requests as a metric', () => {
  it('Given requests that come and go, Then each scrape shows what the budget has given out', async () => {
    const registry = new Registry();
    const budget = new HoldBudget(100);
    registerHeldBytes(registry, budget);
    budget.take(60);
    expect(budget.take(50)).to.equal(false);
    expect(await registry.metrics()).to.match(/^nemesis_held_bytes 60$/m);
    budget.give(60);
    expect(await registry.metrics()).to.match(/^nemesis_held_bytes 0$/m);
  });
});

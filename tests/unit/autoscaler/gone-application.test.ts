import { expect } from 'chai';
import {
  ApplicationController,
  type ApplicationControllerDeps,
} from '../../../autoscaler/controllers/application/controller.ts';
import { MetricsCollector } from '../../../autoscaler/domain/signals/metrics-collector.ts';
import { FakeClock } from '../../support/fake-clock.ts';

describe('an application that is gone', () => {
  it('Given another controller leads when it is deleted, Then it is forgotten here all the same: nobody tells of it again', async () => {
    const forgotten: string[] = [];
    const controller = new ApplicationController({
      watch: { get: () => undefined },
      collector: new MetricsCollector(),
      isLeader: () => false,
      observations: { forget: (key: string) => forgotten.push(`observations of ${key}`) },
      metrics: { forget: (key: string) => forgotten.push(`gauges of ${key}`) },
      clock: new FakeClock(),
    } as unknown as ApplicationControllerDeps);
    await controller.reconcile('n/gone');
    expect(forgotten).to.have.members(['gauges of n/gone', 'observations of n/gone']);
  });
});

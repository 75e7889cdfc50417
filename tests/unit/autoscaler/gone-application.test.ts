import { expect } from 'chai';
import { ApplicationController } from '../../../autoscaler/controllers/application/controller.ts';
import { controllerDeps } from '../../support/controller-deps.ts';

describe('an application that is gone', () => {
  it('Given another controller leads when it is deleted, Then this one forgets it as well', async () => {
    const forgotten: string[] = [];
    const deps = controllerDeps({
      isLeader: () => false,
      observations: { note: () => undefined, forget: (key) => forgotten.push(`observations of ${key}`) },
    });
    const metrics = { ...deps.metrics, forget: (key: string) => forgotten.push(`gauges of ${key}`) };
    await new ApplicationController({ ...deps, metrics }).reconcile('n/gone');
    expect(forgotten).to.have.members(['gauges of n/gone', 'observations of n/gone']);
  });
});

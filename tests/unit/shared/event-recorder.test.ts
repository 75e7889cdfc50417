import { expect } from 'chai';
import { EventRecorder } from '../../../shared/kubernetes/event-recorder.ts';
import type { KubernetesObject } from '../../../shared/kubernetes/objects.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { kubeClient } from '../../support/kube-client.ts';
import { silentLogger } from '../../support/silent-logger.ts';

describe('EventRecorder', () => {
  it('Given more different events than are remembered, Then the oldest are forgotten, and no two have the same name', () => {
    const names: string[] = [];
    const api = kubeClient((method, _path, { body }) => {
      if (method === 'POST') names.push((body as KubernetesObject).metadata.name);
      return Promise.resolve({});
    });
    const clock = new FakeClock();
    const recorder = new EventRecorder(api, 'test', { logger: silentLogger, clock });
    const record = (reason: string): void =>
      recorder.record({ apiVersion: 'v1', kind: 'Pod', namespace: 'n', name: 'p', uid: 'u' }, 'Normal', reason, '');
    record('first');
    record('first');
    expect(names).to.have.length(1);
    for (let index = 0; index < 4_096; index += 1) record(`other-${index}`);
    record('first');
    expect(names).to.have.length(4_098);
    expect(new Set(names).size).to.equal(names.length);
  });
});

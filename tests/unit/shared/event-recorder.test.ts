import { expect } from 'chai';
import { EventRecorder } from '../../../shared/kubernetes/event-recorder.ts';
import type { KubeApi } from '../../../shared/kubernetes/kube-api.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { silentLogger } from '../../support/silent-logger.ts';

describe('EventRecorder', () => {
  it('Given more different events than are remembered, Then the oldest are forgotten, and no two have the same name', () => {
    const names: string[] = [];
    const request = (method: string, _path: string, { body }: { body: { metadata: { name: string } } }) => {
      if (method === 'POST') names.push(body.metadata.name);
      return Promise.resolve({});
    };
    const clock = new FakeClock();
    // Of the client only requests are used; nothing is sent here.
    const recorder = new EventRecorder({ request } as unknown as KubeApi, 'test', { logger: silentLogger, clock });
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

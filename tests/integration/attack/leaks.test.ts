import { expect } from 'chai';
import { ApplicationWatch } from '../../../shared/kubernetes/application-watch.ts';
import type { KubeWatchClient } from '../../../shared/kubernetes/kube-api.ts';
import { RESOURCES } from '../../../shared/kubernetes/paths.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { kubeClient } from '../../support/kube-client.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { until } from '../../support/until.ts';

/** Heap in use after a full collection. */
const heap = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};

describe('A watch of a busy cluster', function () {
  this.timeout(60_000);
  before(async () => {
    const { setFlagsFromString } = await import('node:v8');
    const { runInNewContext } = await import('node:vm');
    setFlagsFromString('--expose-gc');
    globalThis.gc = runInNewContext('gc') as NodeJS.GCFunction;
  });

  it('forgets the pods of ReplicaSets that no Deployment owns, and applications that are gone', async () => {
    const lines: Record<string, (line: string) => void> = {};
    const api: KubeWatchClient = {
      ...kubeClient(() => Promise.resolve({ metadata: { resourceVersion: '1' }, items: [] })),
      watch: (path, _query, onLine) => {
        lines[path] = onLine;
        return new Promise<never>(() => undefined);
      },
    };
    const watch = new ApplicationWatch(
      api,
      { systemNamespace: 's' },
      { logger: silentLogger, clock: new FakeClock(), random: () => 0 },
    );
    watch.start(() => undefined);
    await until(() => Object.keys(lines).length === 5);
    const tell = (plural: string, type: string, object: unknown): void => {
      const path = Object.keys(lines).find((each) => each.endsWith(`/${plural}`)) ?? '';
      lines[path]?.(JSON.stringify({ type, object }));
    };
    const comeAndGo = (from: number, to: number): void => {
      for (let number = from; number < to; number += 1) {
        const metadata = {
          namespace: 'n',
          name: `name-${number}`,
          uid: `uid-${number}`,
          resourceVersion: String(number),
        };
        const owner = { kind: 'ReplicaSet', name: 'bare', uid: `rs-${number % 7}`, controller: true };
        const pod = { metadata: { ...metadata, ownerReferences: [owner] }, spec: { containers: [] } };
        const spec = { scaleTargetRef: { name: `target-${number}` }, minReplicas: 1 };
        const autoscaler = { metadata: { ...metadata, creationTimestamp: '2026-01-01T00:00:00Z' }, spec };
        for (const type of ['ADDED', 'DELETED']) {
          tell(RESOURCES.pods.plural, type, pod);
          tell(RESOURCES.autoscalers.plural, type, autoscaler);
        }
      }
    };
    comeAndGo(0, 5000);
    const before = heap();
    comeAndGo(5000, 25_000);
    const grown = heap() - before;
    expect(grown, 'bytes kept of 20,000 pods and applications that came and went').to.be.below(1_000_000);
    expect(watch.keys()).to.deep.equal([]);
    watch.stop();
  });
});

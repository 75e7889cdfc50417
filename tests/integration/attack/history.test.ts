import { expect } from 'chai';
import { UsageRecorder } from '../../../autoscaler/controllers/usage.ts';
import { noData, type Signals } from '../../../autoscaler/domain/signals/signals.ts';
import { History } from '../../../autoscaler/history/history.ts';
import type { Logger } from '../../../shared/runtime/logger.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';
import { silentLogger, until } from '../../helpers/local-api.ts';

const retention = { decisions: 1, scalingEvents: 1, coldStarts: 1, usage: 1, audit: 1 };
const audit = { timeMs: 1, application: 'n/a', actor: 'x', action: 'y', message: 'z' };

describe('The history, when it cannot be written', () => {
  it('says once that its worker failed, and not again with each batch', async () => {
    const errors: string[] = [];
    const logger = { ...silentLogger, error: (text: string) => errors.push(text) } as unknown as Logger;
    const history = new History({ file: '/dev/null/place.db', retention }, { logger, clock: new FakeClock() });
    history.append('audit', audit);
    await until(() => errors.length > 0);
    for (let batch = 0; batch < 5; batch += 1) {
      history.append('audit', audit);
      await history.flush();
    }
    expect(errors).to.have.length(1);
    await history.close();
  });
});

describe('The usage of applications', () => {
  it('is written to its end and forgotten when they are gone', () => {
    const written: string[] = [];
    const history = { append: (_table: string, { application }: { application: string }) => written.push(application) };
    const usage = new UsageRecorder({ history, clock: new FakeClock() });
    const nothing = noData('nothing');
    const signals = { cpuMillicores: nothing, memoryBytes: nothing, traffic: nothing } as unknown as Signals;
    for (const key of ['n/a', 'n/b']) usage.sample(key, 1, undefined, signals);
    usage.forget('n/a');
    expect(written).to.deep.equal(['n/a']);
    usage.flush();
    expect(written).to.deep.equal(['n/a', 'n/b']);
  });
});

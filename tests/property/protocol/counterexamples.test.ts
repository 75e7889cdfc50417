import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { runSchedule, type Schedule } from './world.ts';

const found = JSON.parse(readFileSync(join(import.meta.dirname, 'counterexamples.json'), 'utf8')) as Record<
  'unseenBalancer' | 'lateScale' | 'silentUnseenBalancer',
  Schedule
>;

describe('schedules that once broke the protocol', () => {
  const cases = [
    ['Given a balancer that reports before the watch shows its pod, Then it is asked before a sleep', 'unseenBalancer'],
    ['Given such a balancer that then freezes, Then the sleep waits for it', 'silentUnseenBalancer'],
    ['Given a scale call that timed out and a sleep that was called off, Then the late call is refused', 'lateScale'],
  ] as const;
  for (const [title, name] of cases) {
    it(title, async () => {
      const { violations, trace } = await runSchedule(found[name]);
      expect(violations, trace.join('\n')).to.deep.equal([]);
    });
  }
});

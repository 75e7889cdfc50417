import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';

const { Spec } = Mocha.reporters;
/**
 * Mocha's spec reporter with one last line that scripts can read: `N passed, N failed, N skipped`. E2E_RESULTS names a file
 * for the result of each test; TEST_COUNTS one for the three numbers, which are not shown then.
 */
export default class SummaryReporter extends Spec {
  constructor(runner, options) {
    super(runner, options);
    const results = [];
    const note = (result) => (test) => results.push({ title: test.titlePath(), result, ms: test.duration ?? 0 });
    runner.on('pass', note('passed'));
    runner.on('fail', note('failed'));
    runner.once('end', () => {
      const file = process.env.E2E_RESULTS ?? '';
      if (file !== '') {
        const [date, cluster] = [new Date().toISOString(), process.env.E2E_CLUSTER ?? ''];
        writeFileSync(file, `${JSON.stringify({ date, cluster, results }, null, 2)}\n`);
      }
      const { passes: passed, failures: failed, pending: skipped } = runner.stats;
      const counts = process.env.TEST_COUNTS ?? '';
      if (counts === '') process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
      else writeFileSync(counts, JSON.stringify({ passed, failed, skipped }));
    });
  }
}

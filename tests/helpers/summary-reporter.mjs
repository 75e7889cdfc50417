import Mocha from 'mocha';

const { Spec } = Mocha.reporters;
const checks = (name) => Number(process.env[name] ?? 0);

/** Mocha's spec reporter with one last line that scripts can read: `N passed, N failed, N skipped`. */
export default class SummaryReporter extends Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once('end', () => {
      const { passes, failures, pending } = runner.stats;
      const passed = passes + checks('CHECKS_PASSED');
      const failed = failures + checks('CHECKS_FAILED');
      process.stdout.write(`${passed} passed, ${failed} failed, ${pending} skipped\n`);
    });
  }
}

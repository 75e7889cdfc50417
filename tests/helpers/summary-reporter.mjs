import Mocha from 'mocha';

const { Spec } = Mocha.reporters;

/** Mocha's spec reporter with one last line that scripts can read: `N passed, N failed, N skipped`. */
export default class SummaryReporter extends Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once('end', () => {
      const { passes, failures, pending } = runner.stats;
      process.stdout.write(`${passes} passed, ${failures} failed, ${pending} skipped\n`);
    });
  }
}

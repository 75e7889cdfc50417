import { spawnSync } from 'node:child_process';

/** `make test`: lint, types, then every test; the last line says how many passed, failed and were skipped. */
const checks = [
  ['run', '--silent', 'lint'],
  ['run', '--silent', 'types'],
];
let failedChecks = 0;
for (const args of checks) {
  process.stdout.write(`npm ${args.join(' ')}\n`);
  if (spawnSync('npm', args, { stdio: 'inherit' }).status !== 0) failedChecks += 1;
}
const suites = ['unit', 'property', 'docs', 'integration', 'behaviour', 'e2e'].map(
  (name) => `tests/${name}/**/*.test.ts`,
);
const specs = process.argv.length > 2 ? process.argv.slice(2) : suites;
const env = {
  ...process.env,
  // The suites run on clusters of their own, whatever cluster the shell points to.
  KUBECONFIG: '',
  // The reporter adds the checks to its last line.
  CHECKS_PASSED: String(checks.length - failedChecks),
  CHECKS_FAILED: String(failedChecks),
};
const mocha = spawnSync('mocha', ['--config', '.mocharc.json', ...specs], { stdio: 'inherit', env });
process.exitCode = mocha.status === 0 && failedChecks === 0 ? 0 : 1;

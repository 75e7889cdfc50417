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
// The suites run on clusters of their own, whatever cluster the shell points to.
const env = { ...process.env, KUBECONFIG: '' };
const mocha = spawnSync('mocha', ['--config', '.mocharc.json', ...specs], {
  stdio: ['inherit', 'pipe', 'inherit'],
  env,
  maxBuffer: 2 ** 28,
});
const output = mocha.stdout.toString();
process.stdout.write(output.replace(/\d+ passed, \d+ failed, \d+ skipped\n$/, ''));
const counts = /(\d+) passed, (\d+) failed, (\d+) skipped\n$/.exec(output);
const [passed, failed, skipped] = counts === null ? [0, 1, 0] : counts.slice(1).map(Number);
process.stdout.write(
  `${(passed ?? 0) + checks.length - failedChecks} passed, ${(failed ?? 1) + failedChecks} failed, ${skipped ?? 0} skipped\n`,
);
process.exitCode = mocha.status === 0 && failedChecks === 0 ? 0 : 1;

/**
 * Mutation tests of what is pure: each mutant is run against the unit and property tests that reach it. `make mutate` runs
 * all of it, which takes long; `make mutate MUTATE=shared/rules/sleep.ts` a part.
 *
 * @type {import('@stryker-mutator/api/core').PartialStrykerOptions}
 */
export default {
  plugins: [`${import.meta.dirname}/mocha-runner.mjs`],
  testRunner: 'mocha',
  mochaOptions: {
    config: '.mocharc.json',
    spec: ['tests/unit/{autoscaler,loadbalancer,shared}/**/*.test.ts', 'tests/property/**/*.test.ts'],
  },
  mutate: (process.env.MUTATE || 'autoscaler/domain/**/*.ts,loadbalancer/domain/**/*.ts,shared/rules/**/*.ts').split(
    ',',
  ),
  coverageAnalysis: 'perTest',
  // Sentences are compared where they matter; a mutant of each would drown the others.
  mutator: { excludedMutations: ['StringLiteral'] },
  concurrency: 2,
  timeoutMS: 20_000,
  disableTypeChecks: false,
  // The sandbox is a copy of the rest; a symbolic link to a folder cannot be copied.
  ignorePatterns: [
    'dist',
    'coverage',
    'benchmarks/out',
    '.nemesis',
    'tests/mutation',
    'manifests/helm/nemesis-crds/crd-files',
  ],
  tempDirName: 'tests/mutation/.stryker-tmp',
  reporters: ['clear-text', 'progress', 'html', 'json'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  htmlReporter: { fileName: 'tests/mutation/reports/mutation.html' },
  jsonReporter: { fileName: 'tests/mutation/reports/mutation.json' },
  thresholds: { high: 90, low: 80, break: 70 },
};

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * `make e2e` and `make e2e-full`: builds the images, gets them into the cluster of KUBECONFIG, and runs the end-to-end
 * tests there. docs/guides/testing.md has the variables.
 */
const full = process.argv.includes('--full');
const CORE = [
  // What Kubernetes does by itself, so before there is a controller of ours.
  'tests/behaviour/**/*.test.ts',
  'tests/cluster/install.test.ts',
  'tests/e2e/use-cases.test.ts',
  'tests/e2e/start.test.ts',
  'tests/e2e/burst.test.ts',
  'tests/e2e/failures.test.ts',
  'tests/e2e/faults.test.ts',
  'tests/e2e/silence.test.ts',
  'tests/e2e/claims.test.ts',
  'tests/cluster/trust.test.ts',
  'tests/cluster/pod-deletion.test.ts',
  'tests/cluster/manifests.test.ts',
];
const FULL = [
  'tests/e2e/engine.test.ts',
  'tests/e2e/rules.test.ts',
  'tests/e2e/sidecar.test.ts',
  'tests/e2e/removal.test.ts',
  'tests/cluster/sidecar.test.ts',
  'tests/cluster/injection.test.ts',
  'tests/cluster/prometheus.test.ts',
  'tests/cluster/rbac.test.ts',
  // Its token is taken at the beginning of the run.
  'tests/cluster/expired-token.test.ts',
  'tests/cluster/overlays.test.ts',
  'tests/cluster/removal.test.ts',
];

/** What the page docs/reference/cluster-tests.md is made from. */
const RESULTS = 'tests/cluster/results.json';

function fail(sentence: string): never {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

for (const tool of ['kubectl', 'helm']) {
  if (spawnSync(tool, ['version', '--client'], { stdio: 'ignore' }).error !== undefined)
    fail(`These tests need ${tool} on the PATH.`);
}

// The tests replace and restart the product, so its images must be there under their names.
const images = process.env['E2E_IMAGE'] === undefined ? buildAndLoad() : {};

/** Builds both images and hands their archives to E2E_LOAD_COMMAND. */
function buildAndLoad(): Record<string, string> {
  const command = process.env['E2E_LOAD_COMMAND'] ?? '';
  if (command === '') {
    fail(
      'E2E_LOAD_COMMAND is not set: the command that gets an image archive into the cluster, called with the path of the archive, for instance "kind load image-archive". Or push the images yourself and name them with E2E_IMAGE and E2E_EXAMPLE_IMAGE.',
    );
  }
  const folder = mkdtempSync(join(tmpdir(), 'nemesis-images-'));
  try {
    execFileSync('make', ['images', `IMAGE_ARCHIVE_DIR=${folder}`], { stdio: 'inherit' });
    for (const archive of readdirSync(folder)) {
      const loaded = spawnSync('sh', ['-c', `${command} "$1"`, 'sh', join(folder, archive)], { encoding: 'utf8' });
      if (loaded.status !== 0) fail(`"${command} ${archive}" failed: ${loaded.stderr || loaded.stdout}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { E2E_IMAGE: 'localhost/nemesis:0.1.0', E2E_EXAMPLE_IMAGE: 'localhost/nemesis-example:0.1.0' };
}

const installed = execFileSync('kubectl', ['get', 'namespace', 'nemesis-system', '--ignore-not-found', '-o', 'name']);
if (installed.length > 0) execFileSync('make', ['uninstall', 'CRDS=1'], { stdio: 'inherit' });

const version = JSON.parse(execFileSync('kubectl', ['version', '-o', 'json'], { encoding: 'utf8' })) as {
  serverVersion: { gitVersion: string };
};
const specs = full ? [...CORE, ...FULL] : CORE;
const mocha = spawnSync('mocha', ['--config', '.mocharc.json', ...specs], {
  stdio: 'inherit',
  env: {
    ...process.env,
    ...images,
    E2E_TARGET: 'cluster',
    E2E_CLUSTER: `Kubernetes ${version.serverVersion.gitVersion}`,
    ...(full ? { E2E_RESULTS: RESULTS } : {}),
  },
});
process.exitCode = mocha.status ?? 1;

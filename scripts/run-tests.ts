import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * `make test`: lint, types, then every test; the last line says how many passed, failed and were skipped. The end-to-end
 * tests mostly wait for what real processes do, so they run beside all the others; their output follows at the end.
 */
const CHECKS = [
  ['run', '--silent', 'lint'],
  ['run', '--silent', 'types'],
];
const [FIRST, BESIDE] = [['unit', 'property', 'docs', 'integration', 'behaviour'], ['e2e']];

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const directory = mkdtempSync(join(tmpdir(), 'nemesis-tests-'));
const children = new Set<ChildProcess>();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const child of children) child.kill(signal);
    rmSync(directory, { recursive: true });
    process.exit(1);
  });
}

async function run(command: string, args: readonly string[], counts = '', output?: string[]): Promise<boolean> {
  // The suites run on clusters of their own, whatever cluster the shell points to.
  const env = { ...process.env, KUBECONFIG: '', TEST_COUNTS: counts };
  const stdio = [
    'ignore',
    output === undefined ? 'inherit' : 'pipe',
    output === undefined ? 'inherit' : 'pipe',
  ] as const;
  const child = spawn(command, args, { stdio: [...stdio], env });
  children.add(child);
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => output?.push(text));
  }
  const [code] = (await once(child, 'close')) as [number | null];
  children.delete(child);
  return code === 0;
}

/** Runs tests; one that never came to its end counts as a failure. */
async function runMocha(name: string, specs: readonly string[], output?: string[]): Promise<Counts> {
  const file = join(directory, `${name}.json`);
  const passed = await run('mocha', ['--config', '.mocharc.json', ...specs], file, output);
  try {
    const counts = JSON.parse(readFileSync(file, 'utf8')) as Counts;
    return passed ? counts : { ...counts, failed: Math.max(1, counts.failed) };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

async function runChecks(): Promise<Counts> {
  let failed = 0;
  for (const args of CHECKS) {
    process.stdout.write(`npm ${args.join(' ')}\n`);
    if (!(await run('npm', args))) failed += 1;
  }
  return { passed: CHECKS.length - failed, failed, skipped: 0 };
}

function specsOf(suites: readonly string[]): string[] {
  return suites.map((name) => `tests/${name}/**/*.test.ts`);
}

const named = process.argv.slice(2);
const output: string[] = [];
const beside = named.length > 0 ? undefined : runMocha('beside', specsOf(BESIDE), output);
const all = [await runChecks(), await runMocha('first', named.length > 0 ? named : specsOf(FIRST))];
if (beside !== undefined) {
  all.push(await beside);
  process.stdout.write(output.join(''));
}
rmSync(directory, { recursive: true });
const sum = (key: keyof Counts): number => all.reduce((total, counts) => total + counts[key], 0);
process.stdout.write(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped\n`);
if (sum('failed') > 0) process.exitCode = 1;

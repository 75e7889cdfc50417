/** Runs a set of conformance cases: `npm run hpa-conformance -- FILE`; without a file, the sets beside this one. */
import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { ConformanceCase, ConformanceSet } from './case.ts';
import { runCase, type Outcome } from './run-case.ts';

/** The sets that come with the project. */
export const OWN_SETS = ['kubernetes.json', 'own.json'].map((name) => new URL(name, import.meta.url));

/** What is not as expected in a case, a line each. */
export function differences({ expect }: ConformanceCase, outcome: Outcome): string[] {
  return Object.entries(expect).flatMap(([field, expected]) => {
    const actual = outcome[field as keyof Outcome] ?? null;
    return isDeepStrictEqual(normal(expected), normal(actual))
      ? []
      : [`${field}: expected ${JSON.stringify(expected)}, was ${JSON.stringify(actual)}`];
  });
}

/** Reads a set. @throws Error with a sentence where the file has another format */
export async function readSet(file: string | URL): Promise<ConformanceSet> {
  const set = JSON.parse(await readFile(file, 'utf8')) as Partial<ConformanceSet>;
  if (!Array.isArray(set.cases) || set.constants === undefined) {
    throw new Error(`${String(file)} is no set of conformance cases; expected {"constants": {...}, "cases": [...]}.`);
  }
  return set as ConformanceSet;
}

/** Lists whose order says nothing, in one order. */
function normal(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(normal).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, normal(each)]));
}

async function main(files: readonly (string | URL)[]): Promise<void> {
  let failed = 0;
  let passed = 0;
  for (const file of files) {
    const { constants, cases } = await readSet(file);
    for (const each of cases) {
      const wrong = differences(each, runCase(each, constants));
      if (wrong.length === 0) passed += 1;
      else failed += 1;
      for (const line of wrong) console.error(`${each.id}: ${line}`);
    }
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

if (process.argv[1] !== undefined && import.meta.filename === process.argv[1]) {
  const files = process.argv.slice(2);
  await main(files.length === 0 ? OWN_SETS : files);
}

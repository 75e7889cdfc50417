import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The commands of a chapter of the README, as a reader copies them: the lines of its indented or fenced shell blocks. */
export function commandsOf(chapter: string): string[] {
  const readme = readFileSync(join(import.meta.dirname, '../../../README.md'), 'utf8');
  const from = readme.indexOf(`\n## ${chapter}\n`);
  if (from < 0) throw new Error(`The README has no chapter "${chapter}".`);
  const text = readme.slice(from + 4 + chapter.length);
  const end = text.indexOf('\n## ');
  const body = end < 0 ? text : text.slice(0, end);
  return body
    .split('\n')
    .filter((line) => line.startsWith('    '))
    .map((line) => line.replace(/\s+# .*$/, '').trim())
    .filter((line) => line !== '');
}

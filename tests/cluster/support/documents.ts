import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The commands of a chapter, as a reader copies them: the lines of its indented blocks. */
export function commandsOf(file: string, chapter: string): string[] {
  const document = readFileSync(join(import.meta.dirname, '../../..', file), 'utf8');
  const from = document.indexOf(`\n## ${chapter}\n`);
  if (from < 0) throw new Error(`${file} has no chapter "${chapter}".`);
  const text = document.slice(from + 4 + chapter.length);
  const end = text.indexOf('\n## ');
  const body = end < 0 ? text : text.slice(0, end);
  return body
    .split('\n')
    .filter((line) => line.startsWith('    '))
    .map((line) => line.replace(/\s+# .*$/, '').trim())
    .filter((line) => line !== '');
}

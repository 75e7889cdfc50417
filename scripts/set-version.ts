import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { VERSION_PATTERNS, versionedFiles } from './versioned.ts';

/**
 * `npm version X` runs this: the version of package.json goes into every file that has to name it, such as manifests and
 * charts. A test says when one of them was forgotten.
 */
const root = join(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
for (const file of versionedFiles(root)) {
  const before = readFileSync(file, 'utf8');
  let text = before;
  for (const pattern of VERSION_PATTERNS) text = text.replaceAll(pattern, `$<before>${version}`);
  if (text !== before) writeFileSync(file, text);
}

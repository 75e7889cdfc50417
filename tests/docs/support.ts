import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Root of the repository. */
export const ROOT = join(import.meta.dirname, '..', '..');

const SKIPPED = /^(node_modules|dist|coverage|\.nemesis|\.git)$/;

/** A file's text, by its path in the repository. */
export function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** Paths in the repository that fit a pattern; nothing that is installed or built. */
export function filesLike(pattern: string): string[] {
  return globSync(pattern, { cwd: ROOT, exclude: (name) => SKIPPED.test(name) }).sort();
}

/** Every Markdown file of the project. */
export function markdownFiles(): string[] {
  return filesLike('**/*.md');
}

/** The first cells of the tables of a page, where they are code: `| \`name\` | ... |`. */
export function namesInTables(page: string): string[] {
  return rowsOf(page).map(([name = '']) => name);
}

/** Rows of the tables of a page whose first cell is code; cells without backticks and padding. */
export function rowsOf(page: string): string[][] {
  return page
    .split('\n')
    .filter((line) => /^\| `/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim().replace(/^`(.*)`$/, '$1')),
    );
}

import { execFileSync } from 'node:child_process';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';

const VERSION = String.raw`\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?`;

/** How the product's version stands in files beside package.json, which is the one that counts; it follows the group `before`. */
export const VERSION_PATTERNS: readonly RegExp[] = [
  new RegExp(String.raw`(?<before>localhost/nemesis(?:-example)?:)${VERSION}`, 'g'),
  new RegExp(String.raw`(?<before>^(?:version|appVersion): )${VERSION}$`, 'gm'),
  new RegExp(String.raw`(?<before>^ {2}tag: )${VERSION}$`, 'gm'),
  new RegExp(String.raw`(?<before>nemesis\.io/injected: )${VERSION}$`, 'gm'),
];

/** The tracked files in which the version may stand. */
export function versionedFiles(root: string): string[] {
  const paths = ['README.md', 'benchmarks/*.ts', 'demo', 'examples', 'manifests', 'scripts', 'tests'];
  const tracked = execFileSync('git', ['ls-files', ...paths], { cwd: root, encoding: 'utf8' });
  return tracked
    .trim()
    .split('\n')
    .map((file) => join(root, file))
    .filter((file) => lstatSync(file, { throwIfNoEntry: false })?.isFile());
}

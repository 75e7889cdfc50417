import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { VERSION_PATTERNS, versionedFiles } from '../../scripts/versioned.ts';

const root = join(import.meta.dirname, '..', '..');

describe('The version', () => {
  it('is that of package.json wherever it stands', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    const found = versionedFiles(root).flatMap((file) => {
      const text = readFileSync(file, 'utf8');
      return VERSION_PATTERNS.flatMap((pattern) => [...text.matchAll(pattern)].map(([shown]) => ({ file, shown })));
    });
    expect(found.length, 'places that name a version').to.be.greaterThan(15);
    expect(found.filter(({ shown }) => !shown.endsWith(version))).to.deep.equal([]);
  });
});

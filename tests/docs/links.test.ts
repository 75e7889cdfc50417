import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { markdownFiles, read, ROOT } from './support.ts';

const LINK = /(?<!!)\[[^\]]*\]\(([^)\s]+)\)/g;

describe('links in the documentation', () => {
  for (const file of markdownFiles()) {
    it(`${file} links to what exists`, () => {
      const text = read(file).replaceAll(/```[\s\S]*?```/g, '');
      const missing = [...text.matchAll(LINK)]
        .map(([, target = '']) => target)
        .filter((target) => !/^(https?:|mailto:|#)/.test(target))
        .filter((target) => !existsSync(join(ROOT, dirname(file), target.replace(/#.*$/, ''))));
      expect(missing).to.deep.equal([]);
    });
  }

  it('the index of docs names every page', () => {
    const index = read('docs/README.md');
    const missing = markdownFiles()
      .filter((file) => /^docs\/(guides|reference|adr)\//.test(file))
      .filter((file) => !index.includes(`(${file.slice('docs/'.length)})`));
    expect(missing).to.deep.equal([]);
  });
});

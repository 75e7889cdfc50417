import { expect } from 'chai';
import { pageOf } from '../../../autoscaler/api/applications/page.ts';

const KEYS = Array.from({ length: 25 }, (_, index) => `${index % 2 === 0 ? 'a' : 'b'}/app-${index}`);

function* pages(keys: () => readonly string[], limit: number, namespace?: string) {
  let token: string | undefined;
  do {
    const page = pageOf(keys(), { limit, namespace, continue: token });
    yield page;
    token = page.continue;
  } while (token !== undefined);
}

describe('Pages of applications', () => {
  it('Given any limit, Then the pages are all keys in order, each once, and the last one says that it is the last', () => {
    for (const limit of [1, 7, 24, 25, 26]) {
      const found = [...pages(() => KEYS, limit)];
      expect(found.flatMap(({ keys }) => keys)).to.deep.equal([...KEYS].sort());
      expect(found.map(({ keys }) => keys.length).every((size) => size <= limit)).to.equal(true);
      expect(found.at(-1)).to.have.keys(['keys']);
      let left = KEYS.length;
      for (const { keys, remainingItemCount = 0 } of found) expect(remainingItemCount).to.equal((left -= keys.length));
    }
  });

  it('Given a namespace, Then only its applications count', () => {
    const found = [...pages(() => KEYS, 5, 'b')].flatMap(({ keys }) => keys);
    expect(found).to.deep.equal(KEYS.filter((key) => key.startsWith('b/')).sort());
  });

  it('Given applications that come and go between pages, Then the others are neither repeated nor left out', () => {
    const keys = new Set(KEYS);
    const seen: string[] = [];
    for (const page of pages(() => [...keys], 4)) {
      seen.push(...page.keys);
      keys.delete(page.keys.at(-1)!);
      keys.add(`a/0-${seen.length}`);
    }
    expect(seen).to.deep.equal([...KEYS].sort());
  });

  it('Given no application, or a token behind all of them, Then the page is empty and the last', () => {
    expect(pageOf([], { limit: 1 })).to.deep.equal({ keys: [] });
    expect(pageOf(KEYS, { limit: 1, continue: Buffer.from('z/z').toString('base64url') })).to.deep.equal({ keys: [] });
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { LineSplitter } from '../../../shared/runtime/line-splitter.ts';

describe('LineSplitter', () => {
  it('Given a text in any pieces, Then its lines come out whole and in order', () => {
    // With other ends of lines, which JSON may have within a text.
    const piece = fc.string({ unit: fc.constantFrom('a', '\n', '\r', '\u2028', '😀'), maxLength: 8 });
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const splitter = new LineSplitter(1_000);
        const lines = pieces.flatMap((each) => splitter.push(each));
        expect(lines).to.deep.equal(pieces.join('').split('\n').slice(0, -1));
      }),
    );
  });

  it('Given a line as long as allowed, Then it comes; one more is refused, whether it ended or not', () => {
    const splitter = new LineSplitter(4);
    expect(splitter.push('ab')).to.deep.equal([]);
    expect(splitter.push('cd\nabcd\n')).to.deep.equal(['abcd', 'abcd']);
    expect(() => new LineSplitter(4).push('abcde\n')).to.throw('expected at most 4');
    expect(() => new LineSplitter(4).push('a\nabcde')).to.throw('expected at most 4');
    splitter.push('abc');
    expect(() => splitter.push('de')).to.throw('A line of 5 characters');
  });
});

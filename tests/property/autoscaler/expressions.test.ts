import { isCelError, run, type CelInput } from '@bufbuild/cel';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  compileExpression,
  EXPRESSION_LIMITS,
  ExpressionFault,
  type ExpressionResult,
} from '../../../autoscaler/domain/expressions/expression.ts';

const NAMES = ['p95Ms', 'inFlight', 'queued', 'replicas'] as const;

const { number, condition } = fc.letrec<{ number: string; condition: string }>((tie) => ({
  number: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...NAMES, 'signals.backlog', 'signals.gone'),
    fc.double({ min: 0, max: 1000, noNaN: true }).map((value) => value.toFixed(3)),
    fc
      .tuple(tie('number'), fc.constantFrom('+', '-', '*', '/'), tie('number'))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc.tuple(tie('condition'), tie('number'), tie('number')).map(([when, a, b]) => `(${when} ? ${a} : ${b})`),
    tie('number').map((value) => `-${value}`),
  ),
  condition: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc
      .tuple(tie('number'), fc.constantFrom('<', '<=', '>', '>=', '==', '!='), tie('number'))
      .map(([a, op, b]) => `${a} ${op} ${b}`),
    fc.tuple(tie('condition'), fc.constantFrom('&&', '||'), tie('condition')).map(([a, op, b]) => `(${a} ${op} ${b})`),
    tie('condition').map((value) => `!(${value})`),
  ),
}));
const variables = fc.record(
  Object.fromEntries(NAMES.map((name) => [name, fc.double({ min: -1e6, max: 1e6, noNaN: true })])),
  { requiredKeys: [] },
);

/** What the other implementation of the language says. */
function secondOpinion(text: string, given: Readonly<Record<string, CelInput>>, backlog: number): ExpressionResult {
  const bindings = { ...given, signals: new Map([['backlog', backlog]]) };
  let result: unknown;
  try {
    result = run(text, bindings);
  } catch (error) {
    return { kind: 'unknown', why: String(error) };
  }
  const value = typeof result === 'boolean' ? Number(result) : result;
  if (isCelError(result) || typeof value !== 'number' || !Number.isFinite(value)) return { kind: 'unknown', why: '' };
  return { kind: 'value', value };
}

describe('Expressions', () => {
  for (const [type, text] of [
    ['condition', condition],
    ['number', number],
  ] as const) {
    it(`Given any ${type} and any values, some of them not known, Then it gives what another implementation of CEL gives`, () => {
      let known = 0;
      const property = fc.property(
        text,
        variables,
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        (written, given, backlog) => {
          let expression;
          try {
            expression = compileExpression(written, type, ['backlog', 'gone']);
          } catch (error) {
            // It may be too large.
            expect(error).to.be.instanceOf(ExpressionFault);
            return;
          }
          const result = expression.evaluate({ variables: given, signals: { backlog } });
          const other = secondOpinion(written, given as Record<string, number>, backlog);
          expect(result.kind, written).to.equal(other.kind);
          if (result.kind === 'value' && other.kind === 'value') expect(result.value, written).to.equal(other.value);
          if (result.kind === 'value') known += 1;
        },
      );
      fc.assert(property, { seed: 11, numRuns: 3_000 });
      expect(known).to.be.greaterThan(500);
    });
  }

  it('Given any text at all, Then it is refused in a sentence or costs next to nothing', () => {
    const property = fc.property(fc.string({ maxLength: 2_000 }), (text) => {
      try {
        compileExpression(text, 'condition', []);
      } catch (error) {
        expect(error).to.be.instanceOf(ExpressionFault);
        expect((error as Error).message).to.match(/\S/);
      }
    });
    fc.assert(property, { seed: 12, numRuns: 3_000 });
  });

  const hostile: [string, string][] = [
    ['deep', `${'('.repeat(500)}1.0${')'.repeat(500)} > 0.0`],
    ['huge', Array.from({ length: 300 }, () => '1.0').join('+') + ' > 0.0'],
    ['long', `inFlight > ${'1'.repeat(EXPRESSION_LIMITS.maxLength)}.0`],
    ['a catastrophic pattern', '"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!".matches("(a+)+$")'],
    ['nested loops', '[1,2,3].all(a, [1,2,3].all(b, [1,2,3].all(c, a + b + c > 0)))'],
    ['a string that doubles', '("a" + "a") == "aa"'],
    ['a constructor', 'inFlight.constructor > 1.0'],
    ['a prototype', 'signals.__proto__ > 1.0'],
  ];
  for (const [title, text] of hostile) {
    it(`Given an expression that is hostile: ${title}, Then it is refused when it is written`, () => {
      expect(() => compileExpression(text, 'condition', [])).to.throw(ExpressionFault);
    });
  }

  const refused: [string, 'condition' | 'number', RegExp][] = [
    ['inFlight', 'condition', /gives double, and true or false was expected/],
    ['inFlight > 1.0', 'number', /gives bool, and a number was expected/],
    ['signals.backlog > 1.0', 'condition', /signals\.backlog, which there is not; the signals are gpu/],
    ['nonsense > 1.0', 'condition', /nonsense/],
    ['size(inFlight) > 1', 'condition', /calls size, which there is not; the functions are ceil/],
    ['inFlight >', 'condition', /^something else was expected where there is the end$/],
    ['ceil(inFlight', 'number', /^expected "\)" where there is the end$/],
  ];
  for (const [text, type, sentence] of refused) {
    it(`Given ${text}, Then it says what is wrong`, () => {
      expect(() => compileExpression(text, type, ['gpu'])).to.throw(ExpressionFault, sentence);
    });
  }

  it('Given the example of the guide, Then it counts, and names what is not known', () => {
    const rule = compileExpression('ceil(signals.backlog / 4.0) + (p95Ms > 800.0 ? 1 : 0)', 'number', ['backlog']);
    expect(rule.signals).to.deep.equal(['backlog']);
    const given = (p95Ms: number | undefined, backlog: number | undefined): ExpressionResult =>
      rule.evaluate({
        variables: p95Ms === undefined ? {} : { p95Ms },
        signals: backlog === undefined ? {} : { backlog },
      });
    expect(given(900, 9)).to.deep.equal({ kind: 'value', value: 4 });
    expect(given(700, 8)).to.deep.equal({ kind: 'value', value: 2 });
    expect(given(undefined, 8)).to.deep.equal({ kind: 'unknown', why: 'p95Ms is not known' });
    expect(given(700, undefined)).to.deep.equal({ kind: 'unknown', why: 'signal backlog is not known' });
    const zero = compileExpression('ceil(inFlight / queued)', 'number', []);
    expect(zero.evaluate({ variables: { inFlight: 1, queued: 0 }, signals: {} }).kind).to.equal('unknown');
  });
});

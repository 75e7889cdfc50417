import { Environment, type ASTNode } from '@marcbachmann/cel-js';
import { VARIABLES, type ExpressionInput, type VariableName } from './variables.ts';

/** What an expression is to give. */
export type ExpressionType = 'condition' | 'number';

/** What an expression gives now. Unknown is neither true nor false: nothing may follow from it. */
export type ExpressionResult =
  { readonly kind: 'value'; readonly value: number } | { readonly kind: 'unknown'; readonly why: string };

/** An expression that has been checked. A condition gives 1 or 0. */
export interface Expression {
  readonly text: string;
  /** Names of the signals that it asks for. */
  readonly signals: readonly string[];
  /** Variables that it asks for. */
  readonly variables: readonly VariableName[];
  readonly evaluate: (input: ExpressionInput) => ExpressionResult;
}

/**
 * Bounds of one expression. Without loops, calls of its own and text functions, its cost grows with its nodes alone: 200 of
 * them take a few microseconds.
 */
export const EXPRESSION_LIMITS = { maxLength: 1_024, maxNodes: 200, maxDepth: 32 } as const;

const FUNCTIONS = ['ceil', 'floor', 'min', 'max', 'abs', 'double', 'int', 'has'] as const;

const environment = createEnvironment();

/**
 * Checks an expression in the Common Expression Language and makes it ready.
 *
 * @param signals - names that `signals.NAME` may have; undefined: any
 * @throws ExpressionFault with a sentence for the user
 * @see https://github.com/google/cel-spec/blob/master/doc/langdef.md
 */
export function compileExpression(
  text: string,
  type: ExpressionType,
  signals: readonly string[] | undefined,
): Expression {
  if (text.length > EXPRESSION_LIMITS.maxLength) {
    throw new ExpressionFault(`it has ${text.length} characters; at most ${EXPRESSION_LIMITS.maxLength} are allowed`);
  }
  const parsed = parse(text);
  const asked: Asked = { known: signals, signals: new Set(), variables: new Set() };
  checkNode(parsed.ast, asked);
  const checked = parsed.check();
  if (!checked.valid) throw new ExpressionFault(firstLine(checked.error));
  const isRight = type === 'condition' ? checked.type === 'bool' : checked.type === 'double' || checked.type === 'int';
  if (!isRight) {
    const wanted = type === 'condition' ? 'true or false' : 'a number';
    throw new ExpressionFault(`it gives ${checked.type ?? 'something else'}, and ${wanted} was expected`);
  }
  const variables = [...asked.variables] as VariableName[];
  return { text, signals: [...asked.signals], variables, evaluate: (input) => evaluate(parsed, input) };
}

/** Why an expression is refused, as the end of a sentence about it. */
export class ExpressionFault extends Error {
  override readonly name = 'ExpressionFault';
}

function createEnvironment(): Environment {
  const { maxNodes, maxDepth } = EXPRESSION_LIMITS;
  const made = new Environment({
    unlistedVariablesAreDyn: false,
    limits: { maxAstNodes: maxNodes, maxDepth, maxListElements: 0, maxMapEntries: 0, maxCallArguments: 2 },
  });
  for (const name of Object.keys(VARIABLES)) made.registerVariable(name, 'double');
  made.registerVariable('signals', 'map<string, double>');
  made.registerFunction('ceil(double): int', (value: number) => whole(Math.ceil(value)));
  made.registerFunction('floor(double): int', (value: number) => whole(Math.floor(value)));
  made.registerFunction('abs(double): double', Math.abs);
  made.registerFunction('min(double, double): double', Math.min);
  made.registerFunction('max(double, double): double', Math.max);
  made.registerFunction('min(int, int): int', (a: bigint, b: bigint) => (a < b ? a : b));
  made.registerFunction('max(int, int): int', (a: bigint, b: bigint) => (a > b ? a : b));
  return made;
}

function whole(value: number): bigint {
  if (!Number.isFinite(value)) throw new RangeError('it is divided by zero');
  return BigInt(value);
}

type Parsed = ReturnType<Environment['parse']>;

function parse(text: string): Parsed {
  try {
    return environment.parse(text);
  } catch (error) {
    throw new ExpressionFault(withPlainTokens(firstLine(error)));
  }
}

/** What an expression asks for; `known`: the signals that there are. */
interface Asked {
  readonly known: readonly string[] | undefined;
  readonly signals: Set<string>;
  readonly variables: Set<string>;
}

/** Only arithmetic, comparison and logic over numbers: nothing whose cost or memory grows with a value. */
function checkNode(node: ASTNode, asked: Asked): void {
  switch (node.op) {
    case 'value':
      if (typeof node.args !== 'number' && typeof node.args !== 'bigint' && typeof node.args !== 'boolean') {
        throw new ExpressionFault('it has a literal that is neither a number nor true or false');
      }
      return;
    case 'id':
      if (node.args === 'signals') throw new ExpressionFault('signals stands alone; write signals.NAME');
      asked.variables.add(node.args);
      return;
    case '.':
      noteSignal(node.args, asked);
      return;
    case 'call': {
      const [name, parameters] = node.args;
      if (!FUNCTIONS.includes(name as (typeof FUNCTIONS)[number])) {
        throw new ExpressionFault(`it calls ${name}, which there is not; the functions are ${FUNCTIONS.join(', ')}`);
      }
      for (const each of parameters) checkNode(each, asked);
      return;
    }
    case '!_':
    case '-_':
      checkNode(node.args, asked);
      return;
    case 'list':
    case 'map':
    case 'rcall':
    case '.?':
    case '[]':
    case '[?]':
    case 'in':
      throw new ExpressionFault(
        'it uses lists, maps, indices or methods; only numbers, comparisons and logic are allowed',
      );
    default:
      for (const each of node.args) checkNode(each, asked);
  }
}

function noteSignal([of, name]: readonly [ASTNode, string], { known: allowed, signals }: Asked): void {
  if (of.op !== 'id' || of.args !== 'signals') {
    throw new ExpressionFault(`it asks for the field ${name} of something that has none; only signals.NAME has a dot`);
  }
  if (allowed?.includes(name) === false) {
    const known = allowed.length === 0 ? 'the resource has no signals' : `the signals are ${allowed.join(', ')}`;
    throw new ExpressionFault(`it asks for signals.${name}, which there is not; ${known}`);
  }
  signals.add(name);
}

function evaluate(parsed: Parsed, { variables, signals }: ExpressionInput): ExpressionResult {
  try {
    const result: unknown = parsed({ ...variables, signals });
    const value = typeof result === 'boolean' ? (result ? 1 : 0) : Number(result);
    return Number.isFinite(value) ? { kind: 'value', value } : { kind: 'unknown', why: 'it is divided by zero' };
  } catch (error) {
    return { kind: 'unknown', why: plain(firstLine(error)) };
  }
}

/** What the parser calls the pieces of a text, as they are written. */
const TOKENS: Readonly<Record<string, string>> = {
  ...{ EOF: 'the end', LPAREN: '"("', RPAREN: '")"', LBRACKET: '"["', RBRACKET: '"]"', LBRACE: '"{"', RBRACE: '"}"' },
  ...{ COMMA: '","', COLON: '":"', QUESTION: '"?"', DOT: '"."', GT: '">"', LT: '"<"', GTE: '">="', LTE: '"<="' },
  ...{ EQ: '"=="', NE: '"!="', AND: '"&&"', OR: '"||"', NOT: '"!"', PLUS: '"+"', MINUS: '"-"' },
  ...{ MULTIPLY: '"*"', DIVIDE: '"/"', MODULO: '"%"' },
};

function withPlainTokens(message: string): string {
  const plain = message.replaceAll(/\b[A-Z]{2,}\b/g, (token) => TOKENS[token] ?? token);
  return plain
    .replace(/^Expected (.*), got (.*)$/, 'expected $1 where there is $2')
    .replace(/^Unexpected token: /, 'something else was expected where there is ');
}

/** What the evaluator says of something that is absent, in our words. */
function plain(message: string): string {
  const name = /^Unknown variable: (\S+)$/.exec(message)?.[1];
  if (name !== undefined) return `${name} is not known`;
  const signal = /^No such key: (\S+)$/.exec(message)?.[1];
  return signal === undefined ? message : `signal ${signal} is not known`;
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0] ?? message;
}

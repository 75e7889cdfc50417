import { compileExpression, type Expression } from '../expressions/expression.ts';
import type { ExpressionInput, VariableName } from '../expressions/variables.ts';
import { hasTraffic, noData, podReadingOf, value, type Reading, type Signals } from '../signals/signals.ts';

/** What an expression of a rule gives now. */
export function readExpression(text: string, signals: Signals, replicas: number): Reading {
  const expression = expressionOf(text);
  const result = expression.evaluate(expressionInput(expression, signals, replicas));
  return result.kind === 'unknown' ? noData(result.why) : value(result.value);
}

/** What an expression asks for, as far as it is known now. */
export function expressionInput(
  { variables, signals: names }: Pick<Expression, 'variables' | 'signals'>,
  signals: Signals,
  replicas: number,
): ExpressionInput {
  const known: Partial<Record<VariableName, number>> = {};
  for (const name of variables) {
    const number = READERS[name](signals, replicas);
    if (number !== undefined) known[name] = number;
  }
  const named: Record<string, number> = {};
  for (const name of names) {
    const number = valueOf(signals.named(name));
    if (number !== undefined) named[name] = number;
  }
  return { variables: known, signals: named };
}

const READERS: Readonly<Record<VariableName, (signals: Signals, replicas: number) => number | undefined>> = {
  cpuMillicores: (signals) => valueOf(podReadingOf(signals, { signal: 'cpuMillicores' })),
  memoryBytes: (signals) => valueOf(podReadingOf(signals, { signal: 'memoryBytes' })),
  inFlight: ({ traffic }) => (hasTraffic(traffic) ? traffic.inFlight : undefined),
  queued: ({ traffic }) => (hasTraffic(traffic) ? traffic.queued : undefined),
  concurrency: ({ traffic }) => (hasTraffic(traffic) ? traffic.concurrency : undefined),
  p50Ms: ({ responseTimeMs }) => valueOf(responseTimeMs(50)),
  p95Ms: ({ responseTimeMs }) => valueOf(responseTimeMs(95)),
  p99Ms: ({ responseTimeMs }) => valueOf(responseTimeMs(99)),
  idleSeconds: ({ traffic }) => (hasTraffic(traffic) ? traffic.idleMs / 1000 : undefined),
  replicas: (_, replicas) => replicas,
  readyReplicas: ({ readyPods }) => readyPods,
};

function valueOf(reading: Pick<Reading, 'kind'> & { readonly value?: number }): number | undefined {
  return reading.kind === 'value' ? reading.value : undefined;
}

/** Expressions that were compiled, of more than {@link MAX_COMPILED} the newest: what a resource has was checked before. */
const compiled = new Map<string, Expression>();
const MAX_COMPILED = 10_000;

function expressionOf(text: string): Expression {
  let expression = compiled.get(text);
  if (expression !== undefined) return expression;
  expression = compileExpression(text, 'number', undefined);
  const [oldest] = compiled.keys();
  if (compiled.size >= MAX_COMPILED && oldest !== undefined) compiled.delete(oldest);
  compiled.set(text, expression);
  return expression;
}

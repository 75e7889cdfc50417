import { parseArgs } from 'node:util';

/** One option of a command: how its text is read, and what the usage says about it. */
export interface Option<T> {
  readonly description: string;
  /** One letter, without the dash. */
  readonly short?: string;
  /** Name of its value in the usage; undefined: it is a flag. */
  readonly value?: string;
  readonly multiple?: boolean;
  /** What counts when it is not given. */
  readonly fallback?: string;
  /** What is allowed, for sentences. */
  readonly allowed?: string;
  /** What the texts that were given mean; undefined where one is not allowed. */
  readonly read: (texts: readonly string[]) => { readonly value: T } | undefined;
}

/** The options of a command by their long names. */
export type Options = Readonly<Record<string, Option<unknown>>>;
/** What a command gets. */
export type OptionValues<O extends Options> = { readonly [K in keyof O]: O[K] extends Option<infer T> ? T : never };

interface Common {
  readonly description: string;
  readonly short?: string;
}

interface WithValue<T> extends Common {
  readonly value: string;
  readonly allowed?: string;
  /** Undefined where the text is not allowed. */
  readonly parse: (text: string) => T | undefined;
}

/** An option with a value; undefined where it is not given. */
export function option<T>(definition: WithValue<T>): Option<T | undefined> {
  return {
    ...definition,
    read: ([text]) => (text === undefined ? { value: undefined } : wrapped(definition.parse(text))),
  };
}

/** An option with a value, and one that counts where it is not given. */
export function optionOr<T>(fallback: string, definition: WithValue<T>): Option<T> {
  return { ...definition, fallback, read: ([text = fallback]) => wrapped(definition.parse(text)) };
}

/** An option that can be given several times. */
export function list(definition: Common & { value: string }): Option<readonly string[]> {
  return { ...definition, multiple: true, read: (texts) => ({ value: texts }) };
}

/** An option that is there or not. */
export function flag(definition: Common): Option<boolean> {
  return { ...definition, read: (texts) => ({ value: texts.length > 0 }) };
}

/** Any text. */
export function anyText(text: string): string {
  return text;
}

function wrapped<T>(value: T | undefined): { readonly value: T } | undefined {
  return value === undefined ? undefined : { value };
}

/** What is wrong with the arguments, a sentence each. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Reads the arguments of a command, whole or not at all.
 *
 * @param noArguments - what to say of an argument that is not an option
 * @param wanted - names of the arguments that are asked for
 * @throws UsageError with a sentence for each mistake
 */
export function readOptions<O extends Options>(
  options: O,
  args: readonly string[],
  noArguments = 'it takes no arguments',
  wanted: readonly string[] = [],
): { readonly values: OptionValues<O>; readonly found: readonly string[] } {
  const mistakes: string[] = [];
  const given = new Map<string, string[]>();
  const found = tokensOf(options, args).flatMap((token) => (token.kind === 'positional' ? [token.value] : []));
  for (const token of tokensOf(options, args)) {
    if (token.kind !== 'option') continue;
    const { name, rawName, value, inlineValue } = token;
    const known = Object.hasOwn(options, name) ? options[name] : undefined;
    const mistake =
      known === undefined ? unknownOption(rawName, options) : mistakeIn(rawName, known, value, inlineValue);
    if (mistake === undefined) given.set(name, [...(given.get(name) ?? []), value ?? '']);
    else mistakes.push(mistake);
  }
  for (const value of found.slice(wanted.length)) mistakes.push(`"${value}" is too much; ${noArguments}.`);
  for (const name of wanted.slice(found.length)) mistakes.push(`${name} is missing.`);
  const values: Record<string, unknown> = {};
  for (const [name, known] of Object.entries(options)) {
    const texts = given.get(name) ?? [];
    if (texts.length > 1 && known.multiple !== true)
      mistakes.push(`--${name} is given ${texts.length} times; expected once.`);
    const read = known.read(texts);
    if (read === undefined)
      mistakes.push(`--${name} is "${texts[0] ?? ''}", but expected ${known.allowed ?? 'another value'}.`);
    else values[name] = read.value;
  }
  if (mistakes.length > 0) throw new UsageError(mistakes.join('\n'));
  return { values: values as OptionValues<O>, found };
}

function tokensOf(options: Options, args: readonly string[]) {
  const config = Object.fromEntries(
    Object.entries(options).map(([name, { short, value }]) => [
      name,
      {
        type: value === undefined ? ('boolean' as const) : ('string' as const),
        ...(short === undefined ? {} : { short }),
      },
    ]),
  );
  // Not strict: its own sentences name one mistake, and not what to do.
  return parseArgs({ args: [...args], options: config, strict: false, allowPositionals: true, tokens: true }).tokens;
}

function mistakeIn(
  rawName: string,
  known: Option<unknown>,
  value: string | undefined,
  inlineValue: boolean | undefined,
): string | undefined {
  if (known.value === undefined)
    return value === undefined ? undefined : `${rawName} takes no value, but got "${value}".`;
  if (value === undefined || value === '') return `${rawName} needs a value: ${rawName} ${known.value}.`;
  // A forgotten value must not take the option after it.
  if (inlineValue === false && /^-./.test(value)) {
    return `${rawName} needs a value, but "${value}" follows; write ${rawName}=${value} if that is the value.`;
  }
  return undefined;
}

function unknownOption(rawName: string, options: Options): string {
  const names = Object.keys(options).map((name) => `--${name}`);
  const similar = names.find((name) => name.startsWith(rawName) || rawName.startsWith(name));
  return `Unknown option '${rawName}'; ${similar === undefined ? `there are ${names.join(', ')}.` : `did you mean ${similar}?`}`;
}

/** The options as the usage lists them, one a line. */
export function optionLines(options: Options): string {
  const rows = Object.entries(options).map(([name, { short, value, description, fallback }]) => {
    const names = `${short === undefined ? '    ' : `-${short}, `}--${name}`;
    const standard = fallback === undefined ? '' : ` (default ${fallback})`;
    return [value === undefined ? names : `${names} ${value}`, `${description}${standard}`] as const;
  });
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join('');
}

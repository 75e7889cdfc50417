/** One setting of a program: its variable, its meaning, and how its text is read. */
export interface Setting<T> {
  readonly variable: string;
  readonly description: string;
  /** What is allowed, for error messages and the reference. */
  readonly allowed: string;
  /** Text that counts when the variable is not set; undefined: it must be set. */
  readonly fallback: string | undefined;
  readonly secret?: boolean;
  /** Undefined where the text is not allowed. */
  readonly parse: (text: string) => T | undefined;
}

/** The settings of a program by their names in code. */
export type Settings = Readonly<Record<string, Setting<unknown>>>;
/** What a program gets. */
export type SettingValues<S extends Settings> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

interface Common {
  readonly description: string;
  readonly fallback?: string;
}

/** A text. */
export function text(variable: string, options: Common & { allowed?: string; pattern?: RegExp }): Setting<string> {
  return {
    variable,
    description: options.description,
    fallback: options.fallback,
    allowed: options.allowed ?? 'any text',
    parse: (value) => (options.pattern === undefined || options.pattern.test(value) ? value : undefined),
  };
}

/** A whole number within bounds. */
export function integer(variable: string, options: Common & { min: number; max: number }): Setting<number> {
  return {
    variable,
    description: options.description,
    fallback: options.fallback,
    allowed: `a whole number from ${options.min} to ${options.max}`,
    parse: (value) => {
      const number = /^-?\d+$/.test(value) ? Number(value) : Number.NaN;
      return number >= options.min && number <= options.max ? number : undefined;
    },
  };
}

/** `true` or `false`. */
export function flag(variable: string, options: Common): Setting<boolean> {
  return {
    variable,
    description: options.description,
    fallback: options.fallback,
    allowed: 'true or false',
    parse: (value) => (value === 'true' ? true : value === 'false' ? false : undefined),
  };
}

/** One of several words. */
export function choice<const T extends string>(
  variable: string,
  options: Common & { choices: readonly T[] },
): Setting<T> {
  return {
    variable,
    description: options.description,
    fallback: options.fallback,
    allowed: options.choices.join(', '),
    parse: (value) => options.choices.find((each) => each === value),
  };
}

/** An absolute http or https URL. */
export function url(variable: string, options: Common): Setting<string> {
  return {
    variable,
    description: options.description,
    fallback: options.fallback,
    allowed: 'an absolute http or https URL',
    parse: (value) => (/^https?:$/.test(URL.parse(value)?.protocol ?? '') ? value.replace(/\/$/, '') : undefined),
  };
}

/** The URL of a PostgreSQL database, or nothing. It has a password, so it is never shown. */
export function databaseUrl(variable: string, options: Common): Setting<string> {
  return {
    variable,
    description: options.description,
    fallback: options.fallback,
    allowed: 'postgres://USER:PASSWORD@HOST:PORT/NAME, or nothing',
    secret: true,
    parse: (value) => {
      if (value === '') return value;
      const { protocol, hostname, pathname } = URL.parse(value) ?? {};
      return /^postgres(ql)?:$/.test(protocol ?? '') && hostname !== '' && (pathname ?? '').length > 1
        ? value
        : undefined;
    },
  };
}

/** A wrong environment: the message has a sentence for each wrong variable. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/**
 * Kubernetes puts a variable `NAME_PORT=tcp://…` into pods for each Service of their namespace, so a Service named
 * nemesis-webhook would set NEMESIS_WEBHOOK_PORT. That is not a setting.
 */
const SERVICE_LINK = /^(tcp|udp|sctp):\/\/\S+:\d+$/;

/**
 * Reads all settings at once.
 *
 * @throws SettingsError that names each wrong variable, its value and what is allowed; also for a variable with the
 * product's prefix that nobody reads, since that is a typing mistake
 */
export function readSettings<S extends Settings>(
  settings: S,
  env: Readonly<Record<string, string | undefined>>,
  options: { prefix?: string } = {},
): SettingValues<S> {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(settings)) {
    const given = env[setting.variable];
    const value = given === undefined || given === '' || SERVICE_LINK.test(given) ? setting.fallback : given;
    if (value === undefined) {
      problems.push(`${setting.variable} is not set; expected ${setting.allowed}. ${setting.description}`);
      continue;
    }
    const parsed = setting.parse(value);
    if (parsed === undefined) {
      problems.push(
        `${setting.variable} is "${setting.secret === true ? '…' : value}", but expected ${setting.allowed}.`,
      );
      continue;
    }
    values[name] = parsed;
  }
  const known = new Set(Object.values(settings).map(({ variable }) => variable));
  const prefix = options.prefix ?? 'NEMESIS_';
  for (const variable of Object.keys(env)) {
    // Kubernetes itself puts variables like NEMESIS_AUTOSCALER_PORT_8090_TCP into pods, after Services of that name.
    if (!variable.startsWith(prefix) || known.has(variable) || /_(SERVICE|PORT)(_|$)/.test(variable)) continue;
    problems.push(`${variable} is set, but there is no such setting; known are ${[...known].sort().join(', ')}.`);
  }
  if (problems.length > 0) throw new SettingsError(problems.join('\n'));
  return values as SettingValues<S>;
}

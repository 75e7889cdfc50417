import winston from 'winston';

/** What our code needs of a logger; winston's satisfies it. */
export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

const SECRET = /^(authorization|cookie|set-cookie|token|password|secret)$/i;

/**
 * Structured logs: one JSON object a line on stdout, with ECS-like names, ready for an ELK stack. Errors are
 * serialised with their causes, secrets are redacted.
 */
export function createLogger(options: { program: string; level: string; pod?: string }): winston.Logger {
  return winston.createLogger({
    level: options.level,
    defaultMeta: { program: options.program, ...(options.pod === undefined ? {} : { pod: options.pod }) },
    format: winston.format.combine(
      winston.format.timestamp(),
      winston.format((info) => {
        for (const [key, value] of Object.entries(info)) info[key] = clean(key, value, 0);
        return info;
      })(),
      winston.format.json(),
    ),
    // winston's types describe a transport as an interface with a constructor, which the rule cannot see through.
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment
    transports: [new winston.transports.Stream({ stream: process.stdout })],
  });
}

function clean(key: string, value: unknown, depth: number): unknown {
  if (SECRET.test(key)) return '[redacted]';
  if (value instanceof Error) {
    return {
      name: value.name,
      message: value.message,
      ...('code' in value ? { code: value.code } : {}),
      stack: value.stack,
      ...(value.cause === undefined || depth > 3 ? {} : { cause: clean('cause', value.cause, depth + 1) }),
    };
  }
  if (value !== null && typeof value === 'object' && depth < 4 && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, clean(name, each, depth + 1)]));
  }
  return value;
}

export { messageOf } from './message-of.ts';

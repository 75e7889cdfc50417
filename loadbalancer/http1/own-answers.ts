import type { Refusal } from '../domain/hold-queue.ts';

/** An answer that is our own: what it means, and with which status it is given. */
export interface ProblemDefinition {
  readonly status: number;
  readonly title: string;
  /** Sent when the cause names no time of its own. */
  readonly retryAfterSeconds?: number;
}

/** Every answer that the data plane gives in its own name, by its stable code. */
export const ownAnswers = {
  BadRequest: { status: 400, title: 'Malformed request' },
  NoRoute: { status: 404, title: 'No application has this address' },
  RequestTimeout: { status: 408, title: 'The request did not arrive in time' },
  HeadersTooLarge: { status: 431, title: 'Request head too large' },
  NotImplemented: { status: 501, title: 'Method not implemented' },
  BadGateway: { status: 502, title: 'The application broke the connection' },
  BufferFull: { status: 503, title: 'Too many requests are waiting', retryAfterSeconds: 5 },
  NotSynced: { status: 503, title: 'Routes are not known yet', retryAfterSeconds: 1 },
  ShuttingDown: { status: 503, title: 'This balancer is shutting down', retryAfterSeconds: 1 },
  StartTimeout: { status: 503, title: 'The application did not start in time', retryAfterSeconds: 10 },
  Unavailable: { status: 503, title: 'The application is not available' },
  GatewayTimeout: { status: 504, title: 'The application did not answer in time' },
  VersionNotSupported: { status: 505, title: 'HTTP version not supported' },
} as const satisfies Readonly<Record<string, ProblemDefinition>>;

/** Code of an answer of our own. */
export type OwnAnswerCode = keyof typeof ownAnswers;

const reasonPhrases: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  404: 'Not Found',
  408: 'Request Timeout',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
};

/** What a particular answer adds to its definition. */
export interface OwnAnswerContext {
  readonly requestId: string | undefined;
  readonly heldMs: number | undefined;
  readonly close: boolean;
  /** An answer to HEAD has the head only. */
  readonly withoutBody: boolean;
}

/** An answer of our own, ready to be sent. */
export interface OwnAnswer {
  readonly status: number;
  /** Head and body; plain ASCII or latin1-escaped, so that it goes out as one write. */
  readonly text: string;
}

const definitionOf = (code: string): ProblemDefinition =>
  Object.hasOwn(ownAnswers, code) ? ownAnswers[code as OwnAnswerCode] : ownAnswers.Unavailable;

/**
 * Writes a refusal as problem+json (RFC 9457). A code that is not in the table is one of the gate's own reasons and is
 * answered as `Unavailable` is, with its own code.
 */
export const renderOwnAnswer = (refusal: Refusal, context: OwnAnswerContext): OwnAnswer => {
  const definition = definitionOf(refusal.code);
  const { status, title } = definition;
  const retryAfter = refusal.retryAfterSeconds ?? definition.retryAfterSeconds;
  const instance = context.requestId === undefined ? {} : { instance: `urn:request:${context.requestId}` };
  const problem = {
    type: `https://nemesis.io/problems/${refusal.code}`,
    title,
    status,
    detail: refusal.detail,
    code: refusal.code,
    ...instance,
  };
  // Escaped to ASCII, so that characters and bytes are the same number.
  const body = JSON.stringify(problem).replaceAll(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  let head = `HTTP/1.1 ${status} ${reasonPhrases[status] ?? 'Error'}\r\ncontent-type: application/problem+json\r\n`;
  head += `content-length: ${body.length}\r\ncache-control: no-store\r\n`;
  if (retryAfter !== undefined) head += `retry-after: ${Math.max(1, Math.ceil(retryAfter))}\r\n`;
  if (context.requestId !== undefined) head += `x-request-id: ${context.requestId}\r\n`;
  if (context.heldMs !== undefined) head += coldStartHeader(context.heldMs);
  if (context.close) head += 'connection: close\r\n';
  return { status, text: context.withoutBody ? `${head}\r\n` : `${head}\r\n${body}` };
};

/** The header line that tells a client how long its request waited for a pod. */
export const coldStartHeader = (heldMs: number): string => `nemesis-cold-start: held;dur=${Math.round(heldMs)}\r\n`;

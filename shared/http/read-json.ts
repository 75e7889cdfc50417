import type { IncomingMessage } from 'node:http';
import { NemesisError } from '../errors/registry.ts';
import type { ErrorCode } from '../model/errors.ts';

/** What a body may be. */
export interface BodyLimits {
  /** A longer body is refused, and what comes of it is thrown away. */
  readonly maxBytes: number;
  /** A body that is not complete after this time is refused, so that no part of it is kept for longer. */
  readonly timeoutMs: number;
}

/**
 * Reads the JSON body of a request that does not go through Express.
 *
 * @throws NemesisError `ContentTooLarge` when it is too long; `UnsupportedMediaType` when it is compressed; `InvalidBody` when it
 * is too slow, ends early or is no JSON
 */
export async function readJson(request: IncomingMessage, limits: BodyLimits): Promise<unknown> {
  const { maxBytes } = limits;
  const { 'content-length': length, 'content-encoding': encoding = 'identity' } = request.headers;
  if (length !== undefined && Number(length) > maxBytes) throw tooLong(maxBytes);
  if (encoding !== 'identity') {
    const why = `it has the Content-Encoding ${encoding}, and only plain JSON is taken`;
    throw unreadable('UnsupportedMediaType', why);
  }
  const text = await readText(request, limits);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : 'it is no JSON');
  }
}

function readText(request: IncomingMessage, { maxBytes, timeoutMs }: BodyLimits): Promise<string> {
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = [];
    let bytes = 0;
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes <= maxBytes) chunks.push(chunk);
      else refuse(tooLong(maxBytes));
    };
    const refuse = (error: NemesisError): void => {
      clearTimeout(timer);
      request.off('data', onData);
      chunks = [];
      // What still comes is thrown away.
      request.resume();
      reject(error);
    };
    const timer = setTimeout(() => refuse(invalid(`it was not complete within ${timeoutMs / 1000} s`)), timeoutMs);
    request.on('data', onData);
    request.on('end', () => {
      clearTimeout(timer);
      const [only] = chunks;
      resolve((chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks)).toString());
    });
    const endedEarly = (): void => {
      // A body that came whole is lost with its connection, too, unless it has been read by then.
      if (!request.readableEnded) refuse(invalid('the connection ended before it was there'));
    };
    request.on('error', endedEarly);
    if (request.destroyed) endedEarly();
    else request.on('close', endedEarly);
  });
}

function tooLong(maxBytes: number): NemesisError {
  return unreadable('ContentTooLarge', `it is longer than ${maxBytes} bytes`);
}

function invalid(why: string): NemesisError {
  return unreadable('InvalidBody', why);
}

function unreadable(code: ErrorCode, why: string): NemesisError {
  return new NemesisError(code, `The body could not be read: ${why}.`);
}

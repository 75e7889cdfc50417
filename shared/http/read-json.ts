import type { IncomingMessage } from 'node:http';
import { NemesisError } from '../errors/registry.ts';

/**
 * Reads the JSON body of a request that does not go through Express.
 *
 * @param maxBytes - a longer body is refused, and what comes of it is thrown away
 * @throws NemesisError `InvalidBody` when it is too long, is compressed, ends early or is no JSON
 */
export async function readJson(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  const { 'content-length': length, 'content-encoding': encoding = 'identity' } = request.headers;
  if (length !== undefined && Number(length) > maxBytes) throw tooLong(maxBytes);
  if (encoding !== 'identity') throw invalid(`it has the Content-Encoding ${encoding}, and only plain JSON is taken`);
  const text = await readText(request, maxBytes);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : 'it is no JSON');
  }
}

function readText(request: IncomingMessage, maxBytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBytes) chunks.push(chunk);
      else reject(tooLong(maxBytes));
    });
    request.on('end', () => {
      const [only] = chunks;
      resolve((chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks)).toString());
    });
    const endedEarly = (): void => {
      if (!request.complete) reject(invalid('the connection ended before it was there'));
    };
    request.on('error', endedEarly);
    if (request.destroyed) endedEarly();
    else request.on('close', endedEarly);
  });
}

function tooLong(maxBytes: number): NemesisError {
  return invalid(`it is longer than ${maxBytes} bytes`);
}

function invalid(why: string): NemesisError {
  return new NemesisError('InvalidBody', `The body could not be read: ${why}.`);
}

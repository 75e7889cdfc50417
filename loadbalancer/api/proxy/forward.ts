import type { Response } from 'express';
import axios, { type AxiosResponse } from 'axios';
import { NemesisError } from '../../../shared/errors/registry.ts';
import { authorityOf } from '../../domain/pod-slot.ts';
import type { Destination } from './destination.ts';

/** Headers that concern one connection, and the token that was for us. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'host',
  'content-length',
  'authorization',
]);

/** A request that is passed on to the data plane. */
export interface ForwardedRequest extends Omit<Destination, 'application'> {
  readonly method: string;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
}

/** Where our own data plane listens. */
export interface DataPlaneAddress {
  /** IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** The headers of a request that concern what it asks for, with a single value each. */
export function endToEndHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string' && !HOP_BY_HOP.has(entry[0]),
    ),
  );
}

/**
 * Sends a request through the data plane, and its answer back as it comes.
 *
 * @throws NemesisError BadGateway
 */
export async function forward(
  response: Response,
  { host, port }: DataPlaneAddress,
  request: ForwardedRequest,
): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  let answer: AxiosResponse<NodeJS.ReadableStream>;
  try {
    answer = await axios.request<NodeJS.ReadableStream>({
      method: request.method,
      url: `http://${authorityOf({ address: host, port })}${request.path}`,
      headers: { ...withoutHopByHop(request.headers), host: request.host },
      ...(request.body === undefined ? {} : { data: request.body }),
      responseType: 'stream',
      decompress: false,
      maxRedirects: 0,
      proxy: false,
      signal: gone.signal,
      validateStatus: () => true,
      // The data plane has its own, per application.
      timeout: 0,
      maxBodyLength: Infinity,
    });
  } catch (error) {
    if (gone.signal.aborted) return;
    throw new NemesisError('BadGateway', 'The data plane of this balancer broke the connection; try again.', {
      cause: error,
    });
  }
  response.status(answer.status);
  for (const [name, value] of Object.entries(answer.headers)) {
    if (!HOP_BY_HOP.has(name) && value !== undefined && value !== null)
      response.setHeader(name, value as string | string[]);
  }
  answer.data.on('error', () => response.destroy());
  answer.data.pipe(response);
}

function withoutHopByHop(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name) || name === 'authorization'),
  );
}

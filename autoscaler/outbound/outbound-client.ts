import { lookup } from 'node:dns/promises';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { isIP } from 'node:net';
import axios, { isAxiosError } from 'axios';
import { messageOf } from '../../shared/runtime/logger.ts';
import { isAllowedAddress } from './address-policy.ts';

/** What goes out. */
export interface OutboundRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** All of it, from the name to the last byte, in ms. */
  readonly timeoutMs: number;
  /** An answer that is longer is refused. */
  readonly maxBytes: number;
  /** Certificates that sign the server's, as PEM. */
  readonly ca?: string | undefined;
}

/** What came back, whatever its status. */
export interface OutboundAnswer {
  readonly status: number;
  readonly body: string;
}

/** Why nothing came back, as the end of a sentence. */
export class OutboundError extends Error {
  override readonly name = 'OutboundError';
}

const CONNECTIONS_PER_HOST = 8;
const IDLE_CONNECTIONS_PER_HOST = 2;

/**
 * The one way out of the controller to anything but the API server: names are resolved once and the address is checked and
 * kept, redirects are not followed, no proxy of the environment is used, and size and time are bounded. So nobody who may only
 * write a name borrows what the controller can reach.
 */
export class OutboundClient {
  readonly #agents = {
    httpAgent: new HttpAgent(AGENT_OPTIONS),
    httpsAgent: new HttpsAgent(AGENT_OPTIONS),
  };
  /** Certificates belong to a connection, so each authority has its agent; as many as there are systems with one. */
  readonly #ofAuthority = new Map<string, HttpsAgent>();

  /** Sends a request. @throws OutboundError */
  async request({ method, url, headers, body, timeoutMs, maxBytes, ca }: OutboundRequest): Promise<OutboundAnswer> {
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      checkLiteral(url);
      const answer = await axios.request<string>({
        ...{ method, url, signal, timeout: timeoutMs },
        ...(headers === undefined ? {} : { headers }),
        ...(body === undefined ? {} : { data: body }),
        ...this.#agents,
        ...(ca === undefined ? {} : { httpsAgent: this.#agentOf(ca) }),
        proxy: false,
        maxRedirects: 0,
        maxContentLength: maxBytes,
        maxBodyLength: maxBytes,
        responseType: 'text',
        transformResponse: (text: unknown) => text,
        validateStatus: () => true,
        lookup: resolveAllowed,
      });
      return { status: answer.status, body: answer.data };
    } catch (error) {
      throw new OutboundError(sentenceOf(error, timeoutMs, maxBytes), { cause: error });
    }
  }

  /** Ends all connections. */
  close(): void {
    for (const agent of [...Object.values(this.#agents), ...this.#ofAuthority.values()]) agent.destroy();
  }

  #agentOf(ca: string): HttpsAgent {
    let agent = this.#ofAuthority.get(ca);
    if (agent !== undefined) return agent;
    const [oldest] = this.#ofAuthority;
    if (this.#ofAuthority.size >= MAX_AUTHORITIES && oldest !== undefined) {
      oldest[1].destroy();
      this.#ofAuthority.delete(oldest[0]);
    }
    agent = new HttpsAgent({ ...AGENT_OPTIONS, ca });
    this.#ofAuthority.set(ca, agent);
    return agent;
  }
}

const MAX_AUTHORITIES = 64;
const AGENT_OPTIONS = {
  keepAlive: true,
  maxSockets: CONNECTIONS_PER_HOST,
  maxFreeSockets: IDLE_CONNECTIONS_PER_HOST,
} as const;

/** The address of a name, if all that it has may be talked to: who checks one and connects to another has checked nothing. */
async function resolveAllowed(hostname: string): Promise<[string, 4 | 6]> {
  const addresses = await lookup(hostname, { all: true });
  for (const { address } of addresses) checkAddress(hostname, address);
  const [first] = addresses;
  if (first === undefined) throw new OutboundError(`${hostname} has no address`);
  return [first.address, first.family === 6 ? 6 : 4];
}

/** An address that stands in the URL itself is not looked up, so it is checked apart. */
function checkLiteral(url: string): void {
  const { hostname } = new URL(url);
  const literal = hostname.replace(/^\[|\]$/g, '');
  if (isIP(literal) !== 0) checkAddress(hostname, literal);
}

function checkAddress(hostname: string, address: string): void {
  if (isAllowedAddress(address)) return;
  throw new OutboundError(`${hostname} is at ${address}, an address that is never talked to`);
}

function sentenceOf(error: unknown, timeoutMs: number, maxBytes: number): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof OutboundError) return cause.message;
  }
  if (!isAxiosError(error)) return messageOf(error);
  switch (error.code) {
    case 'ERR_CANCELED':
    case 'ECONNABORTED':
    case 'ETIMEDOUT':
      return `no answer came within ${timeoutMs / 1000} s`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'its name cannot be resolved';
    case 'ECONNREFUSED':
      return 'the connection was refused';
    case 'ERR_BAD_RESPONSE':
      return `its answer is longer than ${maxBytes} bytes, or broke off`;
    default:
      return error.message;
  }
}

import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';

/** How often both files are read again: the kubelet renews them in place. */
const READ_AGAIN_MS = 1_000;

/** Where a program finds what it shows to the controller, and what it trusts. */
export interface CredentialFiles {
  /** The pod's projected service-account token; empty: none is shown. */
  readonly tokenFile: string;
  /** PEM certificates that the controller's must lead to; empty: those that Node.js trusts. */
  readonly caFile: string;
}

/** What a program of ours uses on its way to the controller: its pod's token, and connections that trust our CA. */
export class ProgramCredentials {
  readonly #token: FreshFile;
  readonly #ca: FreshFile;
  /** Connections to the controller at the same time. */
  readonly maxSockets: number;
  #agent: { readonly ca: string; readonly agent: Agent } | undefined;

  constructor(files: CredentialFiles, options: { maxSockets: number }) {
    this.#token = new FreshFile(files.tokenFile);
    this.#ca = new FreshFile(files.caFile);
    this.maxSockets = options.maxSockets;
  }

  /** Value of the authorization header; undefined while there is no token. */
  authorization(): string | undefined {
    const token = this.#token.text().trim();
    return token === '' ? undefined : `Bearer ${token}`;
  }

  /** The agent for https; another one when the certificates changed. */
  httpsAgent(): Agent {
    const ca = this.#ca.text();
    if (this.#agent?.ca === ca) return this.#agent.agent;
    // Answers under way end on the old connections; idle ones close by themselves.
    const agent = new Agent({ keepAlive: true, maxSockets: this.maxSockets, ...(ca === '' ? {} : { ca }) });
    this.#agent = { ca, agent };
    return agent;
  }
}

/** A small file that somebody else renews. One that is not there yet is empty; one that is gone keeps its last text. */
class FreshFile {
  readonly #path: string;
  #text = '';
  #readMs = Number.NEGATIVE_INFINITY;

  constructor(path: string) {
    this.#path = path;
  }

  text(): string {
    const monotonicMs = performance.now();
    if (this.#path === '' || monotonicMs - this.#readMs < READ_AGAIN_MS) return this.#text;
    try {
      this.#text = readFileSync(this.#path, 'utf8');
      if (this.#text !== '') this.#readMs = monotonicMs;
    } catch {
      // Asked again the next time.
    }
    return this.#text;
  }
}

import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, type Logger } from '../../shared/runtime/logger.ts';
import type { Certificates } from './certificates.ts';
import { certificatesIn, type KeyedCertificate } from './x509.ts';

const LOOK_EVERY_MS = 30_000;

interface Files extends KeyedCertificate {
  readonly ca: string;
}

/** Certificates that somebody else puts into a folder and renews there, in the layout of cert-manager's Secrets. */
export class FileCertificates implements Certificates {
  readonly #directory: string;
  readonly #logger: Logger;
  readonly #handlers: (() => void)[] = [];
  #files: Files | undefined;
  #timer: NodeJS.Timeout | undefined;
  #complaint = '';

  /** @param directory - has tls.crt, tls.key and ca.crt */
  constructor(directory: string, deps: { logger: Logger }) {
    this.#directory = directory;
    this.#logger = deps.logger;
  }

  current(): KeyedCertificate {
    if (this.#files === undefined) throw new Error('The certificates have not been started.');
    return { cert: this.#files.cert, key: this.#files.key };
  }

  get ca(): string {
    return this.#files?.ca ?? '';
  }

  onChange(handler: () => void): void {
    this.#handlers.push(handler);
  }

  async start(): Promise<void> {
    this.#files = await this.#read();
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Reads the files again; what cannot be used leaves the old ones in force. */
  async look(): Promise<void> {
    try {
      const files = await this.#read();
      this.#complaint = '';
      const before = this.#files;
      if (files.cert === before?.cert && files.key === before.key && files.ca === before.ca) return;
      this.#files = files;
      this.#logger.info('certificates were read from their files', { directory: this.#directory });
      for (const handler of this.#handlers) handler();
    } catch (error) {
      const reason = messageOf(error);
      if (reason !== this.#complaint) {
        this.#logger.error('the certificates could not be read again; the old ones stay in force', { reason });
      }
      this.#complaint = reason;
    }
  }

  /** @throws Error in a sentence that names the file */
  async #read(): Promise<Files> {
    const cert = await this.#readFile('tls.crt');
    const key = await this.#readFile('tls.key');
    const ca = await this.#readFile('ca.crt');
    const [certificate] = certificatesIn(cert);
    if (certificate === undefined) throw new Error(`${join(this.#directory, 'tls.crt')} has no certificate in PEM.`);
    if (certificatesIn(ca).length === 0)
      throw new Error(`${join(this.#directory, 'ca.crt')} has no certificate in PEM.`);
    if (!belongs(key, (each) => certificate.checkPrivateKey(each))) {
      throw new Error(`${join(this.#directory, 'tls.key')} is not the private key of tls.crt beside it.`);
    }
    return { cert, key, ca };
  }

  async #readFile(name: string): Promise<string> {
    const path = join(this.#directory, name);
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      throw new Error(`${path} cannot be read: ${messageOf(error)}.`, { cause: error });
    }
  }
}

function belongs(key: string, check: (key: ReturnType<typeof createPrivateKey>) => boolean): boolean {
  try {
    return check(createPrivateKey(key));
  } catch {
    return false;
  }
}

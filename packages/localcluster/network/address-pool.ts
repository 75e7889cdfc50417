import { createServer, type Server } from 'node:net';

const lockPort = 47_101;

function tryLock(address: string): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(undefined));
    server.listen(lockPort, address, () => resolve(server));
  });
}

/**
 * Loopback addresses for pods and services: 127.B.0.0/16, where no other cluster on this machine holds B. Holding is
 * a listening socket, so it ends with the process however that ends. An address is given again only after all others.
 */
export class AddressPool {
  readonly #lock: Server;
  readonly #octet: number;
  readonly #used = new Set<string>();
  readonly #next = { pod: 0, service: 0 };

  private constructor(lock: Server, octet: number) {
    this.#lock = lock;
    this.#octet = octet;
  }

  /** Claims a range. `range` fixes it, as `127.100.0.0/16`. @throws Error where all are taken */
  static async claim(range?: string): Promise<AddressPool> {
    const fixed = range === undefined ? undefined : /^127\.(\d+)\.0\.0\/16$/.exec(range)?.[1];
    if (range !== undefined && fixed === undefined)
      throw new Error(`addressRange ${range} is not of the form 127.B.0.0/16`);
    const candidates = fixed === undefined ? Array.from({ length: 150 }, (_, index) => 100 + index) : [Number(fixed)];
    for (const octet of candidates) {
      const lock = await tryLock(`127.${octet}.255.254`);
      if (lock) return new AddressPool(lock, octet);
    }
    throw new Error(`no loopback range is free for this cluster${range === undefined ? '' : `: ${range} is taken`}`);
  }

  /** A free address for a pod (…0.1 to …199.254) or a service (…200.1 to …254.254). */
  take(kind: 'pod' | 'service'): string {
    const [first, count] = kind === 'pod' ? [0, 200] : [200, 55];
    for (let tries = 0; tries < count * 254; tries += 1) {
      const index = this.#next[kind] % (count * 254);
      this.#next[kind] += 1;
      const address = `127.${this.#octet}.${first + Math.floor(index / 254)}.${(index % 254) + 1}`;
      if (this.#used.has(address)) continue;
      this.#used.add(address);
      return address;
    }
    throw new Error(`no free ${kind} address`);
  }

  /** Gives an address back. */
  release(address: string): void {
    this.#used.delete(address);
  }

  /** Marks an address that somebody chose as taken; false where it is not free or not of this range. */
  reserve(address: string): boolean {
    if (this.#used.has(address) || !address.startsWith(`127.${this.#octet}.`)) return false;
    this.#used.add(address);
    return true;
  }

  /** Gives the range back. */
  close(): void {
    this.#lock.close();
  }
}

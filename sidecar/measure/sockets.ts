import { readFileSync } from 'node:fs';

const ESTABLISHED = '01';
const CLOSE_WAIT = '08';
const LISTEN = '0A';

/** A TCP socket of this network namespace; addresses as the kernel shows them, in hexadecimal. */
export interface TcpSocket {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly state: string;
}

/**
 * Parses `/proc/net/tcp` and `/proc/net/tcp6`.
 *
 * @see proc_net_tcp in the kernel's documentation: columns sl, local_address, rem_address, st
 */
export function parseTcp(table: string): TcpSocket[] {
  const sockets: TcpSocket[] = [];
  for (const line of table.split('\n')) {
    const match = /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) ([0-9A-F]+):[0-9A-F]{4} ([0-9A-F]{2}) /.exec(line);
    if (match === null) continue;
    const [, localAddress = '', port = '', remoteAddress = '', state = ''] = match;
    sockets.push({ localAddress, localPort: Number.parseInt(port, 16), remoteAddress, state });
  }
  return sockets;
}

/**
 * The address as text: IPv4 (also mapped into IPv6) in dots, IPv6 in its canonical form. The kernel shows addresses in
 * words of the machine's byte order, which is little-endian wherever Node.js has binaries.
 */
export function addressOf(hex: string): string {
  const mapped = hex.length === 32 && hex.startsWith('0000000000000000FFFF0000');
  const words = (mapped ? hex.slice(24) : hex).match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => [6, 4, 2, 0].map((at) => Number.parseInt(word.slice(at, at + 2), 16)));
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((bytes[2 * index] ?? 0) * 256 + (bytes[2 * index + 1] ?? 0)).toString(16),
  );
  return canonical(groups.join(':'));
}

/** An address in the one form that equal addresses share; only IPv6 has several. */
function canonical(address: string): string {
  return address.includes(':') ? (URL.parse(`http://[${address}]`)?.hostname.slice(1, -1) ?? address) : address;
}

/**
 * Looks at the sockets of the pod's network namespace. One look makes the kernel walk its whole table, some milliseconds
 * on a large machine, so it is not for every second.
 */
export class Sockets {
  readonly #root: string;
  readonly #podIp: string;

  constructor(root: string, podIp: string) {
    this.#root = root;
    this.#podIp = canonical(podIp);
  }

  /** Connections from elsewhere to this port, by remote address. */
  connections(port: number): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { localAddress, localPort, remoteAddress, state } of this.#read()) {
      if (localPort !== port || (state !== ESTABLISHED && state !== CLOSE_WAIT)) continue;
      const remote = addressOf(remoteAddress);
      if (addressOf(localAddress) !== this.#podIp || remote === this.#podIp) continue;
      counts.set(remote, (counts.get(remote) ?? 0) + 1);
    }
    return counts;
  }

  /** Whether something listens on this port of the pod. */
  isListening(port: number): boolean {
    return this.#read().some(({ localAddress, localPort, state }) => {
      if (localPort !== port || state !== LISTEN) return false;
      const address = addressOf(localAddress);
      return address === this.#podIp || address === '0.0.0.0' || address === '::';
    });
  }

  #read(): TcpSocket[] {
    return ['tcp', 'tcp6'].flatMap((name) => {
      try {
        return parseTcp(readFileSync(`${this.#root}/net/${name}`, 'latin1'));
      } catch {
        return [];
      }
    });
  }
}

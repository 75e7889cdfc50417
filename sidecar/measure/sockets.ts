import { readFileSync } from 'node:fs';

const ESTABLISHED = '01';
const CLOSE_WAIT = '08';

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

/** The address in dots, of IPv4 or of IPv4 mapped into IPv6; other IPv6 addresses as they are shown. */
export function dotted(hex: string): string {
  const short = hex.length === 32 && hex.startsWith('0000000000000000FFFF0000') ? hex.slice(24) : hex;
  if (short.length !== 8) return hex;
  return [6, 4, 2, 0].map((at) => Number.parseInt(short.slice(at, at + 2), 16)).join('.');
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
    this.#podIp = podIp;
  }

  /** Connections from elsewhere to this port, by remote address. */
  connections(port: number): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { localAddress, localPort, remoteAddress, state } of this.#read()) {
      if (localPort !== port || (state !== ESTABLISHED && state !== CLOSE_WAIT)) continue;
      const remote = dotted(remoteAddress);
      if (dotted(localAddress) !== this.#podIp || remote === this.#podIp) continue;
      counts.set(remote, (counts.get(remote) ?? 0) + 1);
    }
    return counts;
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

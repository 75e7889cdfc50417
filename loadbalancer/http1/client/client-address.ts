import type { Socket } from 'node:net';

/** The address of a client; IPv4 as such, also on a socket for both versions. */
export function clientAddress(socket: Socket): string {
  const address = socket.remoteAddress ?? '';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

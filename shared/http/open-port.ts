import type { Server } from 'node:http';
import { atMostEachSecond } from './accept-errors.ts';

/** Where a server listens. */
export interface PortAddress {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

/**
 * Opens the port of a server, and resolves once it is open.
 *
 * @param onError - is told at most once a second of connections that cannot be accepted later, for instance because of too many
 *   open files, and how many others were left out; the port stays open
 * @throws Error with the address in its message when the port cannot be opened
 */
export async function openPort(
  server: Server,
  { host, port }: PortAddress,
  onError: (error: Error, omitted: number) => void,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const refuse = (error: Error): void => {
      reject(new Error(`cannot listen on ${host}:${port}: ${error.message}`));
    };
    server.once('error', refuse);
    server.listen(port, host, () => {
      server.off('error', refuse);
      // Without a listener the next one would end the process.
      server.on('error', atMostEachSecond(onError));
      resolve();
    });
  });
}

/** The port that a server has open; undefined when it has none. */
export function portOf(server: Server): number | undefined {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : undefined;
}

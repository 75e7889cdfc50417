import { createServer } from 'node:net';

/** Ports of 127.0.0.1 that the demo would like to open, and what for. */
export const DEMO_PORTS = {
  8080: 'the data plane',
  8081: "the balancer's API",
  8090: "the autoscaler's API",
  8091: 'programs',
};

/** How far a port is free: `taken` on 127.0.0.1 only, or `everywhere` by a program that listens on all addresses. */
export type PortState = 'free' | 'taken' | 'everywhere';

/** Tries a port. */
export async function portState(port: number): Promise<PortState> {
  if (await canListen('127.0.0.1', port)) return 'free';
  return (await canListen('127.213.98.7', port)) ? 'taken' : 'everywhere';
}

function canListen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}

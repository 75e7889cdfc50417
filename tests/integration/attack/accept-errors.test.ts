import { mock } from 'node:test';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { close, listen } from '../../../shared/http/listen.ts';
import { openapiDocument } from '../../../sidecar/openapi.ts';
import { startServer } from '../../../sidecar/server.ts';
import { silentLogger } from '../../support/silent-logger.ts';

const LOOPBACK = { host: '127.0.0.1', port: 0 };

/** What Node emits when a connection cannot be accepted, for instance because the process has too many open files. */
const acceptError = (): Error => new Error('accept EMFILE');

describe('Attack: connections that cannot be accepted', () => {
  let server: Server;
  const warnings: string[] = [];
  beforeEach(() => {
    warnings.length = 0;
  });
  afterEach(async () => {
    mock.timers.reset();
    await close(server, 0);
  });

  async function fails(): Promise<void> {
    const { port } = server.address() as AddressInfo;
    mock.timers.enable({ apis: ['setTimeout'] });
    for (let count = 1; count <= 1_000; count += 1) server.emit('error', acceptError());
    const first = `port ${port}: accept EMFILE, 0 omitted`;
    expect(warnings).to.deep.equal([first]);
    mock.timers.tick(1_000);
    expect(warnings).to.deep.equal([first, `port ${port}: accept EMFILE, 998 omitted`]);
    mock.timers.tick(1_000);
    server.emit('error', acceptError());
    expect(warnings.slice(2)).to.deep.equal([first]);
    mock.timers.reset();
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).to.equal(200);
  }

  it('are in the log of a management port once a second, and it goes on', async () => {
    const warn = (_message: string, { port, reason, omitted }: Record<string, unknown> = {}): void => {
      warnings.push(`port ${String(port)}: ${String(reason)}, ${String(omitted)} omitted`);
    };
    server = await listen((_request, response) => response.end(), LOOPBACK, { logger: { ...silentLogger, warn } });
    await fails();
  });

  it("are in the log of the sidecar's port once a second, and it goes on", async () => {
    server = await startServer(LOOPBACK, {
      ...{ sockets: { connections: () => new Map() }, appPort: 8080, drainTimes: { minMs: 0, maxMs: 0 } },
      ...{ drainToken: '', podIp: '127.0.0.1', latest: () => ({}), backlog: () => 0, openapi: openapiDocument },
      log: (level, _message, { port, reason, omitted } = {}) => {
        if (level === 'warn') warnings.push(`port ${String(port)}: ${String(reason)}, ${String(omitted)} omitted`);
      },
      stopping: new AbortController().signal,
    });
    await fails();
  });

  it('do not end a process that gave no logger; an address that is taken is named in the error', async () => {
    server = await listen((_request, response) => response.end(), LOOPBACK);
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    server.emit('error', acceptError());
    server.emit('error', acceptError());
    expect((await warned).message).to.equal('accept EMFILE');
    const { port } = server.address() as AddressInfo;
    const taken = await listen(() => undefined, { host: '127.0.0.1', port }).catch(String);
    expect(taken).to.match(new RegExp(`cannot listen on 127.0.0.1:${port}: .*EADDRINUSE`));
  });
});

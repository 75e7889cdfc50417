import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import express from 'express';
import { expect } from 'chai';
import { Registry } from 'prom-client';
import { countedBody, MAX_BODY_BYTES } from '../../../loadbalancer/api/proxy/counted-body.ts';
import { proxyRoutes } from '../../../loadbalancer/api/proxy/routes.ts';
import { HoldBudget } from '../../../loadbalancer/domain/hold-queue.ts';
import { RequestLog } from '../../../loadbalancer/request-log/request-log.ts';
import { NemesisError } from '../../../shared/errors/registry.ts';
import { openAccess } from '../../../shared/http/access.ts';
import { AuditLog } from '../../../shared/http/audit-log.ts';
import { createManagementApp } from '../../../shared/http/management-app.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { close, listen } from '../../../shared/http/listen.ts';
import { directoryOf, watchOf } from '../../support/directory.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { eventually } from '../loadbalancer/support.ts';

const mebibyte = 2 ** 20;

describe('Large bodies on the management port', () => {
  const budget = new HoldBudget(256 * mebibyte);
  let server: Server;
  let release: (() => void)[];
  beforeEach(async () => {
    release = [];
    const app = express();
    app.post('/', countedBody(budget, 4, express.json({ limit: MAX_BODY_BYTES })), (_request, response) => {
      release.push(() => response.end());
    });
    const mapErrors: express.ErrorRequestHandler = (error, _request, response, next) => {
      if (error instanceof NemesisError) response.status(503).json({ code: error.code });
      else next(error);
    };
    app.use(mapErrors);
    server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });
  const send = async (body: Buffer, headers: Record<string, string> = {}): Promise<number> => {
    const { port } = server.address() as AddressInfo;
    const outgoing = request({
      port,
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'application/json', ...headers },
    });
    outgoing.on('error', () => undefined);
    outgoing.end(body);
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    answer.resume();
    return answer.statusCode ?? 0;
  };

  it('count towards the budget of the held requests: of 30 with 15 MB most are told to come later', async () => {
    const body = Buffer.from(JSON.stringify({ data: 'x'.repeat(15 * mebibyte) }));
    const answers = Array.from({ length: 30 }, () => send(body, { 'content-length': String(body.length) }));
    const refused: number[] = [];
    for (const answer of answers) void answer.then((status) => refused.push(status));
    await eventually(() => refused.length === 26 && release.length === 4);
    expect(refused).to.deep.equal(Array(26).fill(503));
    expect(budget.usedBytes).to.be.within(240 * mebibyte, 256 * mebibyte);
    for (const end of release) end();
    await Promise.all(answers);
    await eventually(() => budget.usedBytes === 0);
  });

  it('count as the largest that is taken when their length is not told', async () => {
    const answer = send(Buffer.from('{}'), { 'transfer-encoding': 'chunked' });
    await eventually(() => release.length === 1);
    expect(budget.usedBytes).to.equal(4 * MAX_BODY_BYTES);
    release[0]?.();
    expect(await answer).to.equal(200);
    await eventually(() => budget.usedBytes === 0);
  });

  it('leave half of the budget to the requests of clients, however many are announced and never sent', async () => {
    const whole = new HoldBudget(256 * mebibyte);
    const registry = new Registry();
    const deps = {
      logger: silentLogger,
      registry,
      notReadyReason: () => undefined,
      access: openAccess({ everywhere: '', systemNamespace: 'nemesis-system' }),
      audit: new AuditLog({ logger: silentLogger, clock: systemClock, registry }),
    };
    const management = await listen(
      createManagementApp(
        deps,
        proxyRoutes({
          directory: directoryOf(watchOf()),
          budget: whole,
          requestLog: new RequestLog([]),
          dataPlane: () => ({ host: '127.0.0.1', port: 1 }),
        }),
      ),
      { host: '127.0.0.1', port: 0 },
    );
    const silent: Socket[] = [];
    let refused = 0;
    const { port } = management.address() as AddressInfo;
    for (const path of ['/proxy/request', '/target-app/api/x?target=n/a']) {
      for (let number = 0; number < 5; number += 1) {
        const socket = connect(port, '127.0.0.1');
        socket.on('error', () => undefined).once('data', () => (refused += 1));
        socket.write(
          `POST ${path} HTTP/1.1\r\nHost: any\r\nContent-Type: application/json\r\nContent-Length: ${MAX_BODY_BYTES}\r\n\r\n`,
        );
        silent.push(socket);
      }
    }
    await eventually(() => refused >= 6);
    expect(whole.usedBytes).to.be.within(64 * mebibyte, 128 * mebibyte);
    for (const socket of silent) socket.destroy();
    await eventually(() => whole.usedBytes === 0);
    await close(management);
  });
});

import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { expect } from 'chai';
import { countedBody, MAX_BODY_BYTES } from '../../../loadbalancer/api/counted-body.ts';
import { HoldBudget } from '../../../loadbalancer/domain/hold-queue.ts';
import { NemesisError } from '../../../shared/errors/registry.ts';
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
});

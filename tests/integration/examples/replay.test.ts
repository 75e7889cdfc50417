import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { parseTrace, planReplay } from '../../../examples/replay/plan.ts';
import { sendPlan } from '../../../examples/replay/replay.ts';

describe('a replay over real sockets', () => {
  let server: Server;
  let url: string;
  const paths: string[] = [];
  let underWay = 0;
  let most = 0;

  before(async () => {
    server = createServer((request, response) => {
      paths.push(request.url ?? '');
      most = Math.max(most, ++underWay);
      setTimeout(() => {
        underWay -= 1;
        if (request.url === '/lab/rare') response.setHeader('nemesis-cold-start', 'held;dur=1234');
        response.writeHead(request.url === '/acme/broken' ? 503 : 200).end('ok');
      }, 5);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  after(async () => {
    await new Promise((resolve) => server.close(resolve));
  });

  it('Given a plan, When it is sent, Then each request reaches its application and is reported', async () => {
    const trace = parseTrace('owner,app,1_minute\nacme,chat,20\nlab,rare,1\nacme,broken,2\n');
    const plan = planReplay(trace, { speedUp: 600 });
    const outcomes = await sendPlan(plan, { target: `${url}/{owner}/{app}`, concurrency: 2 });
    expect(outcomes).to.have.length(23);
    expect(paths.filter((path) => path === '/acme/chat')).to.have.length(20);
    expect(outcomes.filter(({ status }) => status === 503)).to.have.length(2);
    expect(outcomes.filter(({ heldMs }) => heldMs === 1234).map(({ application }) => application)).to.deep.equal([
      'lab-rare',
    ]);
    expect(most).to.be.at.most(2);
  });

  it('Given nobody who listens, When a plan is sent, Then the failure is an outcome', async () => {
    const plan = [{ atMs: 0, application: 'a', ids: {} }];
    const [outcome] = await sendPlan(plan, { target: 'http://127.0.0.1:1/' });
    expect(outcome?.status).to.equal(0);
  });
});

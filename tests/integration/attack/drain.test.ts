import { once } from 'node:events';
import { request, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { expect } from 'chai';
import { Registry } from 'prom-client';
import { Injector } from '../../../autoscaler/admission/injector.ts';
import { admissionReviewSchema } from '../../../autoscaler/admission/review.ts';
import { close } from '../../../shared/http/server-close.ts';
import { openapiDocument } from '../../../sidecar/openapi.ts';
import { startServer } from '../../../sidecar/server.ts';
import { silentLogger } from '../../support/silent-logger.ts';

const POD_IP = '127.77.11.1';
const ELSEWHERE = '127.77.11.2';
const TOKEN = 'a-word-that-nobody-guesses';

describe("A sidecar's /drain, asked by whoever reaches the pod", () => {
  let server: Server;
  /** How often the kernel's table of sockets was read. */
  let looks = 0;
  let connected = 1;

  async function open(drainToken: string): Promise<void> {
    looks = 0;
    connected = 1;
    const sockets = {
      connections: () => {
        looks += 1;
        return new Map([['10.0.0.9', connected]]);
      },
    };
    server = await startServer(
      { host: POD_IP, port: 0 },
      {
        ...{ sockets, appPort: 8080, drainTimes: { minMs: 0, maxMs: 10_000 }, drainToken, podIp: POD_IP },
        ...{ latest: () => ({}), backlog: () => 0, openapi: openapiDocument, log: () => undefined },
        stopping: new AbortController().signal,
      },
    );
  }
  afterEach(() => close(server, 0));

  async function ask(token: string | undefined, localAddress = ELSEWHERE): Promise<number> {
    const headers = token === undefined ? {} : { 'nemesis-drain-token': token };
    const { port } = server.address() as AddressInfo;
    const outgoing = request({ host: POD_IP, port, path: '/drain', headers, localAddress, agent: false });
    outgoing.end();
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    answer.resume();
    return answer.statusCode ?? 0;
  }

  it('is refused without the word of the hooks, or with another one, and costs no look at the sockets', async () => {
    await open(TOKEN);
    expect(await ask(undefined)).to.equal(403);
    expect(await ask('a-word-that-somebody-guesse')).to.equal(403);
    expect(await ask('')).to.equal(403);
    expect(looks).to.equal(0);
  });

  it('answers the hooks of all containers at the end of one shared wait', async () => {
    await open(TOKEN);
    const asked = Array.from({ length: 30 }, () => ask(TOKEN));
    while (looks < 3) await new Promise((resolve) => setTimeout(resolve, 10));
    // Each on its own would have looked as often as there are.
    expect(looks).to.equal(3);
    connected = 0;
    expect(await Promise.all(asked)).to.deep.equal(Array(30).fill(200));
    expect(looks).to.be.at.most(5);
  });

  it('lets so many wait and no more', async () => {
    await open(TOKEN);
    const asked = Array.from({ length: 50 }, () => ask(TOKEN));
    while (looks < 4) await new Promise((resolve) => setTimeout(resolve, 10));
    connected = 0;
    const statuses = await Promise.all(asked);
    expect(statuses.filter((status) => status === 200)).to.have.length(32);
    expect(statuses.filter((status) => status === 429)).to.have.length(18);
  });

  it('answers the hooks however many connections somebody else has open, and keeps few of those', async () => {
    await open(TOKEN);
    const { port } = server.address() as AddressInfo;
    let openNow = 0;
    const idle = Array.from({ length: 200 }, () => connect({ host: POD_IP, port, localAddress: ELSEWHERE }));
    for (const socket of idle) {
      socket.on('error', () => undefined).on('connect', () => (openNow += 1));
      socket.on('close', () => (openNow -= 1)).resume();
    }
    await Promise.all(idle.map((socket) => once(socket, 'connect')));
    const asked = ask(TOKEN);
    while (looks < 1) await new Promise((resolve) => setTimeout(resolve, 10));
    while (openNow > 64) await new Promise((resolve) => setTimeout(resolve, 10));
    connected = 0;
    expect(await asked).to.equal(200);
    for (const socket of idle) socket.destroy();
  });

  it("answers a hook of the pod's own, which asks from within the pod", async () => {
    await open(TOKEN);
    connected = 0;
    expect(await ask(undefined, POD_IP)).to.equal(200);
  });

  it('answers everybody where no word was given, still at the price of one wait', async () => {
    await open('');
    const asked = Array.from({ length: 20 }, () => ask(undefined));
    while (looks < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    connected = 0;
    expect(await Promise.all(asked)).to.deep.equal(Array(20).fill(200));
    expect(looks).to.be.at.most(4);
  });

  it('gets a word of its own for each pod that the webhook injects, and only its hooks have it', () => {
    const injector = new Injector({
      ...{ image: 'x', controllerUrl: 'https://c', version: '1', systemNamespace: 'nemesis-system' },
      ...{ ca: () => 'ca', native: () => true, applicationOf: () => undefined },
      ...{ registry: new Registry(), logger: silentLogger },
    });
    const words = [1, 2].map((number) => {
      const object = {
        metadata: { name: `pod-${number}`, labels: { 'nemesis.io/inject': 'true' } },
        spec: { containers: [{ name: 'app', image: 'app', ports: [{ containerPort: 8080 }] }] },
      };
      const review = admissionReviewSchema.parse({
        apiVersion: 'admission.k8s.io/v1',
        kind: 'AdmissionReview',
        request: { uid: 'u', namespace: 'models', operation: 'CREATE', object },
      });
      const { response } = injector.answer(review) as { response: { patch: string } };
      const patch = Buffer.from(response.patch, 'base64').toString();
      const [, word = ''] = /"name":"NEMESIS_DRAIN_TOKEN","value":"([A-Za-z0-9_-]+)"/.exec(patch) ?? [];
      expect(patch).to.include(`{"name":"nemesis-drain-token","value":"${word}"}`);
      return word;
    });
    expect(words[0]).to.have.length(22);
    expect(words[0]).to.not.equal(words[1]);
  });
});

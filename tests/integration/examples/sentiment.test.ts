import { connect } from 'node:net';
import { expect } from 'chai';
import { readServerSettings } from '../../../examples/sentiment/settings.ts';
import { ModelServer } from '../../../examples/sentiment/server.ts';

const settings = (env: Record<string, string>) => ({
  ...readServerSettings({ POD_IP: '127.0.0.1', POD_NAME: 'pod-1', ...env }),
  port: 0,
});

describe('the sentiment model server', () => {
  it('Given a loaded model, When texts come, Then it judges them', async () => {
    const server = new ModelServer(settings({}));
    await server.start();
    const url = `http://127.0.0.1:${server.port}/`;
    try {
      const ask = async (text: string) => {
        const response = await fetch(url, { method: 'POST', body: JSON.stringify({ text }) });
        return (await response.json()) as { sentiment: string; pod: string; loadSeconds: number };
      };
      expect(await ask('I love it, it is wonderful!')).to.deep.include({ sentiment: 'positive', pod: 'pod-1' });
      expect(await ask('I hate it, it is terrible.')).to.deep.include({ sentiment: 'negative' });
      expect((await fetch(url)).status).to.equal(200);
      expect((await fetch(`${url}readyz`)).status).to.equal(200);
      expect((await fetch(url, { method: 'POST', body: 'no JSON' })).status).to.equal(400);
      expect((await fetch(`${url}?workMs=-1`, { method: 'POST', body: '{"text":""}' })).status).to.equal(400);
      expect((await fetch(`${url}missing`)).status).to.equal(404);
      expect((await fetch(url, { method: 'DELETE' })).status).to.equal(405);
    } finally {
      await server.stop();
    }
  });

  it('Given work for each request, When one is asked, Then the process is busy for so long', async () => {
    const server = new ModelServer(settings({ MODEL_WORK_MS: '120', MODEL_MEMORY_MIB: '8' }));
    await server.start();
    try {
      const before = process.cpuUsage();
      await fetch(`http://127.0.0.1:${server.port}/`, { method: 'POST', body: '{"text":"fine"}' });
      expect(process.cpuUsage(before).user + process.cpuUsage(before).system).to.be.at.least(119_000);
    } finally {
      await server.stop();
    }
  });

  it('Given MODEL_LISTEN=early, When the model loads, Then it answers 503 and is not ready until it is loaded', async () => {
    const server = new ModelServer(settings({ MODEL_LISTEN: 'early', MODEL_LOAD_SECONDS: '0.3' }));
    const started = server.start();
    while (server.port === 0) await new Promise((resolve) => setImmediate(resolve));
    const url = `http://127.0.0.1:${server.port}/`;
    expect((await fetch(`${url}readyz`)).status).to.equal(503);
    expect((await fetch(`${url}healthz`)).status).to.equal(200);
    expect((await fetch(url, { method: 'POST', body: '{"text":"early"}' })).status).to.equal(503);
    await started;
    expect((await fetch(`${url}readyz`)).status).to.equal(200);
    await server.stop();
  });

  it('Given a request under way, When it stops, Then the request is answered and the port closes', async () => {
    const server = new ModelServer(settings({}));
    await server.start();
    const { port } = server;
    const answer = fetch(`http://127.0.0.1:${port}/?waitMs=150`, { method: 'POST', body: '{"text":"wait"}' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const stopped = server.stop();
    expect((await answer).status).to.equal(200);
    await stopped;
    const refused = await new Promise((resolve) => {
      connect(port, '127.0.0.1')
        .once('error', () => resolve(true))
        .once('connect', () => resolve(false));
    });
    expect(refused).to.equal(true);
  });

  it('refuses settings that make no sense', () => {
    expect(() => readServerSettings({ MODEL_LOAD_SECONDS: 'long' })).to.throw('MODEL_LOAD_SECONDS is "long"');
    expect(() => readServerSettings({ MODEL_LISTEN: 'never' })).to.throw('early or late');
  });
});

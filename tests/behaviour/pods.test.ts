/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-return -- a cluster's answers are open JSON; every test asserts what it reads */
import { expect } from 'chai';
import { call, ok, open, type Answer } from './support/cluster.ts';
import { waitFor, waitGone, Watching } from './support/watching.ts';
import { condition, container, pod, server, serving, useNamespace } from './support/workloads.ts';

const waiting = (item: Answer): string | undefined =>
  item.status.containerStatuses?.[0]?.state.waiting?.reason as string | undefined;

describe('pods', function () {
  this.timeout(60_000);
  const namespace = useNamespace();
  const pods = (): string => `/api/v1/namespaces/${namespace()}/pods`;
  const log = async (name: string, query = ''): Promise<string> =>
    (await ok('GET', `${pods()}/${name}/log${query}`)) as string;

  /** Follows a container's log until a text is in it; gives what was read. */
  const logged = async (name: string, from: string, text: string): Promise<string> => {
    const stop = new AbortController();
    const response = await open('GET', `${pods()}/${name}/log?follow=true&container=${from}`, {}, stop.signal);
    let seen = '';
    for await (const chunk of response) {
      seen += String(chunk);
      if (seen.includes(text)) break;
    }
    stop.abort();
    return seen;
  };

  it('become Ready when their readiness probe says so, not before', async () => {
    const slow = server
      .replace('http.createServer', 'const began = Date.now(); http.createServer')
      .replace(
        "response.end('ok')",
        '{ response.statusCode = Date.now() - began > 1500 ? 200 : 503; response.end(); }',
      );
    await ok('POST', pods(), pod('slow', { containers: [serving({ command: ['node', '-e', slow] })] }));
    const running = await waitFor(
      pods(),
      (item) => item.status.containerStatuses?.[0]?.state.running,
      'the container running',
      30_000,
    );
    expect(condition(running, 'Ready').status).to.equal('False');
    const ready = await waitFor(pods(), (item) => condition(item, 'Ready')?.status === 'True', 'Ready', 30_000);
    expect(ready.status.podIP).to.match(/^[\d.]+$/);
    expect(ready.status.containerStatuses[0]).to.include({ ready: true, started: true, restartCount: 0 });
  });

  it('end in order when deleted: not ready, preStop, SIGTERM, gone', async () => {
    // The container tells each step through its log, which ends with the pod; so a second watcher reads it while it lasts.
    const lifecycle = { preStop: { httpGet: { path: '/prestop', port: 8080 } } };
    const program = `
      const http = require('http');
      http.createServer((q, r) => { if (q.url === '/prestop') { console.log('prestop'); setTimeout(() => r.end(), 500); } else r.end('ok'); }).listen(8080, process.env.POD_IP);
      process.on('SIGTERM', () => { console.log('terminated'); setTimeout(() => process.exit(0), 300); });
    `;
    await ok(
      'POST',
      pods(),
      pod('leaving', {
        terminationGracePeriodSeconds: 10,
        containers: [serving({ command: ['node', '-e', program], lifecycle })],
      }),
    );
    await waitFor(pods(), (item) => condition(item, 'Ready')?.status === 'True', 'Ready', 30_000);
    const following = log('leaving', '?follow=true');
    const deleted = await ok('DELETE', `${pods()}/leaving`);
    expect(deleted.metadata).to.include({ name: 'leaving', deletionGracePeriodSeconds: 10 });
    const began = Date.now();
    await waitGone(pods(), 'leaving');
    expect(Date.now() - began)
      .to.be.greaterThan(700)
      .and.lessThan(10_000);
    expect((await following).trim().split('\n')).to.deep.equal(['prestop', 'terminated']);
  });

  it('are killed when the grace period is over', async () => {
    await ok(
      'POST',
      pods(),
      pod('deaf', {
        containers: [container("process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('up')")],
      }),
    );
    await waitFor(pods(), (item) => item.status.phase === 'Running', 'Running', 30_000);
    await ok('DELETE', `${pods()}/deaf`, { gracePeriodSeconds: 1 });
    await waitGone(pods(), 'deaf', 15_000);
  });

  it('end native sidecars after the application', async () => {
    const say = (name: string): string =>
      `setInterval(() => {}, 1000); process.on('SIGTERM', () => setTimeout(() => { console.log('${name} ended ' + Date.now()); process.exit(0); }, 300)); console.log('${name} up');`;
    const sidecar = container(say('sidecar'), { name: 'sidecar', restartPolicy: 'Always' });
    await ok(
      'POST',
      pods(),
      pod('pair', {
        terminationGracePeriodSeconds: 10,
        initContainers: [sidecar],
        containers: [container(say('app'))],
      }),
    );
    await waitFor(pods(), (item) => condition(item, 'Ready')?.status === 'True', 'Ready', 30_000);
    // A process that has not come so far as to handle SIGTERM just dies of it.
    await Promise.all(['app', 'sidecar'].map((name) => logged('pair', name, `${name} up`)));
    const logs = Promise.all([
      log('pair', '?container=app&follow=true'),
      log('pair', '?container=sidecar&follow=true'),
    ]);
    await ok('DELETE', `${pods()}/pair`);
    const times = (await logs).map((text) => Number(/ended (\d+)/.exec(text)?.[1]));
    expect(times[1]).to.be.greaterThan(times[0] ?? Infinity);
  });

  it('run init containers in order before the application', async () => {
    const init = ['one', 'two'].map((name) => container(`console.log('${name}')`, { name }));
    await ok(
      'POST',
      pods(),
      pod('staged', { initContainers: init, containers: [container('setInterval(()=>{},1000)')] }),
    );
    const running = await waitFor(pods(), (item) => item.status.phase === 'Running', 'Running', 30_000);
    expect(running.status.initContainerStatuses.map((status: Answer) => status.state.terminated.reason)).to.deep.equal([
      'Completed',
      'Completed',
    ]);
    expect(condition(running, 'Initialized').status).to.equal('True');
  });

  it('show CrashLoopBackOff with the exit code of the last run', async () => {
    await ok('POST', pods(), pod('crashing', { containers: [container("console.log('going'); process.exit(3)")] }));
    const crashed = await waitFor(pods(), (item) => waiting(item) === 'CrashLoopBackOff', 'CrashLoopBackOff', 40_000);
    const [status] = crashed.status.containerStatuses;
    expect(status.lastState.terminated).to.include({ exitCode: 3, reason: 'Error' });
    expect(status.restartCount).to.be.at.least(1);
    expect(await log('crashing')).to.equal('going\n');
  });

  it('show that an image cannot be had', async () => {
    await ok(
      'POST',
      pods(),
      pod('imageless', {
        containers: [{ name: 'app', image: 'localhost/there-is-none:1', imagePullPolicy: 'IfNotPresent' }],
      }),
    );
    const failed = await waitFor(pods(), (item) => waiting(item) === 'ImagePullBackOff', 'ImagePullBackOff', 40_000);
    expect(failed.status.phase).to.equal('Pending');
  });

  it('show that a command cannot be started', async () => {
    await ok('POST', pods(), pod('commandless', { containers: [container('', { command: ['/there/is/none'] })] }));
    const failed = await waitFor(
      pods(),
      (item) => item.status.containerStatuses?.[0]?.lastState.terminated,
      'the failed start',
      30_000,
    );
    expect(failed.status.containerStatuses[0].lastState.terminated).to.include({ reason: 'StartError', exitCode: 128 });
  });

  it('restart a container whose liveness probe fails', async () => {
    const livenessProbe = {
      exec: { command: ['node', '-e', 'process.exit(1)'] },
      periodSeconds: 1,
      failureThreshold: 1,
      timeoutSeconds: 5,
    };
    await ok(
      'POST',
      pods(),
      pod('sick', {
        terminationGracePeriodSeconds: 1,
        containers: [container('setInterval(()=>{},1000)', { livenessProbe })],
      }),
    );
    await waitFor(pods(), (item) => item.status.containerStatuses?.[0]?.restartCount >= 1, 'a restart', 40_000);
  });

  it('succeed or fail by their exit codes under restartPolicy Never', async () => {
    await ok('POST', pods(), pod('fine', { restartPolicy: 'Never', containers: [container('process.exit(0)')] }));
    await ok('POST', pods(), pod('broken', { restartPolicy: 'Never', containers: [container('process.exit(2)')] }));
    const phases = ['Succeeded', 'Failed'];
    for (const [index, name] of ['fine', 'broken'].entries()) {
      await waitFor(
        pods(),
        (item) => item.metadata.name === name && item.status.phase === phases[index],
        phases[index] ?? '',
        30_000,
      );
    }
  });

  it('give volumes, environment and logs to their containers', async () => {
    await ok('POST', `/api/v1/namespaces/${namespace()}/configmaps`, {
      metadata: { name: 'settings' },
      data: { greeting: 'hello', 'file.txt': 'content' },
    });
    const program =
      "const fs = require('fs'); console.log([process.env.GREETING, process.env.BOTH, process.env.UID_, fs.readFileSync(process.env.FILE, 'utf8'), fs.readFileSync('/etc/settings/greeting', 'utf8'), fs.readFileSync('/var/run/token/token', 'utf8').split('.').length].join(' ')); setInterval(()=>{}, 1000)";
    const env = [
      { name: 'GREETING', valueFrom: { configMapKeyRef: { name: 'settings', key: 'greeting' } } },
      { name: 'BOTH', value: '$(GREETING)-$(NOBODY)' },
      { name: 'UID_', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } },
      { name: 'FILE', value: '/etc/settings/file.txt' },
    ];
    const volumeMounts = [
      { name: 'settings', mountPath: '/etc/settings' },
      { name: 'token', mountPath: '/var/run/token' },
    ];
    const volumes = [
      { name: 'settings', configMap: { name: 'settings' } },
      {
        name: 'token',
        projected: {
          sources: [{ serviceAccountToken: { audience: 'nemesis', expirationSeconds: 600, path: 'token' } }],
        },
      },
    ];
    const { metadata } = await ok(
      'POST',
      pods(),
      pod('furnished', { volumes, containers: [container(program, { env, volumeMounts })] }),
    );
    const watching = await Watching.open(pods());
    await watching.until(({ object }) => object.status.phase === 'Running', 'Running', 30_000);
    watching.close();
    const expected = `hello hello-$(NOBODY) ${metadata.uid as string} content hello 3\n`;
    expect(await logged('furnished', 'app', '\n')).to.equal(expected);
    expect((await call('GET', `${pods()}/furnished/log?tailLines=0`)).body).to.equal('');
  });
});

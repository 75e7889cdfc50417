/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-call -- a cluster's answers are open JSON; every test asserts what it reads */
import { randomBytes } from 'node:crypto';
import { image, ok, type Answer } from './cluster.ts';
import { waitFor } from './watching.ts';

/** Makes a namespace for each test of a suite and removes it afterwards; the returned function gives its name. */
export function useNamespace(): () => string {
  let name = '';
  beforeEach(async function () {
    this.timeout(30_000);
    name = `behaviour-${randomBytes(4).toString('hex')}`;
    await ok('POST', '/api/v1/namespaces', { metadata: { name } });
    await waitFor(
      `/api/v1/namespaces/${name}/serviceaccounts`,
      (item) => item.metadata.name === 'default',
      'the default service account',
      30_000,
    );
  });
  afterEach(async () => {
    await ok('DELETE', `/api/v1/namespaces/${name}`, { gracePeriodSeconds: 0 });
  });
  return () => name;
}

/** A program that answers HTTP on its pod's address at port 8080, and ends on SIGTERM. */
export const server = `
const http = require('http');
http.createServer((request, response) => response.end('ok')).listen(8080, process.env.POD_IP, () => console.log('listening'));
process.on('SIGTERM', () => { console.log('terminated'); process.exit(0); });
`;

/** A container that runs a program. */
export function container(program: string, more: Answer = {}): Answer {
  const { env = [], ...rest } = more as { env?: Answer[] };
  return {
    name: 'app',
    image,
    imagePullPolicy: 'IfNotPresent',
    command: ['node', '-e', program],
    env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }, ...env],
    ...rest,
  };
}

/** A serving container with a readiness probe. */
export function serving(more: Answer = {}): Answer {
  return container(server, {
    ports: [{ name: 'http', containerPort: 8080 }],
    readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 1 },
    ...more,
  });
}

/** A pod. */
export function pod(name: string, spec: Answer): Answer {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: { terminationGracePeriodSeconds: 5, ...spec },
  };
}

/** A Deployment of serving pods. */
export function deployment(name: string, replicas: number, more: Answer = {}, containerMore: Answer = {}): Answer {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { terminationGracePeriodSeconds: 2, containers: [serving(containerMore)] },
      },
      ...more,
    },
  };
}

/** The condition of an object. */
export function condition(object: Answer, type: string): Answer {
  return (object.status?.conditions ?? []).find((item: Answer) => item.type === type);
}

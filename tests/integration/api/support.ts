import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { LocalCluster } from '@k8s-nemesis/localcluster';
import { applyManifest, type Manifest } from '../../../demo/apply.ts';
import { rightsManifests, SYSTEM_NAMESPACE } from '../../../demo/stack-manifests.ts';
import { waitFor } from '../../../demo/wait-for.ts';
import { customResourceDefinitions } from '../../../shared/api/crd.ts';
import { KubeApi, PATCH_TYPES } from '../../../shared/kubernetes/kube-api.ts';
import { isPodReady, type Pod } from '../../../shared/kubernetes/objects.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
/** Only with another address than the client's does the sidecar ask for its token. */
const SIDECAR_ADDRESS = '127.77.24.1';
/** What the preStop hooks show. */
export const DRAIN_TOKEN = 'a-word-that-nobody-guesses';

/** What is sent. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What came back; of an answer that does not end, its beginning. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** The three programs as processes of their own, on a local cluster with one application, asked as from elsewhere. */
export class Programs {
  /** Base URLs by port as the documents name it. */
  readonly urls: Record<'8090' | '8091' | '9443' | '8081' | '9890', string>;
  /** Bearer tokens: of an administrator, of a pod of the application, of a balancer. */
  readonly tokens = { person: '', pod: '', balancer: '' };
  /** UIDs of the pods that the examples name. */
  readonly uids = { pod: '', balancer: '' };
  readonly #directory: string;
  readonly #cluster: LocalCluster;
  readonly #api: KubeApi;
  readonly #children: ChildProcess[] = [];

  private constructor(directory: string, cluster: LocalCluster, api: KubeApi, ports: readonly number[]) {
    this.#directory = directory;
    this.#cluster = cluster;
    this.#api = api;
    const [people, programs, webhook, balancer, sidecar] = ports.map(String);
    this.urls = {
      '8090': `http://127.0.0.1:${people ?? ''}`,
      '8091': `https://127.0.0.1:${programs ?? ''}`,
      '9443': `https://127.0.0.1:${webhook ?? ''}`,
      '8081': `http://127.0.0.1:${balancer ?? ''}`,
      '9890': `http://${SIDECAR_ADDRESS}:${sidecar ?? ''}`,
    };
  }

  /** Resolves when all three are ready, the controller leads and the application answers. */
  static async start(): Promise<Programs> {
    const directory = mkdtempSync(join(tmpdir(), 'nemesis-operations-'));
    const cluster = await LocalCluster.start({
      directory: join(directory, 'cluster'),
      images: { app: { command: [process.execPath, '--input-type=module', '-e', APPLICATION] } },
    });
    const config = new KubeConfig();
    config.loadFromFile(cluster.kubeconfigPath);
    const programs = new Programs(directory, cluster, new KubeApi(config, 'test'), await freePorts(5));
    await programs.#prepare();
    await programs.#launch();
    return programs;
  }

  /** Sends a request to a port; an answer that does not end is left after its first piece. */
  async ask(port: keyof Programs['urls'], { method, path, headers = {}, body }: Call): Promise<Answer> {
    const url = `${this.urls[port]}${path}`;
    const options = {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    };
    const outgoing = url.startsWith('https:')
      ? httpsRequest(url, { ...options, agent: false, rejectUnauthorized: false })
      : httpRequest(url, { ...options, agent: false });
    outgoing.end(body);
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    const endless = answer.headers['content-type'] === 'application/x-ndjson';
    let text = '';
    for await (const piece of answer) {
      text += String(piece);
      if (endless) break;
    }
    return { status: answer.statusCode ?? 0, headers: answer.headers, text };
  }

  async stop(): Promise<void> {
    const ended = this.#children.filter(({ exitCode }) => exitCode === null).map((child) => once(child, 'exit'));
    for (const child of this.#children) child.kill('SIGKILL');
    await Promise.all(ended);
    this.#api.close();
    await this.#cluster.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #prepare(): Promise<void> {
    const apply = (manifest: Manifest): Promise<void> => applyManifest(this.#api, manifest);
    for (const definition of customResourceDefinitions()) await apply(definition);
    for (const name of [SYSTEM_NAMESPACE, 'models'])
      await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    for (const manifest of rightsManifests()) await apply(manifest);
    for (const manifest of MANIFESTS) await apply(manifest);
    const pod = await this.#pod('models', 'sentiment-0', 'default', '10.0.0.17');
    const balancer = await this.#pod(SYSTEM_NAMESPACE, 'nemesis-loadbalancer-0', 'nemesis-loadbalancer', '10.0.0.18');
    this.uids.pod = pod.metadata.uid;
    this.uids.balancer = balancer.metadata.uid;
    this.tokens.person = await this.#token('models', 'person');
    this.tokens.pod = await this.#token('models', 'default', pod);
    this.tokens.balancer = await this.#token(SYSTEM_NAMESPACE, 'nemesis-loadbalancer', balancer);
  }

  async #launch(): Promise<void> {
    const portOf = (port: keyof Programs['urls']): string => new URL(this.urls[port]).port;
    const [dataPort] = await freePorts(1);
    // Bound to every address, a port asks for tokens.
    const common = {
      KUBECONFIG: this.#cluster.kubeconfigPath,
      NEMESIS_BIND_ADDRESS: '0.0.0.0',
      NEMESIS_LOG_LEVEL: 'error',
    };
    this.#run('autoscaler', {
      ...common,
      NEMESIS_PORT: portOf('8090'),
      NEMESIS_PROGRAMS_PORT: portOf('8091'),
      NEMESIS_WEBHOOK_PORT: portOf('9443'),
      NEMESIS_CERTIFICATES: 'managed',
      NEMESIS_SIDECAR_IMAGE: 'nemesis/sidecar',
    });
    this.#run('loadbalancer', {
      ...common,
      NEMESIS_PORT: portOf('8081'),
      NEMESIS_DATA_ADDRESS: '127.0.0.1',
      NEMESIS_DATA_PORT: String(dataPort),
      NEMESIS_CONTROLLER_URL: 'http://127.0.0.1:1',
    });
    this.#run('sidecar', {
      NEMESIS_POD_NAME: 'sentiment-0',
      NEMESIS_POD_UID: this.uids.pod,
      NEMESIS_POD_IP: SIDECAR_ADDRESS,
      NEMESIS_NAMESPACE: 'models',
      NEMESIS_PORT: portOf('9890'),
      NEMESIS_CONTROLLER_URL: 'http://127.0.0.1:1',
      NEMESIS_DRAIN_TOKEN: DRAIN_TOKEN,
      NEMESIS_LOG_LEVEL: 'error',
    });
    await waitFor('the programs and the application to be ready', 15_000, () => this.#isReady());
  }

  async #isReady(): Promise<boolean> {
    const asked = (Object.keys(this.urls) as (keyof Programs['urls'])[]).map(async (port) => {
      const { status } = await this.ask(port, { method: 'GET', path: '/readyz' });
      return status === 200;
    });
    const ready = await Promise.all(asked).catch(() => [false]);
    if (ready.includes(false)) return false;
    const headers = { authorization: `Bearer ${this.tokens.pod}` };
    const leads = await this.ask('8091', { method: 'GET', path: '/identity', headers });
    const { items } = await this.#api.request<{ items: Pod[] }>('GET', '/api/v1/namespaces/models/pods');
    return leads.status === 200 && items.some(isPodReady);
  }

  #run(program: string, env: Readonly<Record<string, string>>): void {
    const child = spawn(process.execPath, [join(ROOT, program, 'main.ts')], {
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    this.#children.push(child);
  }

  /** A pod that no node runs, so that it stays as it is. */
  async #pod(namespace: string, name: string, serviceAccountName: string, podIP: string): Promise<Pod> {
    const pods = `/api/v1/namespaces/${namespace}/pods`;
    const labels = { 'app.kubernetes.io/name': 'nemesis', 'app.kubernetes.io/component': 'loadbalancer' };
    const metadata = { name, ...(namespace === SYSTEM_NAMESPACE ? { labels } : {}) };
    const spec = { nodeName: 'nowhere', serviceAccountName, containers: [{ name: 'app', image: 'none' }] };
    const made = await this.#api.request<Pod>('POST', pods, { body: { metadata, spec } });
    const status = { contentType: PATCH_TYPES.merge, body: { status: { podIP } } };
    await this.#api.request('PATCH', `${pods}/${name}/status`, status);
    return made;
  }

  async #token(namespace: string, account: string, pod?: Pod): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;
    const bound = { kind: 'Pod', apiVersion: 'v1', name: pod?.metadata.name, uid: pod?.metadata.uid };
    const spec = pod === undefined ? {} : { audiences: ['nemesis'], boundObjectRef: bound };
    return (await this.#api.request<{ status: { token: string } }>('POST', path, { body: { spec } })).status.token;
  }
}

/** Answers everything with what it was asked. */
const APPLICATION = `
import { createServer } from 'node:http';
createServer(({ method, url }, response) => response.end(JSON.stringify({ method, url }))).listen(8080, process.env.POD_IP);`;

const labels = { app: 'sentiment' };
const metadata = { name: 'sentiment', namespace: 'models' };
const MANIFESTS: readonly Manifest[] = [
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'models', name: 'person' } },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'person' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'nemesis-admin' },
    subjects: [{ kind: 'ServiceAccount', namespace: 'models', name: 'person' }],
  } as Manifest,
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          containers: [
            {
              name: 'app',
              image: 'app',
              ports: [{ containerPort: 8080 }],
              env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
              readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
            },
          ],
        },
      },
    },
  },
  {
    apiVersion: 'nemesis.io/v1alpha1',
    kind: 'Autoscaler',
    metadata,
    spec: {
      scaleTargetRef: { name: 'sentiment' },
      route: { hosts: ['sentiment.example'] },
      minReplicas: 1,
      automaton: {
        initial: 'Quiet',
        states: [
          { name: 'Quiet', transitions: [{ event: 'SaleStarted', to: 'Busy' }] },
          { name: 'Busy', transitions: [{ after: '2h', to: 'Quiet' }] },
        ],
      },
    },
  },
];

/** Ports that were free a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '0.0.0.0');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) server.close();
  return ports;
}

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { applyManifest } from '../../../demo/apply.ts';
import { waitFor } from '../../../demo/wait-for.ts';
import { KubeApi } from '../../../shared/kubernetes/kube-api.ts';
import type { Installation } from './installation.ts';
import { send, type Answer, type SendOptions } from './send.ts';

const SYSTEM = 'nemesis-system';
const run = promisify(execFile);

/** The image that the tests install. */
export const IMAGE = process.env['E2E_IMAGE'] ?? 'localhost/nemesis:0.1.0';

/** The image that applications run with: its node can be read, so a sidecar may look at their control group. */
export const APPLICATION_IMAGE = process.env['E2E_EXAMPLE_IMAGE'] ?? 'localhost/nemesis-example:0.1.0';

/** An argument of node in containers that are not named after their program. */
const ARGUMENTS: Readonly<Record<string, string>> = {
  app: '--input-type=module',
  'nemesis-sidecar': '/app/sidecar.mjs',
};

/** A program that signals every process with this argument, and says so before it does. */
function signalling(argument: string, signal: NodeJS.Signals): string {
  return `const fs = require('fs');
for (const pid of fs.readdirSync('/proc').filter((each) => /^\\d+$/.test(each))) {
  let line = ''; try { line = fs.readFileSync('/proc/' + pid + '/cmdline', 'utf8'); } catch {}
  if (line.split('\\0').includes('${argument}')) { fs.writeSync(1, 'found'); process.kill(Number(pid), '${signal}'); }
}`;
}

/**
 * The product on the cluster of KUBECONFIG, installed before. Its Services must be reachable from here, and
 * E2E_FAULT_COMMAND, where it is set, pauses and resumes a part of the control plane: it gets `pause kube-apiserver` or
 * `resume kube-apiserver` as arguments.
 */
export async function installationOfCluster(): Promise<Installation> {
  const api = KubeApi.fromDefault('e2e-admin');
  const token = await adminToken(api);
  const [balancer, autoscaler] = [
    await addressOf(api, 'nemesis-loadbalancer'),
    await addressOf(api, 'nemesis-autoscaler'),
  ];
  const ask =
    (base: string) =>
    (target: string, options: SendOptions = {}): Promise<Answer> =>
      send(`${base}${target}`, { ...options, headers: { authorization: `Bearer ${token}`, ...options.headers } });
  const installation: Installation = {
    kind: 'cluster',
    api,
    image: APPLICATION_IMAGE,
    dataUrl: () => `http://${balancer}:8080`,
    balancer: ask(`http://${balancer}:8081`),
    autoscaler: ask(`http://${autoscaler}:8090`),
    signal: signalInPod,
    outage: controlPlaneOutage(),
    stop: () => {
      api.close();
      return Promise.resolve();
    },
  };
  await waitFor(
    `the data plane at ${installation.dataUrl()} to answer; Services of the cluster must be reachable from here`,
    30_000,
    async () => (await send(`${installation.dataUrl()}/nobody-has-this-path`)).status === 404,
  );
  return installation;
}

/** The token of the account as which the tests ask the management ports. */
async function adminToken(api: KubeApi): Promise<string> {
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'e2e-admin' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'nemesis-admin' },
    subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: SYSTEM }],
  };
  await applyManifest(api, binding);
  const path = `/api/v1/namespaces/${SYSTEM}/serviceaccounts/default/token`;
  const { status } = await api.request<{ status: { token: string } }>('POST', path, {
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 7200 } },
  });
  return status.token;
}

async function addressOf(api: KubeApi, service: string): Promise<string> {
  const path = `/api/v1/namespaces/${SYSTEM}/services/${service}`;
  return (await api.request<{ spec: { clusterIP: string } }>('GET', path)).spec.clusterIP;
}

function controlPlaneOutage(): Installation['outage'] {
  const fault = (process.env['E2E_FAULT_COMMAND'] ?? '').split(' ').filter((word) => word !== '');
  const [command, ...first] = fault;
  if (command === undefined) return undefined;
  return {
    begin: async () => {
      await run(command, [...first, 'pause', 'kube-apiserver']);
    },
    end: async () => {
      await run(command, [...first, 'resume', 'kube-apiserver']);
    },
  };
}

async function signalInPod(namespace: string, pod: string, container: string, name: NodeJS.Signals): Promise<void> {
  // Our pods and those with a sidecar share their processes; elsewhere nothing inside could kill process 1.
  const argument = ARGUMENTS[container] ?? `${container}.mjs`;
  const command = ['node', '-e', signalling(argument, name)];
  // The container may end before this program in it does.
  const { stdout } = await run('kubectl', ['-n', namespace, 'exec', pod, '-c', container, '--', ...command]).catch(
    (error: unknown) => error as { stdout: string },
  );
  if (!stdout.includes('found')) throw new Error(`There is no ${argument} in ${namespace}/${pod}: ${stdout}`);
}

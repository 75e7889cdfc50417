import { waitFor } from '../../../demo/wait-for.ts';
import { IMAGE } from '../../e2e/support/cluster-installation.ts';
import { apply, kubectl, kubectlJson } from './commands.ts';

const NAMESPACE = 'nemesis-e2e-storage';
const FOLDER = '/var/tmp/nemesis-e2e-history';

/**
 * A volume for the history where the cluster has no default StorageClass: a folder of its node, which a pod makes and
 * gives to the user that the controller runs as.
 */
export async function ensureStorage(): Promise<void> {
  const classes = await kubectlJson<{ items: { metadata: { annotations?: Record<string, string> } }[] }>(
    'get',
    'storageclasses',
  );
  const byDefault = 'storageclass.kubernetes.io/is-default-class';
  if (classes.items.some(({ metadata }) => metadata.annotations?.[byDefault] === 'true')) return;
  const program = `fs.chmodSync('/history', 0o777); for (const f of fs.readdirSync('/history')) fs.rmSync('/history/' + f)`;
  apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  await kubectl('-n', NAMESPACE, 'delete', 'pod', 'folder', '--ignore-not-found');
  apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'folder', namespace: NAMESPACE },
    spec: {
      restartPolicy: 'Never',
      securityContext: { runAsUser: 0 },
      containers: [
        {
          name: 'folder',
          image: IMAGE,
          imagePullPolicy: 'IfNotPresent',
          command: ['node', '-e', program],
          volumeMounts: [{ name: 'history', mountPath: '/history' }],
        },
      ],
      volumes: [{ name: 'history', hostPath: { path: FOLDER, type: 'DirectoryOrCreate' } }],
    },
  });
  await waitFor('the folder of the history', 60_000, async () => {
    const { status } = await kubectlJson<{ status: { phase: string } }>('-n', NAMESPACE, 'get', 'pod', 'folder');
    if (status.phase === 'Failed') throw new Error(await kubectl('-n', NAMESPACE, 'logs', 'folder'));
    return status.phase === 'Succeeded';
  });
  await kubectl('delete', 'persistentvolume', 'nemesis-e2e-history', '--ignore-not-found');
  apply({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'nemesis-e2e-history' },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Retain',
      claimRef: { namespace: 'nemesis-system', name: 'nemesis-history' },
      hostPath: { path: FOLDER },
    },
  });
}

import { KubeApi } from '../../../../shared/kubernetes/kube-api.ts';
import type { Deployment } from '../../../../shared/kubernetes/objects.ts';
import { writeScale } from '../../../../shared/kubernetes/scale.ts';
import { FIELD_MANAGERS } from '../../../../shared/rules/wake.ts';

/** A controller that decides on what it sees, and writes only when it is told to: by then it may have been frozen. */
const api = KubeApi.fromDefault('late-writer');
const seen = await api.request<Deployment>('GET', '/apis/apps/v1/namespaces/default/deployments/app');
process.stdout.write('decided\n');
process.stdin.once('data', () => {
  writeScale(api, {
    namespace: 'default',
    name: 'app',
    replicas: 0,
    resourceVersion: seen.metadata.resourceVersion,
    fieldManager: FIELD_MANAGERS.autoscaler,
  })
    .then(
      () => process.stdout.write('landed\n'),
      (error: unknown) => process.stdout.write(`${String(error)}\n`),
    )
    .finally(() => process.exit());
});

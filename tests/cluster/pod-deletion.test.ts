import { expect } from 'chai';
import { waitFor } from '../../demo/wait-for.ts';
import { APPLICATION_IMAGE } from '../e2e/support/cluster-installation.ts';
import { SYSTEM } from '../e2e/support/programs.ts';
import { run, tryRun } from './support/manifests.ts';

const NAMESPACE = 'nemesis-pod-deletion';
const CONTROLLER = [
  `--as=system:serviceaccount:${SYSTEM}:nemesis-autoscaler`,
  '--as-group=system:serviceaccounts',
  '--as-group=system:authenticated',
];

describe("Pods, when the controller's account deletes them", function () {
  this.timeout(120_000);
  const kubectl = (...args: string[]): string => run('kubectl', ['-n', NAMESPACE, ...args]);
  const podOf = (app: string): string =>
    kubectl('get', 'pods', '-l', `app=${app}`, '-o', 'name').trim().split('\n')[0] ?? '';
  const deleting = (pod: string, ...as: string[]) =>
    tryRun('kubectl', ['-n', NAMESPACE, 'delete', pod, '--wait=false', ...as]);

  before(async () => {
    tryRun('kubectl', ['create', 'namespace', NAMESPACE]);
    kubectl('create', 'deployment', 'bad', '--image=localhost/there-is-no-such-image:1');
    kubectl('run', 'bare', '--image=localhost/there-is-no-such-image:1');
    kubectl(
      'create',
      'deployment',
      'good',
      `--image=${APPLICATION_IMAGE}`,
      '--',
      'node',
      '-e',
      'setInterval(() => undefined, 1e6)',
    );
    kubectl('rollout', 'status', 'deployment/good', '--timeout=60s');
    await waitFor('a pod that does not start', 30_000, () => Promise.resolve(podOf('bad') !== ''));
  });
  after(() => void run('kubectl', ['delete', 'namespace', NAMESPACE, '--wait=false']));

  it('Given one that is ready, then it is refused', () => {
    const { code, stderr } = deleting(podOf('good'), ...CONTROLLER);
    expect(code).to.not.equal(0);
    expect(stderr).to.include('The controller may delete only pods that are not ready.');
  });

  it('Given one that belongs to no ReplicaSet, then it is refused', () => {
    expect(deleting('pod/bare', ...CONTROLLER).stderr).to.include(
      'The controller may delete only pods of a ReplicaSet.',
    );
  });

  it('Given one of the product, then it is refused', () => {
    const pod = run('kubectl', ['-n', SYSTEM, 'get', 'pods', '-o', 'name']).trim().split('\n')[0] ?? '';
    const { code } = tryRun('kubectl', ['-n', SYSTEM, 'delete', pod, '--wait=false', ...CONTROLLER]);
    expect(code).to.not.equal(0);
  });

  it('Given one of a ReplicaSet that does not start, then it is deleted', () => {
    expect(deleting(podOf('bad'), ...CONTROLLER).code).to.equal(0);
  });

  it('Given anybody else who may, then the policy is not in the way', () => {
    expect(deleting(podOf('good')).code).to.equal(0);
    expect(deleting('pod/bare').code).to.equal(0);
  });
});

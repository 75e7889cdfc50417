import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { applyManifest, type Manifest } from '../../../demo/apply.ts';
import { customResourceDefinitions } from '../../../shared/api/crd.ts';
import { PATCH_TYPES } from '../../../shared/kubernetes/kube-api.ts';
import type { KubernetesObject } from '../../../shared/kubernetes/objects.ts';
import { parseAutoscaler } from '../../../shared/kubernetes/parse-autoscaler.ts';
import { startLocalApi, type LocalApi } from '../../support/local-api.ts';

const OLD = join(import.meta.dirname, 'fixtures', 'autoscalers-0.1.0.yaml');
const PATH = '/apis/nemesis.io/v1alpha1/namespaces/default/autoscalers';
const TIME = '2026-01-01T00:00:00Z';

const SPEC = {
  scaleTargetRef: { name: 'x' },
  minReplicas: 0,
  maxReplicas: 4,
  route: { hosts: ['x.example.com'], pathPrefix: '/x', port: 8080 },
  sleep: { idleSeconds: 60, cpuBelow: '50m' },
  buffer: { maxRequests: 10, maxBytes: '1Mi', holdSeconds: 9, then: 'Fail' },
  scaling: {
    windowSeconds: 30,
    rules: [
      { name: 'cpu', cpu: { scaleUpAt: '800m', scaleDownAt: '0.3' } },
      { name: 'cpu2', cpu: { scaleUpAt: 2, scaleDownAt: '1' } },
      { name: 'memory', memory: { scaleUpAt: '900Mi', scaleDownAt: 1000 } },
      { name: 'latency', responseTime: { scaleUpAt: '250ms', scaleDownAt: '80ms' } },
      { name: 'load', concurrency: { target: 8 } },
      { name: 'queue', queue: { scaleUpAt: 4, scaleDownAt: 0 } },
      { name: 'queue2', queue: { scaleUpAt: 9, scaleDownAt: 1 } },
    ],
    behavior: { scaleUp: { policies: [{ type: 'Pods', value: 2, periodSeconds: 15 }] } },
  },
};
const STATUS = {
  phase: 'Active', phaseSince: TIME, targetUid: 'u', replicas: 2, desiredReplicas: 3, readyReplicas: 1, drainId: 'd', wakeId: 'w',
  startAttempts: 1, retryAfter: TIME, learnedStartSeconds: 1.5, templateHash: 'h', lastScaleTime: TIME, observedGeneration: 1,
  lastDecision: { time: TIME, reason: 'ScaleUp', message: 'm' },
  conditions: ['Ready', 'ScalingActive', 'AbleToScale', 'SignalsFresh', 'SoleWriter', 'Conflicted', 'SleepBlocked'].map(
    (type) => ({ type, status: 'True', reason: 'R', message: 'm', lastTransitionTime: TIME, observedGeneration: 1 }),
  ),
}; // prettier-ignore

describe('Autoscalers as 0.1.0 stored them', () => {
  let local: LocalApi;

  before(async () => {
    local = await startLocalApi();
    await applyManifest(local.api, parse(readFileSync(OLD, 'utf8')) as Manifest);
    const body = { apiVersion: 'nemesis.io/v1alpha1', kind: 'Autoscaler', metadata: { name: 'x' }, spec: SPEC };
    await local.api.request('POST', PATH, { body });
    await patch('/x/status', { status: STATUS });
    await local.api.request('POST', PATH, { body: { ...body, metadata: { name: 'y' } } });
    for (const definition of customResourceDefinitions()) await applyManifest(local.api, definition);
  });
  after(() => local.stop());

  const patch = (path: string, body: object): Promise<KubernetesObject & { spec: object; status: object }> =>
    local.api.request('PATCH', `${PATH}${path}`, { contentType: PATCH_TYPES.merge, body });

  it('are read under the new definition, and nothing of them is lost', async () => {
    const stored = await local.api.request<KubernetesObject & { spec: object; status: object }>('GET', `${PATH}/x`);
    expect(stored.status).to.deep.equal(STATUS);
    const { resource, invalid } = parseAutoscaler(stored);
    expect(invalid).to.deep.equal([]);
    expect(resource?.spec.scaling?.rules).to.have.length(7);
    expect(resource?.status).to.deep.equal(STATUS);
  });

  it('take patches of their spec and of their status, each field of which is kept', async () => {
    const spec = await patch('/x', { spec: { maxReplicas: 5 } });
    expect(spec.spec).to.deep.include({ maxReplicas: 5, buffer: SPEC.buffer, sleep: SPEC.sleep });
    const status = await patch('/x/status', { status: { replicas: 3 } });
    expect(status.status).to.deep.equal({ ...STATUS, replicas: 3 });
  });

  it('take what the new definition adds: more rules, and the condition Accepted', async () => {
    const more = Array.from({ length: 25 }, (_, index) => ({ name: `more-${index}`, concurrency: { target: 1 } }));
    await patch('/x', { spec: { scaling: { rules: [...SPEC.scaling.rules, ...more] } } });
    const accepted = { ...STATUS.conditions[0], type: 'Accepted' };
    await patch('/x/status', { status: { conditions: [...STATUS.conditions, accepted] } });
  });

  it('that never had a status get one', async () => {
    expect((await patch('/y/status', { status: { phase: 'Active' } })).status).to.deep.equal({ phase: 'Active' });
  });
});

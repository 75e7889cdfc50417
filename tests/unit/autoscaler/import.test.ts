import { expect } from 'chai';
import { parse } from 'yaml';
import { checkScaling } from '../../../autoscaler/checks/scaling-check.ts';
import { hpaSchema, importHpa } from '../../../autoscaler/commands/import/hpa.ts';
import { documentOf } from '../../../autoscaler/commands/import/import.ts';
import type { Imported } from '../../../autoscaler/commands/import/imported.ts';
import { importScaledObject, scaledObjectSchema } from '../../../autoscaler/commands/import/scaled-object.ts';
import { autoscalerSpecSchema, type AutoscalerSpec } from '../../../shared/api/autoscaler.ts';

const metadata = { name: 'web', namespace: 'shop' };
const target = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };

/** What is printed, read again as the resource is read, with nothing wrong. */
function taken(imported: Imported): AutoscalerSpec {
  const printed = parse(documentOf(imported)) as { metadata: object; spec: object };
  expect(printed.metadata).to.deep.equal(metadata);
  const spec = autoscalerSpecSchema.parse(printed.spec);
  expect(checkScaling(spec.scaling)).to.deep.equal([]);
  return spec;
}

describe('What is imported', () => {
  const hpa = (spec: object): Imported =>
    importHpa(hpaSchema.parse({ metadata, spec: { scaleTargetRef: target, ...spec } }));
  const scaled = (spec: object): Imported =>
    importScaledObject(scaledObjectSchema.parse({ metadata, spec: { scaleTargetRef: { name: 'web' }, ...spec } }));

  it('Given an HPA, Then its targets, bounds and behavior are those of the Autoscaler', () => {
    const metrics = [
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } } },
      { type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '500Mi' } } },
      { type: 'ContainerResource', containerResource: { name: 'cpu', container: 'app', target: { type: 'AverageValue', averageValue: '250m' } } },
      { type: 'Pods', pods: { metric: { name: 'x' } } },
    ]; // prettier-ignore
    const policies = [{ type: 'Pods', value: 2, periodSeconds: 60 }];
    const behavior = {
      scaleUp: { tolerance: '50m', policies, selectPolicy: 'Min' },
      scaleDown: { stabilizationWindowSeconds: 60 },
    };
    const imported = hpa({ minReplicas: 2, maxReplicas: 8, metrics, behavior });
    const { minReplicas, maxReplicas, scaling } = taken(imported);
    expect([minReplicas, maxReplicas]).to.deep.equal([2, 8]);
    expect(scaling?.rules).to.deep.equal([
      { name: 'cpu', cpu: { target: '70%' } },
      { name: 'memory', memory: { target: '500Mi' } },
      { name: 'cpu2', cpu: { target: '250m' } },
    ]);
    expect(scaling?.behavior?.scaleUp).to.deep.equal({ tolerance: 0.05, policies, selectPolicy: 'Min' });
    expect(scaling?.behavior?.scaleDown).to.deep.equal({ stabilizationWindowSeconds: 60 });
    expect(imported.notes.join(' ')).to.match(
      /container app alone.*metric of type Pods is not carried over.*Delete the Horizontal/,
    );
  });

  it('Given an HPA without metrics, Then 80 % of the CPU request, as it does then', () => {
    const { minReplicas, scaling } = taken(hpa({ maxReplicas: 3 }));
    expect(minReplicas).to.equal(1);
    expect(scaling?.rules).to.deep.equal([{ name: 'cpu', cpu: { target: '80%' } }]);
  });

  it('Given a ScaledObject, Then its triggers become rules, its cool-down the idle time', () => {
    const triggers = [
      { type: 'cpu', metricType: 'Utilization', metadata: { value: '60' } },
      { type: 'prometheus', metadata: { serverAddress: 'http://prom:9090', query: 'sum(jobs)', threshold: '20' } },
      { type: 'cron', metadata: { timezone: 'Europe/Berlin', start: '0 8 * * 1-5', end: '0 18 * * 1-5', desiredReplicas: '2' } },
      { type: 'kafka', metadata: { topic: 't' } },
    ]; // prettier-ignore
    const imported = scaled({ pollingInterval: 10, cooldownPeriod: 120, maxReplicaCount: 5, triggers });
    const spec = taken(imported);
    expect(spec).to.deep.include({ minReplicas: 0, maxReplicas: 5, sleep: { idleSeconds: 120 } });
    expect(spec.route?.hosts).to.deep.equal(['web.example.com']);
    expect(spec.scaling?.signals).to.deep.equal([
      { name: 'prometheus', everySeconds: 10, prometheus: { system: 'prometheus', query: 'sum(jobs)' } },
    ]);
    expect(spec.scaling?.rules?.map(({ name }) => name)).to.deep.equal(['cpu', 'prometheus', 'cron']);
    expect(spec.scaling?.rules?.[2]?.schedule).to.include({ timeZone: 'Europe/Berlin', minReplicas: 2, ahead: 'None' });
    expect(imported.notes.join(' ')).to.match(
      /made for http:\/\/prom:9090.*trigger kafka is not carried over.*needs a route/,
    );
  });

  it('Given what is no Deployment, or a fallback, Then it says so', () => {
    const notes = scaled({
      scaleTargetRef: { kind: 'StatefulSet', name: 'web' },
      minReplicaCount: 1,
      fallback: {},
      triggers: [],
    }).notes;
    expect(notes.join(' ')).to.match(/target is a StatefulSet; only Deployments.*fallback is not carried over/);
  });
});

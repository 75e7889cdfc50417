import { expect } from 'chai';
import { Registry } from 'prom-client';
import { AutoscalerValidator } from '../../../autoscaler/admission/autoscaler-validator.ts';
import { admissionReviewSchema } from '../../../autoscaler/admission/review.ts';
import type { StatusInput } from '../../../autoscaler/controllers/application/status.ts';
import { ApplicationController } from '../../../autoscaler/controllers/application/controller.ts';
import { MetricsCollector } from '../../../autoscaler/domain/signals/metrics-collector.ts';
import type { DomainEvent } from '../../../autoscaler/events/domain-event.ts';
import { DEFAULT_SETTINGS } from '../../../shared/api/load-balancer-settings.ts';
import { parseAutoscaler } from '../../../shared/kubernetes/parse-autoscaler.ts';
import { application, autoscaler } from '../../support/builders.ts';
import { controllerDeps, workloads } from '../../support/controller-deps.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { silentLogger } from '../../support/silent-logger.ts';

const cpu = (scaleUpAt: string | number, scaleDownAt: string | number): object => ({
  scaling: { rules: [{ name: 'cpu', cpu: { scaleUpAt, scaleDownAt } }] },
});
const specWith = (over: object): object => ({ scaleTargetRef: { name: 'd' }, route: {}, ...over });
const SENTENCE =
  'spec.scaling.rules[0].cpu: scaleDownAt must be less than scaleUpAt, else replicas would be added and removed in turn';

describe('The webhook that validates Autoscalers', () => {
  const answerTo = (request: object): { allowed: boolean; status?: { code: number; message: string } | undefined } => {
    const validator = new AutoscalerValidator({ registry: new Registry(), logger: silentLogger });
    const kind = { group: 'nemesis.io', version: 'v1alpha1', kind: 'Autoscaler' };
    const whole = { uid: 'u', kind, namespace: 'n', name: 'a', operation: 'CREATE', ...request };
    const review = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: whole };
    const { response } = validator.answer(admissionReviewSchema.parse(review));
    expect(response.uid).to.equal('u');
    return response;
  };

  it('allows quantities in order, in whatever spelling', () => {
    for (const [up, down] of [['1', '999m'], [2, '1'], ['1.5', 1]] as const) {
      expect(answerTo({ object: { spec: specWith(cpu(up, down)) } }).allowed, `${up} ${down}`).to.equal(true);
    }
  }); // prettier-ignore

  it('refuses others with the sentence that REST and the condition have', () => {
    for (const [up, down] of [['700m', '0.7'], [1, 2], ['1', '1001m']] as const) {
      const { allowed, status } = answerTo({ object: { spec: specWith(cpu(up, down)) } });
      expect([allowed, status?.code, status?.message], `${up} ${down}`).to.deep.equal([false, 422, `${SENTENCE}.`]);
    }
  }); // prettier-ignore

  it('lets one that is stored already be labelled, but not be changed into another wrong one', () => {
    const stored = { spec: specWith(cpu(1, 2)) };
    const labelled = { ...stored, metadata: { labels: { a: 'b' } } };
    expect(answerTo({ operation: 'UPDATE', object: labelled, oldObject: stored }).allowed).to.equal(true);
    const changed = { spec: specWith(cpu(1, 3)) };
    expect(answerTo({ operation: 'UPDATE', object: changed, oldObject: stored }).allowed).to.equal(false);
  });

  it('lets through what it does not know: other kinds, and what only the schema checks', () => {
    const wrong = { spec: specWith(cpu(1, 2)) };
    expect(answerTo({ kind: { group: '', version: 'v1', kind: 'Pod' }, object: wrong }).allowed).to.equal(true);
    expect(answerTo({ object: { spec: { mode: 'New', ...cpu(1, 2) } } }).allowed).to.equal(true);
    expect(answerTo({ object: null }).allowed).to.equal(true);
  });
});

describe('An Autoscaler that came past the webhook', () => {
  const stored = (spec: object) =>
    parseAutoscaler({
      metadata: { ...autoscaler().metadata, namespace: 'n', uid: 'a', creationTimestamp: '' },
      spec: specWith(spec),
    } as Parameters<typeof parseAutoscaler>[0]);

  it('is read, so that its route and its wakes stay, and says what is wrong', () => {
    const { resource, invalid } = stored(cpu(1, 2));
    expect(resource?.spec.route).to.not.equal(undefined);
    expect(invalid).to.deep.equal([SENTENCE]);
    expect(stored(cpu(2, 1)).invalid).to.deep.equal([]);
  });

  async function reconciled(spec: object): Promise<{
    scales: number[];
    status: StatusInput | undefined;
    warnings: string[];
  }> {
    const clock = new FakeClock();
    const collector = new MetricsCollector();
    const scales: number[] = [];
    const warnings: string[] = [];
    let status: StatusInput | undefined;
    const { resource, invalid } = stored({ sleep: { idleSeconds: 1 }, maxReplicas: 9, ...spec });
    const busy = application({ resource, invalid });
    const deps = controllerDeps({
      watch: { get: () => busy, settings: DEFAULT_SETTINGS },
      collector,
      actuator: workloads({
        scale: (_application, replicas) => {
          scales.push(replicas);
          return Promise.resolve({ kind: 'done' });
        },
      }),
      statusWriter: {
        write: (_application, _state, written) => {
          status = written;
          return Promise.resolve(true);
        },
        writeInert: () => Promise.resolve(),
      },
      publish: (event: DomainEvent) => {
        if (event.kind === 'Warned') warnings.push(event.reason);
      },
      clock,
    });
    const controller = new ApplicationController(deps);
    for (let second = 0; second < 40; second += 1) {
      const traffic = { inFlight: 0, queued: 0, completions: 0, idleMs: 60_000, responseTimes: [], podsInFlight: {} };
      collector.traffic.add('n/a', 'lb', { ...traffic, drained: false }, clock.monotonicMs(), 15_000);
      const window = { windowMs: 15_000, intervalMs: 1_000 };
      collector.pods.add('sidecar', 'n/p', { cpuUsage: 9_000, memoryUsage: 1 }, clock.monotonicMs(), window);
      await controller.reconcile('n/a');
      clock.advance(1000);
    }
    return { scales, status, warnings };
  }
  const conditionOf = (status: StatusInput | undefined, type: string) =>
    status?.conditions.find((each) => each.type === type);

  it('is not accepted: neither scaled by its rules nor put to sleep, and its conditions say the sentence', async () => {
    const { scales, status, warnings } = await reconciled(cpu('1', '2'));
    expect(scales).to.deep.equal([]);
    expect(warnings).to.deep.equal(['InvalidRules']);
    expect(status?.lifecycle.phase).to.equal('Active');
    for (const type of ['Accepted', 'ScalingActive']) {
      expect(conditionOf(status, type), type).to.include({
        status: 'False',
        reason: 'InvalidRules',
        message: `${SENTENCE}.`,
      });
    }
    expect(conditionOf(status, 'SleepBlocked')).to.include({ status: 'True', reason: 'NotAccepted' });
  });

  it('is accepted once it is right, and then acted on', async () => {
    const { scales, status } = await reconciled({ ...cpu('2', '1'), minReplicas: 1 });
    expect(conditionOf(status, 'Accepted')).to.include({ status: 'True', reason: 'Accepted' });
    expect(scales.length).to.be.greaterThan(0);
  });
});

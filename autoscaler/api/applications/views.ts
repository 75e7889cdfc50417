import type { z } from 'zod';
import type { ApplicationSnapshot } from '../../../shared/kubernetes/application-watch.ts';
import { isPodReady } from '../../../shared/kubernetes/objects.ts';
import { ofPodSignals } from '../../../shared/model/metrics/registry.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import { readyReplicas } from '../../controllers/application/lifecycle-facts.ts';
import type { MetricsCollector } from '../../domain/signals/metrics-collector.ts';
import { hasTraffic, podReadingOf, type Reading, type Signals } from '../../domain/signals/signals.ts';
import type { applicationSchema, podSchema } from './schemas.ts';

/** An application as the API shows it. */
export function applicationView(
  application: ApplicationSnapshot,
  signals: Signals,
): z.output<typeof applicationSchema> {
  const { metadata, resource, deployment, conflict } = application;
  const traffic = hasTraffic(signals.traffic) ? signals.traffic : undefined;
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    resourceVersion: metadata.resourceVersion,
    ...(resource === undefined ? {} : { spec: resource.spec }),
    ...(resource?.status === undefined ? {} : { status: resource.status }),
    invalid: [...application.invalid],
    ...(conflict === undefined ? {} : { conflict: conflict.message }),
    ...(deployment === undefined ? {} : { replicas: deployment.spec.replicas ?? 1 }),
    readyReplicas: readyReplicas(application),
    signals: {
      ...ofPodSignals((signal) => numberOf(podReadingOf(signals, { signal }))),
      responseTimeP95Ms: numberOf(signals.responseTimeMs(95)),
      inFlight: traffic?.inFlight ?? null,
      queued: traffic?.queued ?? null,
      idleSeconds: traffic === undefined ? null : Math.round(traffic.idleMs) / 1000,
    },
  };
}

/** The pods of an application as the API shows them. */
export function podViews(
  application: ApplicationSnapshot,
  { collector, clock }: { collector: MetricsCollector; clock: Clock },
): z.output<typeof podSchema>[] {
  return application.pods.map((pod) => {
    const { name, uid, namespace = '', deletionTimestamp } = pod.metadata;
    const measured = collector.pods.latestOf(`${namespace}/${name}`, clock.monotonicMs());
    return {
      name,
      uid,
      ...(pod.spec.nodeName === undefined ? {} : { node: pod.spec.nodeName }),
      ...(pod.status?.podIP === undefined ? {} : { address: pod.status.podIP }),
      ready: isPodReady(pod),
      terminating: deletionTimestamp !== undefined,
      live: measured?.sample.live ?? null,
      metrics: measured?.sample ?? null,
      metricsAgeMs: measured === undefined ? null : Math.round(measured.ageMs),
    };
  });
}

function numberOf(reading: Reading): number | null {
  return reading.kind === 'noData' ? null : reading.value;
}

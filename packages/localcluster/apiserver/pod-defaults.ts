import { given } from '../model/json.ts';
import type { Container, Pod, PodSpec, PodTemplate, Probe } from '../model/workloads.ts';

function defaultProbe(probe: Probe | undefined): void {
  if (!probe) return;
  probe.timeoutSeconds ??= 1;
  probe.periodSeconds ??= 10;
  probe.successThreshold ??= 1;
  probe.failureThreshold ??= 3;
  if (probe.httpGet) {
    probe.httpGet.path ??= '/';
    probe.httpGet.scheme ??= 'HTTP';
  }
}

function defaultContainer(
  container: Container & { terminationMessagePath?: string; terminationMessagePolicy?: string },
): void {
  container.resources ??= {};
  if (container.resources.limits) {
    container.resources.requests = { ...container.resources.limits, ...container.resources.requests };
  }
  container.imagePullPolicy ??= /(:latest$)|(^[^:@]+$)/.test(container.image.replace(/^[^/]*:\d+\//, ''))
    ? 'Always'
    : 'IfNotPresent';
  container.terminationMessagePath ??= '/dev/termination-log';
  container.terminationMessagePolicy ??= 'File';
  for (const port of container.ports ?? []) port.protocol ??= 'TCP';
  defaultProbe(container.startupProbe);
  defaultProbe(container.readinessProbe);
  defaultProbe(container.livenessProbe);
  for (const hook of [container.lifecycle?.postStart, container.lifecycle?.preStop]) {
    if (hook?.httpGet) {
      hook.httpGet.path ??= '/';
      hook.httpGet.scheme ??= 'HTTP';
    }
  }
  for (const variable of container.env ?? []) {
    const fieldRef = variable.valueFrom?.fieldRef as { apiVersion?: string } | undefined;
    if (fieldRef) fieldRef.apiVersion ??= 'v1';
  }
}

/** Fills in what the real API server fills into a pod's spec. */
export function defaultPodSpec(spec: (PodSpec & Record<string, unknown>) | undefined): void {
  if (!spec) return;
  spec.restartPolicy ??= 'Always';
  spec['dnsPolicy'] ??= 'ClusterFirst';
  spec.terminationGracePeriodSeconds ??= 30;
  spec['securityContext'] ??= {};
  spec.schedulerName ??= 'default-scheduler';
  if (typeof spec['serviceAccount'] === 'string') spec.serviceAccountName ??= spec['serviceAccount'];
  if (Array.isArray(spec.containers)) spec.containers.forEach(defaultContainer);
  if (Array.isArray(spec.initContainers)) spec.initContainers.forEach(defaultContainer);
}

/** Fills in a template's defaults, where there is one. */
export function defaultTemplate(template: PodTemplate | undefined): void {
  if (template) defaultPodSpec(template.spec as (PodSpec & Record<string, unknown>) | undefined);
}

function qosClass(spec: PodSpec): string {
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  const all = containers.map(({ resources }) => resources ?? {});
  if (
    all.every(
      ({ requests, limits }) => !requests?.['cpu'] && !requests?.['memory'] && !limits?.['cpu'] && !limits?.['memory'],
    )
  ) {
    return 'BestEffort';
  }
  const guaranteed = all.every(({ requests, limits }) =>
    ['cpu', 'memory'].every((name) => limits?.[name] !== undefined && requests?.[name] === limits[name]),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

/** Fills in a pod's defaults and its first status. */
export function preparePod(pod: Pod): void {
  const spec = pod.spec as (PodSpec & Record<string, unknown>) | undefined;
  if (!spec) return;
  defaultPodSpec(spec);
  spec.serviceAccountName ??= 'default';
  spec['serviceAccount'] ??= spec.serviceAccountName;
  spec['enableServiceLinks'] ??= true;
  spec['preemptionPolicy'] ??= 'PreemptLowerPriority';
  spec['priority'] ??= 0;
  if (!Array.isArray(spec.containers)) return;
  pod.status = given(pod.status, {});
  pod.status.phase ??= 'Pending';
  pod.status.qosClass ??= qosClass(spec);
}

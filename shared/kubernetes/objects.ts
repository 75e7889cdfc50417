/** The parts of Kubernetes objects that we read, as they are on the wire (times are texts). */

/** ObjectMeta. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly {
    readonly uid: string;
    readonly kind: string;
    readonly name: string;
    readonly controller?: boolean;
  }[];
  readonly managedFields?: readonly ManagedFields[];
}

/** An entry of `metadata.managedFields`. */
export interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly subresource?: string;
  readonly time?: string;
  readonly fieldsV1?: unknown;
}

/** Any object. */
export interface KubernetesObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
}

/** One condition of a status. */
export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

/** apps/v1 Deployment. */
export interface Deployment extends KubernetesObject {
  readonly spec: {
    readonly replicas?: number;
    readonly paused?: boolean;
    readonly selector: { readonly matchLabels?: Readonly<Record<string, string>> };
    readonly template: { readonly metadata?: Partial<ObjectMeta>; readonly spec?: PodSpec };
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
    readonly conditions?: readonly Condition[];
  };
}

/** apps/v1 ReplicaSet. */
export interface ReplicaSet extends KubernetesObject {
  readonly spec?: { readonly replicas?: number };
}

/** An HTTP or TCP probe. */
export interface Probe {
  readonly httpGet?: { readonly path?: string; readonly port: number | string; readonly scheme?: string };
  readonly tcpSocket?: { readonly port: number | string };
  readonly exec?: unknown;
  readonly grpc?: unknown;
  readonly timeoutSeconds?: number;
}

/** A container of a pod's spec. */
export interface Container {
  readonly name: string;
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly resources?: { readonly requests?: Readonly<Record<string, string | number>> };
}

/** Files with fields of the pod. */
export interface DownwardFiles {
  readonly items?: readonly { readonly path: string; readonly fieldRef?: { readonly fieldPath: string } }[];
}

/** A volume, as far as it shows fields of the pod. */
export interface Volume {
  readonly name: string;
  readonly downwardAPI?: DownwardFiles;
  readonly projected?: { readonly sources?: readonly { readonly downwardAPI?: DownwardFiles }[] };
}

/** PodSpec. */
export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly { readonly name: string }[];
  readonly volumes?: readonly Volume[];
  readonly readinessGates?: readonly unknown[];
  readonly nodeName?: string;
  readonly shareProcessNamespace?: boolean;
  readonly hostPID?: boolean;
}

/** ContainerStatus. */
export interface ContainerStatus {
  readonly name: string;
  readonly ready: boolean;
  readonly restartCount: number;
  readonly containerID?: string;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
}

/** ContainerState. */
export interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly running?: { readonly startedAt?: string };
  readonly terminated?: { readonly reason?: string; readonly message?: string; readonly exitCode?: number };
}

/** v1 Pod. */
export interface Pod extends KubernetesObject {
  readonly spec: PodSpec;
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly startTime?: string;
    readonly conditions?: readonly Condition[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

/** autoscaling/v2 HorizontalPodAutoscaler and KEDA's ScaledObject: who else scales a target. */
export interface ScaleTargetHolder extends KubernetesObject {
  readonly spec: { readonly scaleTargetRef: { readonly kind?: string; readonly name: string } };
}

/** Whether the pod's condition Ready is true. */
export function isPodReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

/**
 * Who wrote `spec.replicas` last, by managedFields.
 *
 * @see https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
 */
export function replicasManager(object: KubernetesObject): string | undefined {
  let newest: ManagedFields | undefined;
  for (const entry of object.metadata.managedFields ?? []) {
    if (!ownsReplicas(entry)) continue;
    if (newest === undefined || (entry.time ?? '') >= (newest.time ?? '')) newest = entry;
  }
  return newest?.manager;
}

/** Whether an entry of managedFields covers `spec.replicas`. */
export function ownsReplicas({ fieldsV1 }: ManagedFields): boolean {
  const fields = fieldsV1 as { 'f:spec'?: { 'f:replicas'?: unknown } } | undefined;
  return fields?.['f:spec']?.['f:replicas'] !== undefined;
}

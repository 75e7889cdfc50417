/** The parts of a pod that the injection reads or writes; everything else passes through untouched. */

/** A probe, as far as it tells when the application can answer. */
export interface ProbeDocument {
  readonly httpGet?: { readonly path?: string; readonly port: number | string; readonly scheme?: string };
  readonly tcpSocket?: { readonly port: number | string };
}

/** What a container may do. */
export interface SecurityContextDocument {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly [field: string]: unknown;
}

/** A container. */
export interface ContainerDocument {
  readonly name: string;
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number; readonly protocol?: string }[];
  readonly lifecycle?: { readonly preStop?: unknown; readonly [hook: string]: unknown };
  readonly readinessProbe?: ProbeDocument;
  readonly livenessProbe?: ProbeDocument;
  readonly securityContext?: SecurityContextDocument;
  readonly restartPolicy?: string;
  readonly [field: string]: unknown;
}

/** A pod, or the template of one: it need not have a name. */
export interface PodDocument {
  readonly metadata?: {
    readonly name?: string;
    readonly generateName?: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>> | null;
    readonly annotations?: Readonly<Record<string, string>> | null;
    readonly ownerReferences?: readonly {
      readonly kind: string;
      readonly name: string;
      readonly controller?: boolean;
    }[];
    readonly [field: string]: unknown;
  };
  readonly spec: {
    readonly containers: readonly ContainerDocument[];
    readonly initContainers?: readonly ContainerDocument[];
    readonly volumes?: readonly { readonly name: string; readonly [field: string]: unknown }[];
    readonly readinessGates?: readonly unknown[];
    readonly securityContext?: SecurityContextDocument;
    readonly shareProcessNamespace?: boolean;
    readonly hostNetwork?: boolean;
    readonly hostPID?: boolean;
    readonly restartPolicy?: string;
    readonly terminationGracePeriodSeconds?: number;
    readonly os?: { readonly name?: string };
    readonly nodeSelector?: Readonly<Record<string, string>>;
    /** Resources of the whole pod. */
    readonly resources?: unknown;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

/** A label or an annotation of a pod; the annotation counts where both are there. */
export function markOf(pod: PodDocument, name: string): string | undefined {
  return pod.metadata?.annotations?.[name] ?? pod.metadata?.labels?.[name];
}

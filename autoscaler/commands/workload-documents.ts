import { parseAllDocuments, type Document } from 'yaml';
import { autoscalerSpecSchema } from '../../shared/api/autoscaler.ts';
import type { KnownApplication } from '../admission/application-target.ts';
import type { PodDocument } from '../admission/pod-document.ts';

/** A document that cannot be read; the message is a sentence with its place. */
export class DocumentError extends Error {
  override readonly name = 'DocumentError';
}

/** One document of a file. */
export interface SourceDocument {
  /** File and number, for sentences. */
  readonly where: string;
  /** The text as it came, with the comments before it. */
  readonly source: string;
  readonly yaml: Document;
  readonly value: unknown;
}

/** A pod, or a template of pods, in a document. */
export interface FoundPod {
  /** JSON pointer of the pod in its document. */
  readonly path: string;
  readonly pod: PodDocument;
  /** Kind and name, for sentences. */
  readonly name: string;
  /** The Deployment that makes such pods. */
  readonly target: { readonly namespace: string; readonly name: string } | undefined;
}

/** An application that an Autoscaler among the documents describes. */
export interface KnownTarget {
  readonly namespace: string;
  readonly name: string;
  readonly application: KnownApplication;
}

interface Manifest {
  readonly kind?: unknown;
  readonly metadata?: { readonly name?: string; readonly generateName?: string; readonly namespace?: string };
  readonly items?: readonly unknown[];
  readonly spec?: unknown;
}

/** Where the pod stands in objects of a kind. */
const PODS_AT: Readonly<Record<string, readonly string[]>> = {
  Pod: [],
  Deployment: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  ReplicationController: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
};

/**
 * The documents of a YAML text.
 *
 * @throws DocumentError with file, document and line
 */
export function documentsIn(file: string, text: string): SourceDocument[] {
  const parsed = parseAllDocuments(text);
  // A text with nothing but comments gives no list of documents.
  const documents = Array.isArray(parsed) ? (parsed as Document[]) : [];
  let end = 0;
  return documents.map((yaml, index) => {
    const where = `${file === '-' ? 'the standard input' : file}, document ${index + 1}`;
    const [error] = yaml.errors;
    if (error !== undefined) {
      const line = error.linePos?.[0].line;
      throw new DocumentError(
        `${where}${line === undefined ? '' : `, line ${line}`}: this is not YAML: ${(error.message.split('\n')[0] ?? '').replace(/:$/, '.')}`,
      );
    }
    const until = yaml.range?.[2] ?? text.length;
    const source = text.slice(end, until);
    end = until;
    return { where, source, yaml, value: yaml.toJS() as unknown };
  });
}

/**
 * The pods that a document describes; none in a document of another kind.
 *
 * @throws DocumentError where a workload has no containers
 */
export function podsIn({ value, where }: SourceDocument): FoundPod[] {
  return manifestsIn(value, '').flatMap(({ manifest, path }) => {
    const { kind, metadata } = manifest;
    const at = typeof kind === 'string' && Object.hasOwn(PODS_AT, kind) ? PODS_AT[kind] : undefined;
    if (at === undefined) return [];
    const name = `${String(kind)} ${metadata?.name ?? metadata?.generateName ?? 'without a name'}`;
    let pod: unknown = manifest;
    for (const key of at) pod = (pod as Record<string, unknown> | null | undefined)?.[key];
    if (!isPod(pod)) {
      throw new DocumentError(`${where}: ${name} has no ${[...at, 'spec', 'containers'].join('.')} with names.`);
    }
    const target =
      kind === 'Deployment' ? { namespace: metadata?.namespace ?? 'default', name: metadata?.name ?? '' } : undefined;
    return [{ path: [path, ...at].join('/'), pod, name, target }];
  });
}

/** What the Autoscalers of a document say about their Deployments. */
export function applicationsIn({ value, where }: SourceDocument): KnownTarget[] {
  return manifestsIn(value, '').flatMap(({ manifest }) => {
    if (manifest.kind !== 'Autoscaler') return [];
    const parsed = autoscalerSpecSchema.safeParse(manifest.spec);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new DocumentError(
        `${where}: Autoscaler ${manifest.metadata?.name ?? ''} is not valid: spec.${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}.`,
      );
    }
    const { scaleTargetRef, route, startup } = parsed.data;
    const namespace = manifest.metadata?.namespace ?? 'default';
    return [
      {
        namespace,
        name: scaleTargetRef.name,
        application: { port: route?.port, announceProbe: startup?.announceProbe },
      },
    ];
  });
}

function manifestsIn(value: unknown, path: string): { manifest: Manifest; path: string }[] {
  if (typeof value !== 'object' || value === null) return [];
  const manifest: Manifest = value;
  if (manifest.kind !== 'List' || !Array.isArray(manifest.items)) return [{ manifest, path }];
  return manifest.items.flatMap((item, index) => manifestsIn(item, `${path}/items/${index}`));
}

function isPod(value: unknown): value is PodDocument {
  const containers = (value as { spec?: { containers?: unknown } | null } | null | undefined)?.spec?.containers;
  return (
    Array.isArray(containers) &&
    containers.every((each: unknown) => typeof (each as { name?: unknown } | null)?.name === 'string')
  );
}

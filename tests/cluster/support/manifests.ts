import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { parseAllDocuments } from 'yaml';

/** A Kubernetes object as a manifest has it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** What a program printed, and its exit code. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs kubectl or helm to its end. */
export function tryRun(program: 'kubectl' | 'helm', args: readonly string[], input = ''): Finished {
  const { status, stdout, stderr, error } = spawnSync(program, args, { input, encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (error !== undefined) throw new Error(`${program} did not run: ${error.message}`, { cause: error });
  return { code: status ?? 1, stdout, stderr };
}

/** What it prints. @throws Error with its complaint */
export function run(program: 'kubectl' | 'helm', args: readonly string[], input = ''): string {
  const { code, stdout, stderr } = tryRun(program, args, input);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}: ${stderr}`);
  return stdout;
}

/** The objects of a text with several documents. */
export function objectsIn(yaml: string): Manifest[] {
  return parseAllDocuments(yaml, { merge: true })
    .map((document) => document.toJS() as Manifest | null)
    .filter((each) => each !== null);
}

/**
 * A Deployment with the component manifests/sidecar on it, used as its head says.
 *
 * @param env - settings of the sidecar that a patch after the component changes
 */
export function sidecarByHand(deployment: string, env: Readonly<Record<string, string>> = {}): Manifest[] {
  const folder = mkdtempSync('.nemesis-sidecar-');
  try {
    const [object] = objectsIn(deployment);
    if (object === undefined) throw new Error('There is no Deployment.');
    const labels = { ...object.metadata.labels, 'nemesis.io/sidecar': 'by-hand' };
    const labelled = { ...object, metadata: { ...object.metadata, labels } };
    const { apiVersion, kind, metadata } = object;
    const settings = Object.entries(env).map(([name, value]) => ({ name, value }));
    const spec = { template: { spec: { containers: [{ name: 'nemesis-sidecar', env: settings }] } } };
    const patch = JSON.stringify({ apiVersion, kind, metadata: { ...metadata, labels: undefined }, spec });
    writeFileSync(join(folder, 'deployment.yaml'), JSON.stringify(labelled));
    writeFileSync(
      join(folder, 'kustomization.yaml'),
      JSON.stringify({
        resources: ['deployment.yaml'],
        components: ['../manifests/sidecar'],
        patches: settings.length === 0 ? [] : [{ patch }],
      }),
    );
    return objectsIn(run('kubectl', ['kustomize', folder]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Kind, namespace and name. */
export function titleOf({ kind, metadata }: Manifest): string {
  return [kind, metadata.namespace, metadata.name].filter((part) => part !== undefined).join(' ');
}

/** The object without the labels and annotations that Helm gives to everything. */
export function withoutHelmsMarks(manifest: Manifest): Manifest {
  const { labels = {}, annotations = {}, ...metadata } = manifest.metadata;
  const ours = (marks: Readonly<Record<string, string>>) =>
    Object.fromEntries(
      Object.entries(marks).filter(
        ([name]) => !/^(helm\.sh\/|app\.kubernetes\.io\/(instance|version|managed-by)$)/.test(name),
      ),
    );
  const [labelsLeft, annotationsLeft] = [ours(labels), ours(annotations)];
  return {
    ...manifest,
    metadata: {
      ...metadata,
      ...(Object.keys(labelsLeft).length === 0 ? {} : { labels: labelsLeft }),
      ...(Object.keys(annotationsLeft).length === 0 ? {} : { annotations: annotationsLeft }),
    },
  };
}

/** The titles of the objects that are not equal in both, or only in one. */
export function differences(some: readonly Manifest[], others: readonly Manifest[]): string[] {
  const byTitle = new Map(others.map((each) => [titleOf(each), each]));
  const different = some
    .filter((each) => !isDeepStrictEqual(each, byTitle.get(titleOf(each))))
    .map((each) => (byTitle.has(titleOf(each)) ? `${titleOf(each)} differs` : `${titleOf(each)} is only in the first`));
  const known = new Set(some.map(titleOf));
  return [
    ...different,
    ...others.filter((each) => !known.has(titleOf(each))).map((each) => `${titleOf(each)} is only in the second`),
  ];
}

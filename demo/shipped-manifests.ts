import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import type { Manifest } from './apply.ts';

const MANIFESTS = join(import.meta.dirname, '..', 'manifests');
/** Applied last: what they need is there when their pods start. */
const LAST = new Set(['Deployment']);

interface Kustomization {
  readonly resources?: readonly string[];
  readonly labels?: readonly { readonly pairs: Readonly<Record<string, string>> }[];
}

/**
 * What `kubectl kustomize manifests/FOLDER` prints, in an order in which it can be applied. It reads what these files use of
 * kustomize: resources, and labels that go onto the objects alone.
 *
 * @throws Error for a field of a kustomization that it does not read
 */
export function shippedManifests(folder: string): Manifest[] {
  const objects = objectsOf(join(MANIFESTS, folder));
  return [...objects.filter(({ kind }) => !LAST.has(kind)), ...objects.filter(({ kind }) => LAST.has(kind))];
}

function objectsOf(folder: string): Manifest[] {
  const file = join(folder, 'kustomization.yaml');
  const { resources = [], labels = [], ...rest } = parse(readFileSync(file, 'utf8')) as Kustomization;
  const unread = Object.keys(rest).find((field) => field !== 'apiVersion' && field !== 'kind');
  if (unread !== undefined) throw new Error(`${file} has ${unread}, but only resources and labels are read here.`);
  const pairs = Object.assign({}, ...labels.map((each) => each.pairs)) as Record<string, string>;
  return resources
    .flatMap((resource) => {
      const path = join(folder, resource);
      if (!resource.endsWith('.yaml')) return objectsOf(path);
      return parseAllDocuments(readFileSync(path, 'utf8'), { merge: true }).map((each) => each.toJS() as Manifest);
    })
    .map((object) => (Object.keys(pairs).length === 0 ? object : labelled(object, pairs)));
}

function labelled(object: Manifest, pairs: Readonly<Record<string, string>>): Manifest {
  return { ...object, metadata: { ...object.metadata, labels: { ...object.metadata.labels, ...pairs } } };
}

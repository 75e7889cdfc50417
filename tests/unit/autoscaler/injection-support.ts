import { expect } from 'chai';
import { applyPatch } from 'rfc6902';
import type { KnownApplication } from '../../../autoscaler/admission/application-target.ts';
import { inject, type Injection, type InjectionOptions } from '../../../autoscaler/admission/injection.ts';
import { patchBetween, type PatchOperation } from '../../../autoscaler/admission/json-patch.ts';
import type { ContainerDocument, PodDocument } from '../../../autoscaler/admission/pod-document.ts';

/** Options of a cluster of today. */
export const OPTIONS: InjectionOptions = {
  image: 'nemesis:1',
  controllerUrl: 'https://controller:8091',
  version: '1.2.3',
  ca: 'PEM',
  native: true,
  deployed: false,
  application: undefined,
};
/** A cluster before native sidecars. */
export const OLD: InjectionOptions = { ...OPTIONS, native: false };

/** A container with HTTP on 8080. */
export function container(fields: Partial<ContainerDocument> = {}): ContainerDocument {
  return { name: 'main', image: 'app:1', ports: [{ name: 'http', containerPort: 8080 }], ...fields };
}

/** A pod with one container, unless its spec says otherwise. */
export function pod(spec: Partial<PodDocument['spec']> = {}, metadata: PodDocument['metadata'] = {}): PodDocument {
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [container()], ...spec } };
}

/** The injection, with its patch tried out by another implementation of RFC 6902. */
export function injected(given: PodDocument, options: InjectionOptions = OPTIONS): Injection {
  const before = structuredClone(given);
  const injection = inject(given, options);
  expect(given, 'the given pod is not touched').to.deep.equal(before);
  expect(patched(given, patchBetween(given, injection.pod))).to.deep.equal(plain(injection.pod));
  return injection;
}

/** As {@link inject} with what an Autoscaler says. */
export function withApplication(application: Partial<KnownApplication>): InjectionOptions {
  return { ...OPTIONS, application: { port: undefined, announceProbe: undefined, ...application } };
}

/** The sidecar of an injected pod. */
export function sidecarOf({ spec }: PodDocument): ContainerDocument {
  const found = [...(spec.initContainers ?? []), ...spec.containers].filter(({ name }) => name === 'nemesis-sidecar');
  expect(found).to.have.length(1);
  return found[0]!;
}

/** The plain values of the sidecar's environment. */
export function environmentOf(injection: Injection): Record<string, string> {
  const env = sidecarOf(injection.pod)['env'] as { name: string; value?: string }[];
  return Object.fromEntries(env.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])));
}

/** A copy of a document after a patch, by a library. @throws the first operation that fails */
export function patched(document: object, patch: readonly PatchOperation[]): unknown {
  const copy = plain(document);
  const failed = applyPatch(copy, [...patch]).find((each) => each !== null);
  if (failed) throw failed;
  return copy;
}

/** As JSON keeps it. */
export function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Container, KeyToPath, KeyedData, Pod, ProjectedSource, Volume } from '../model/workloads.ts';
import { entriesOf, fieldValue, type References } from './environment.ts';
import type { Mount } from './path-rewriter.ts';

/** Issues a token bound to the pod; `expires` in seconds since 1970. */
export type TokenIssuer = (
  pod: Pod,
  audience: string | undefined,
  seconds: number,
) => Promise<{ token: string; expires: number }>;

/** Something that a volume is made of is not there yet. */
export class MountError extends Error {
  override readonly name = 'MountError';
}

type Files = Map<string, Buffer>;

const DEFAULT_TOKEN_SECONDS = 3600;
const tokenKey = (audience: string | undefined, seconds: number): string => `${audience ?? ''} ${seconds}`;

function select(object: KeyedData, items: readonly KeyToPath[] | undefined): Files {
  const entries = entriesOf(object);
  if (!items) return entries;
  return new Map(
    items.flatMap(({ key, path }) => (entries.has(key) ? [[path, entries.get(key) ?? Buffer.alloc(0)]] : [])),
  );
}

/** The volumes of one pod as directories; they follow changes of what they are made of. */
export class PodVolumes {
  readonly #directory: string;
  readonly #references: References;
  readonly #issue: TokenIssuer;
  readonly #tokens = new Map<string, { token: string; refreshAt: number }>();

  constructor(directory: string, references: References, issue: TokenIssuer) {
    this.#directory = directory;
    this.#references = references;
    this.#issue = issue;
  }

  /** Takes the tokens that the volumes need, and those anew that have lived most of their life. */
  async renewTokens(pod: Pod): Promise<void> {
    const wanted = (pod.spec.volumes ?? []).flatMap(({ projected }) =>
      (projected?.sources ?? []).flatMap(({ serviceAccountToken }) => serviceAccountToken ?? []),
    );
    for (const { audience, expirationSeconds = DEFAULT_TOKEN_SECONDS } of wanted) {
      const key = tokenKey(audience, expirationSeconds);
      if (Date.now() < (this.#tokens.get(key)?.refreshAt ?? 0)) continue;
      const { token, expires } = await this.#issue(pod, audience, expirationSeconds);
      // The real kubelet refreshes a token at 80 % of its life.
      this.#tokens.set(key, { token, refreshAt: Date.now() + 0.8 * (expires * 1000 - Date.now()) });
    }
  }

  /** Writes all volumes, and again only what changed; the tokens are there before. Returns when to call again, or undefined. @throws MountError */
  sync(pod: Pod): number | undefined {
    for (const volume of pod.spec.volumes ?? []) {
      if (volume.hostPath) continue;
      const directory = join(this.#directory, volume.name);
      mkdirSync(directory, { recursive: true });
      const files = this.#files(pod, volume);
      if (files) this.#write(directory, files);
    }
    const due = [...this.#tokens.values()].map(({ refreshAt }) => refreshAt);
    return due.length === 0 ? undefined : Math.min(...due);
  }

  /** Where a container's mount paths really are. */
  mounts(pod: Pod, container: Container): Mount[] {
    return (container.volumeMounts ?? []).map(({ name, mountPath, subPath }) => {
      const hostPath = pod.spec.volumes?.find((volume) => volume.name === name)?.hostPath?.path;
      return { mountPath, directory: join(hostPath ?? join(this.#directory, name), subPath ?? '') };
    });
  }

  #files(pod: Pod, volume: Volume): Files | undefined {
    if (volume.configMap) return this.#projected(pod, [{ configMap: volume.configMap }]);
    if (volume.secret) return this.#projected(pod, [{ secret: { ...volume.secret, name: volume.secret.secretName } }]);
    if (volume.downwardAPI) return this.#projected(pod, [{ downwardAPI: volume.downwardAPI }]);
    return volume.projected ? this.#projected(pod, volume.projected.sources ?? []) : undefined;
  }

  #projected(pod: Pod, sources: readonly ProjectedSource[]): Files {
    const files: Files = new Map();
    const namespace = pod.metadata.namespace ?? '';
    for (const { serviceAccountToken, configMap, secret, downwardAPI } of sources) {
      if (serviceAccountToken) {
        const { audience, expirationSeconds = DEFAULT_TOKEN_SECONDS, path } = serviceAccountToken;
        files.set(path, Buffer.from(this.#tokens.get(tokenKey(audience, expirationSeconds))?.token ?? ''));
      }
      for (const { path, fieldRef } of downwardAPI?.items ?? []) {
        if (fieldRef) files.set(path, Buffer.from(fieldValue(pod, fieldRef.fieldPath)));
      }
      for (const [kind, reference, find] of [
        ['configmap', configMap, this.#references.configMap],
        ['secret', secret, this.#references.secret],
      ] as const) {
        if (!reference) continue;
        const object = find(namespace, reference.name);
        if (!object && !reference.optional) throw new MountError(`${kind} "${reference.name}" not found`);
        if (object) for (const [path, content] of select(object, reference.items)) files.set(path, content);
      }
    }
    return files;
  }

  #write(directory: string, files: Files): void {
    for (const [path, content] of files) {
      const target = join(directory, path);
      mkdirSync(dirname(target), { recursive: true });
      // Renamed into place, so that a reader never sees half a file.
      writeFileSync(`${target}.new`, content);
      renameSync(`${target}.new`, target);
    }
    for (const name of readdirSync(directory)) {
      if (![...files.keys()].some((path) => path.split('/')[0] === name))
        rmSync(join(directory, name), { recursive: true });
    }
  }
}

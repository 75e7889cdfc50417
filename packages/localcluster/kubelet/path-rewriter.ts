/** A path that a container expects, and the directory that stands for it. */
export interface Mount {
  mountPath: string;
  directory: string;
}

/**
 * Replaces mount paths by the real directories wherever one stands as the beginning of a path in a text. A process has
 * no mount namespace of its own here, so this is how `/etc/app/config.yaml` in an argument finds its volume.
 */
export function rewritePaths(text: string, mounts: readonly Mount[]): string {
  if (mounts.length === 0 || !text.includes('/')) return text;
  // The longest path first, so that a mount inside another one wins.
  const ordered = [...mounts].sort((a, b) => b.mountPath.length - a.mountPath.length);
  const names = ordered.map(({ mountPath }) => mountPath.replace(/\/$/, '').replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const pattern = new RegExp(`(?<![\\w./-])(${names.join('|')})(?![\\w.-])`, 'g');
  const targets = new Map(ordered.map(({ mountPath, directory }) => [mountPath.replace(/\/$/, ''), directory]));
  return text.replace(pattern, (path) => targets.get(path) ?? path);
}

/**
 * The path of an HTTP probe as it is sent: Kubernetes takes any text, and what HTTP does not allow is percent-encoded, as
 * the kubelet does it. Example: `/health check` is asked for as `/health%20check`.
 */
export function probePath(path: string): string {
  return path.toWellFormed().replace(/[^\x21-\x7e]/gu, (character) => encodeURIComponent(character));
}

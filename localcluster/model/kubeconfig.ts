import { stringify } from 'yaml';

/**
 * A kubeconfig for a server on plain HTTP with a bearer token. The token stands in the server's path too, because
 * kubectl sends none in a header without TLS; other clients may use either.
 */
export function formatKubeconfig(server: string, token: string, namespace = 'default'): string {
  const name = 'localcluster';
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: `${server}/as/${token}` } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace } }],
    'current-context': name,
  });
}

import { stringify } from 'yaml';

/**
 * A kubeconfig for a server on plain HTTP with a bearer token. The token stands in the server's path too, because
 * kubectl sends none in a header without TLS; other clients may use either. @kubernetes/client-node speaks plain HTTP
 * only where certificates need not be verified.
 */
export function formatKubeconfig(server: string, token: string, namespace = 'default'): string {
  const name = 'localcluster';
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: `${server}/as/${token}`, 'insecure-skip-tls-verify': true } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace } }],
    'current-context': name,
  });
}

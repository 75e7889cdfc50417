import { KubeConfig } from '@kubernetes/client-node';
import { KubeApi } from '../../shared/kubernetes/kube-api.ts';
import { messageOf } from '../../shared/runtime/message-of.ts';
import { anyText, option, UsageError, type OptionValues } from './options.ts';

/** The options of every command that asks a cluster. */
export const CLUSTER_OPTIONS = {
  kubeconfig: option({
    value: 'FILE',
    description: "kubeconfig (default $KUBECONFIG, then ~/.kube/config, then the pod's service account)",
    parse: anyText,
  }),
  context: option({
    value: 'NAME',
    description: 'context of the kubeconfig (default its current one)',
    parse: anyText,
  }),
  token: option({
    value: 'TOKEN',
    description: 'bearer token instead of the user of the context (default $NEMESIS_TOKEN, which ps does not show)',
    parse: anyText,
  }),
};

/**
 * A client of the cluster that the options name, as the user of the context (its token, exec plugin or certificate), or with
 * the token where one is given.
 *
 * @param environmentToken - what NEMESIS_TOKEN says; empty: nothing
 * @throws UsageError when there is no such kubeconfig or context
 */
export function connect(
  { kubeconfig, context, token }: OptionValues<typeof CLUSTER_OPTIONS>,
  environmentToken: string,
  userAgent: string,
): KubeApi {
  const config = load(kubeconfig);
  if (context !== undefined) choose(config, context);
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    const known = namesOf(config);
    throw new UsageError(`The kubeconfig has no current context with a cluster; name one with --context: ${known}.`);
  }
  const shown = token ?? environmentToken;
  if (shown !== '') config.loadFromClusterAndUser(cluster, { name: 'token', token: shown });
  return new KubeApi(config, userAgent);
}

function load(file: string | undefined): KubeConfig {
  const config = new KubeConfig();
  const source = file === undefined ? 'The kubeconfig' : `--kubeconfig is "${file}", which`;
  try {
    if (file === undefined) config.loadFromDefault();
    else config.loadFromFile(file);
  } catch (error) {
    throw new UsageError(`${source} cannot be read: ${messageOf(error)}.`);
  }
  // What the client falls back to where it finds nothing.
  if (file === undefined && config.getCurrentCluster()?.server === 'http://localhost:8080') {
    throw new UsageError('There is no kubeconfig, and this is not a pod; name one with --kubeconfig or KUBECONFIG.');
  }
  return config;
}

function choose(config: KubeConfig, context: string): void {
  if (config.getContextObject(context) === null) {
    throw new UsageError(`--context is "${context}", but the kubeconfig has ${namesOf(config)}.`);
  }
  config.setCurrentContext(context);
}

function namesOf(config: KubeConfig): string {
  const names = config.getContexts().map(({ name }) => name);
  return names.length === 0 ? 'no context' : names.join(', ');
}

import { setTimeout as delay } from 'node:timers/promises';
import { APPLICATION } from './demo-application.ts';
import type { TourContext } from './tour-context.ts';

interface ApplicationState {
  readonly replicas?: number;
  readonly readyReplicas: number;
  readonly status?: { readonly phase?: string };
  readonly signals: {
    readonly inFlight: number | null;
    readonly queued: number | null;
    readonly idleSeconds: number | null;
  };
}

/** Says what a person can try now. */
export function printInvitation(
  { screen, balancerUrl, autoscalerUrl }: TourContext,
  dataUrl: string,
  kubeconfig: string,
): void {
  const target = `${APPLICATION.namespace}/${APPLICATION.name}`;
  screen.heading('It stays up for you. Ctrl-C ends everything.');
  const lines: [string, string][] = [
    [
      'ask the model; it wakes when it sleeps',
      `curl -d '{"text": "What a lovely day!"}' ${dataUrl}${APPLICATION.path}`,
    ],
    ['a text that costs 500 ms of CPU', `curl -d '{"text": "Hm."}' '${dataUrl}${APPLICATION.path}?workMs=500'`],
    ['the last requests', `curl '${balancerUrl}/proxy/logs?limit=5'`],
    ['the application with its signals', `curl ${autoscalerUrl}/api/v1/applications/${target}`],
    ['why it has how many replicas', `curl '${autoscalerUrl}/api/v1/history/decisions?limit=5'`],
    ['its cold starts', `curl ${autoscalerUrl}/api/v1/history/coldStarts`],
    [
      'another disabling rule',
      `curl -X PUT -H 'content-type: application/json' -d '{"idleSeconds": 60}' ${autoscalerUrl}/api/v1/applications/${target}/sleep`,
    ],
    ['both APIs', `${autoscalerUrl}/openapi.json  ${balancerUrl}/openapi.json`],
    ['the cluster, for kubectl', `export KUBECONFIG=${kubeconfig}; kubectl get autoscalers -A`],
  ];
  for (const [what, how] of lines) {
    screen.say(`  ${screen.dim(what)}`);
    screen.say(`    ${how}`);
  }
  screen.say();
}

/** Shows the state of the application until the signal comes: in one line that changes, or in a line for each change. */
export async function showStatus({ screen, autoscalerUrl }: TourContext, signal: AbortSignal): Promise<void> {
  let last = '';
  while (!signal.aborted) {
    const text = await stateOf(autoscalerUrl).catch(() => 'the autoscaler does not answer');
    if (screen.rich) screen.over(`  ${text}`);
    else if (text !== last) screen.say(`  ${text}`);
    last = text;
    await delay(500, undefined, { signal }).catch(() => undefined);
  }
  if (screen.rich) screen.over('');
}

async function stateOf(autoscalerUrl: string): Promise<string> {
  const { namespace, name } = APPLICATION;
  const response = await fetch(`${autoscalerUrl}/api/v1/applications/${namespace}/${name}`);
  if (!response.ok) return `the autoscaler answers ${response.status}`;
  const { status, replicas, readyReplicas, signals } = (await response.json()) as ApplicationState;
  const parts = [
    `${namespace}/${name}: ${status?.phase ?? 'unknown'}`,
    `replicas ${readyReplicas}/${replicas ?? 0}`,
    `in flight ${signals.inFlight ?? '-'}`,
    `held ${signals.queued ?? '-'}`,
  ];
  return parts.join('   ');
}

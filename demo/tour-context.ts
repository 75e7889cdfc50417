import type { ClusterView } from './cluster-view.ts';
import type { ModelClient } from './model-client.ts';
import type { Screen } from './screen.ts';

/** What the steps of the tour use. */
export interface TourContext {
  readonly screen: Screen;
  readonly view: ClusterView;
  readonly client: ModelClient;
  /** Base URL of the balancer's API. */
  readonly balancerUrl: string;
  /** Base URL of the autoscaler's API. */
  readonly autoscalerUrl: string;
  /** Number of model processes on this machine; undefined where the system does not tell. */
  readonly processes: () => number | undefined;
}

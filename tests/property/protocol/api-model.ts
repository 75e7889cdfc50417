import { KubeError, type KubeClient, type KubeRequestOptions } from '../../../shared/kubernetes/kube-api.ts';
import type { ClusterModel } from './cluster-model.ts';
import type { Process, Simulation } from './simulation.ts';

/** A change of replicas on its way, for those who judge it when it lands. */
export interface ScaleCall {
  readonly owner: Process;
  readonly sentMs: number;
  readonly drainId: string | undefined;
  readonly manager: string;
}

/** A client of the model's API server: each leg of a call takes a chosen time, and either may be lost. */
export class ApiModel implements KubeClient {
  readonly #sim: Simulation;
  readonly #cluster: ClusterModel;
  readonly #owner: Process;
  readonly #onScaleCall: (call: ScaleCall | undefined) => void;

  constructor(
    sim: Simulation,
    cluster: ClusterModel,
    owner: Process,
    onScaleCall: (call: ScaleCall | undefined) => void,
  ) {
    this.#sim = sim;
    this.#cluster = cluster;
    this.#owner = owner;
    this.#onScaleCall = onScaleCall;
  }

  request<T>(method: string, path: string, options: KubeRequestOptions = {}): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const sim = this.#sim;
    let settled = false;
    const answer = (delayMs: number, settle: () => void): void => {
      sim.schedule(
        delayMs,
        () => {
          if (settled) return;
          settled = true;
          settle();
        },
        this.#owner,
      );
    };
    answer(options.timeoutMs ?? 10_000, () => reject(new Error('the call timed out')));
    const fate = sim.calm ? 0 : sim.choose(24);
    if (fate === 23) {
      answer(1, () => reject(new Error('connect ECONNREFUSED')));
      return promise;
    }
    const call = {
      owner: this.#owner,
      sentMs: sim.nowMs,
      drainId: this.#cluster.status.drainId,
      manager: String(options.query?.['fieldManager'] ?? ''),
    };
    // The request is in the network: it lands whatever becomes of its sender.
    sim.schedule(sim.latencyMs(), () => {
      const result = this.#execute(method, path, options, call);
      if (fate === 22) return;
      answer(sim.latencyMs(), () => (result instanceof Error ? reject(result) : resolve(result as T)));
    });
    return promise;
  }

  #execute(method: string, path: string, options: KubeRequestOptions, call: ScaleCall): unknown {
    const body = (options.body ?? { metadata: {} }) as {
      metadata: { resourceVersion?: string };
      spec?: { replicas: number };
      status: Record<string, unknown>;
    };
    const conflict = new KubeError(409, 'Conflict', 'the object has been modified');
    const { resourceVersion } = body.metadata;
    const scales = body.spec !== undefined && /\/deployments\/sentiment(\/scale)?$/.test(path);
    if (method === 'PATCH' && scales) {
      this.#onScaleCall(call);
      const done = this.#cluster.scale(body.spec?.replicas ?? 0, resourceVersion, call.manager);
      this.#onScaleCall(undefined);
      return done ? { metadata: { resourceVersion: String(this.#cluster.deploymentRv) } } : conflict;
    }
    if (method === 'PATCH' && path.endsWith('/status')) {
      const done = this.#cluster.patchStatus(body.status, resourceVersion ?? '');
      return done ? { metadata: { resourceVersion: String(this.#cluster.statusRv) } } : conflict;
    }
    if (method === 'PATCH' && path.endsWith('/deployments/sentiment')) this.#cluster.touch();
    return {};
  }
}

import type { KubeClient, KubeRequestOptions } from '../../shared/kubernetes/kube-api.ts';

/**
 * A client of an API server that is not there.
 *
 * @param answer - what each request is answered with
 */
export function kubeClient(
  answer: (method: string, path: string, options: KubeRequestOptions) => Promise<unknown>,
): KubeClient {
  // As in the real client, the caller says what the type of the answer is.
  return {
    request: <T>(method: string, path: string, options?: KubeRequestOptions) =>
      answer(method, path, options ?? {}) as Promise<T>,
  };
}

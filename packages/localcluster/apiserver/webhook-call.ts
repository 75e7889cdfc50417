import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isObject, type JsonObject } from '../model/json.ts';
import { ApiError } from './api-error.ts';
import type { Webhook } from './webhook-match.ts';

/** Finds the address of a Service. */
export type ServiceLookup = (namespace: string, name: string) => string | undefined;

function failure(webhook: Webhook, why: string): ApiError {
  return new ApiError(
    500,
    'InternalError',
    `Internal error occurred: failed calling webhook "${webhook.name}": failed to call webhook: ${why}`,
  );
}

function endpoint({ clientConfig }: Webhook, lookup: ServiceLookup): { url: URL; servername?: string } | undefined {
  if (clientConfig.url !== undefined) return { url: new URL(clientConfig.url) };
  const { service } = clientConfig;
  const address = service && lookup(service.namespace, service.name);
  if (!service || address === undefined) return undefined;
  const path = (service.path ?? '/').replace(/^\/?/, '/');
  return {
    url: new URL(`https://${address}:${service.port ?? 443}${path}`),
    servername: `${service.name}.${service.namespace}.svc`,
  };
}

function post(webhook: Webhook, lookup: ServiceLookup, body: string): Promise<string> {
  const found = endpoint(webhook, lookup);
  const { service, caBundle } = webhook.clientConfig;
  if (!found) return Promise.reject(failure(webhook, `service "${service?.name ?? ''}" not found`));
  const { url, servername } = found;
  const signal = AbortSignal.timeout((webhook.timeoutSeconds ?? 10) * 1000);
  return new Promise((resolve, reject) => {
    const options = {
      method: 'POST',
      agent: false as const,
      signal,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      ...(caBundle === undefined ? {} : { ca: Buffer.from(caBundle, 'base64') }),
      ...(servername === undefined ? {} : { servername }),
    };
    const fail = (error: Error): void => {
      const why = signal.aborted ? 'context deadline exceeded' : error.message;
      reject(failure(webhook, `Post "${url.href}": ${why}`));
    };
    const request = (url.protocol === 'http:' ? httpRequest : httpsRequest)(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', fail);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString());
        else fail(new Error(`an error on the server: status ${response.statusCode ?? 0}`));
      });
    });
    request.on('error', fail);
    request.end(body);
  });
}

/** Asks a webhook. Returns its response; undefined where it cannot be reached and its failurePolicy is Ignore. @throws ApiError 500 */
export async function callWebhook(
  webhook: Webhook,
  lookup: ServiceLookup,
  request: JsonObject,
): Promise<JsonObject | undefined> {
  try {
    const review = { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', request };
    const answer: unknown = JSON.parse(await post(webhook, lookup, JSON.stringify(review)));
    const response = isObject(answer) ? answer['response'] : undefined;
    if (!isObject(response) || response['uid'] !== request['uid'])
      throw failure(webhook, 'the answer has no response for this request');
    return response;
  } catch (error) {
    if (webhook.failurePolicy === 'Ignore') return undefined;
    throw error instanceof ApiError ? error : failure(webhook, String(error));
  }
}

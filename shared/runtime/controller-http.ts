import { Agent } from 'node:http';
import axios, { type AxiosInstance } from 'axios';
import type { ProgramCredentials } from './program-credentials.ts';

/**
 * The client with which a program of ours asks the controller. It shows the pod's token, keeps its connections, goes through
 * no proxy and follows no redirect, on which a token would be lost or leak.
 *
 * @param timeoutMs - for a whole answer, where the request does not say it; 0: none
 */
export function createControllerHttp(baseUrl: string, credentials: ProgramCredentials, timeoutMs = 0): AxiosInstance {
  const http = axios.create({
    baseURL: baseUrl,
    timeout: timeoutMs,
    httpAgent: new Agent({ keepAlive: true, maxSockets: credentials.maxSockets }),
    maxRedirects: 0,
    proxy: false,
  });
  http.interceptors.request.use((config) => {
    const authorization = credentials.authorization();
    if (authorization !== undefined) config.headers.set('authorization', authorization);
    config.httpsAgent = credentials.httpsAgent();
    return config;
  });
  return http;
}

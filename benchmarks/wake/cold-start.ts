import { request, type Agent } from 'node:http';
import { wallMs } from '../report.ts';
import type { Fleet } from './fleet.ts';

/** The phases of one cold start, in milliseconds. */
export interface ColdStart {
  /** When the request was sent, epoch ms. */
  readonly sentAt: number;
  readonly name: string;
  readonly decision: number;
  readonly start: number;
  readonly release: number;
  readonly serve: number;
  readonly total: number;
}

/** The phases in their order. */
export const PHASES = ['decision', 'start', 'release', 'serve', 'total'] as const;

/** Sends a request to a sleeping application and says how long each phase took. */
export async function coldStart(fleet: Fleet, name: string, dataUrl: string, agent: Agent): Promise<ColdStart> {
  const sentAt = wallMs();
  const answer = await get(`${dataUrl}/${name}`, agent);
  const answeredAt = wallMs();
  const wokenAt = await fleet.wokenAt(name);
  return {
    sentAt,
    name,
    decision: wokenAt - sentAt,
    start: answer.listeningAt - wokenAt,
    release: answer.receivedAt - answer.listeningAt,
    serve: answeredAt - answer.receivedAt,
    total: answeredAt - sentAt,
  };
}

function get(url: string, agent: Agent): Promise<{ listeningAt: number; receivedAt: number }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { agent }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(body) as { listeningAt: number; receivedAt: number });
        else reject(new Error(`${url} answered ${response.statusCode ?? 0}: ${body}`));
      });
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

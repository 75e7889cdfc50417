import type { ApplicationSettings } from '../domain/application-settings.ts';
import type { DataPlaneLimits } from './ports.ts';
import type { Upload } from './body/upload.ts';

/** How far a request has come. `buffering`: its body is read before it asks for a pod. */
export type Stage = 'new' | 'buffering' | 'waiting' | 'connecting' | 'sent' | 'responding' | 'tunnel' | 'done';

/** Which time-out has passed. */
export type Overdue = 'connect' | 'body' | 'answer' | 'silence' | undefined;

/** Where a request stands, as far as time-outs go. */
export interface Progress {
  readonly stage: Stage;
  /** Since bytes of the request or of its answer last moved. */
  readonly silentMs: number;
  readonly upload: Upload;
  /** The client is waited for: more of the body could be taken now. */
  readonly wantsBytes: boolean;
  /** The client must take what was written before the pod is read from again. */
  readonly holdsBack: boolean;
}

/**
 * Decides whether a request has taken too long at its stage. Waiting in the hold is the application's matter, and has a
 * deadline there; a client that takes nothing of its answer is its connection's, see `writeTimeoutMs`.
 */
export function overdue(progress: Progress, settings: ApplicationSettings, limits: DataPlaneLimits): Overdue {
  const { stage, silentMs, upload, wantsBytes } = progress;
  switch (stage) {
    case 'buffering':
      return bodyOverdue(silentMs, upload, settings) ? 'body' : undefined;
    case 'connecting':
      return silentMs > limits.connectTimeoutMs ? 'connect' : undefined;
    case 'sent':
      if (wantsBytes) return bodyOverdue(silentMs, upload, settings) ? 'body' : undefined;
      return silentMs > settings.responseTimeoutMs ? 'answer' : undefined;
    case 'responding':
      if (wantsBytes && tooSlow(upload, settings)) return 'body';
      return !progress.holdsBack && silentMs > settings.idleTimeoutMs ? 'silence' : undefined;
    case 'tunnel':
      return silentMs > settings.tunnelTimeoutMs ? 'silence' : undefined;
    case 'new':
    case 'waiting':
    case 'done':
      return undefined;
  }
}

function bodyOverdue(silentMs: number, upload: Upload, settings: ApplicationSettings): boolean {
  return silentMs > settings.bodyTimeoutMs || tooSlow(upload, settings);
}

/**
 * Whether a body arrives below the minimum rate; the body time-out is what a client may save up, so that a slow beginning is
 * forgiven (Apache httpd, mod_reqtimeout: `body=TIMEOUT,MinRate=RATE`). Only the time counts in which the client was waited
 * for. Example: with 60 s and 240 bytes per second 24,000 bytes must have arrived after 160 s.
 */
function tooSlow(upload: Upload, { bodyTimeoutMs, minBodyBytesPerSecond }: ApplicationSettings): boolean {
  return minBodyBytesPerSecond > 0 && upload.waitedMs > bodyTimeoutMs + (upload.bytes * 1000) / minBodyBytesPerSecond;
}

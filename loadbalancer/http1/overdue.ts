import type { ApplicationSettings } from '../domain/application-settings.ts';
import type { DataPlaneLimits } from './ports.ts';

/** How far a request has come. */
export type Stage = 'new' | 'waiting' | 'connecting' | 'sent' | 'responding' | 'tunnel' | 'done';

/** Which time-out has passed. */
export type Overdue = 'connect' | 'body' | 'answer' | 'silence' | undefined;

/**
 * Decides whether a request has been silent for too long at its stage. Waiting in the hold is the application's matter, and
 * has a deadline there.
 */
export const overdue = (
  stage: Stage,
  silentMs: number,
  uploadComplete: boolean,
  settings: ApplicationSettings,
  limits: DataPlaneLimits,
): Overdue => {
  switch (stage) {
    case 'connecting':
      return silentMs > limits.connectTimeoutMs ? 'connect' : undefined;
    case 'sent':
      if (!uploadComplete) return silentMs > settings.idleTimeoutMs ? 'body' : undefined;
      return silentMs > settings.responseTimeoutMs ? 'answer' : undefined;
    case 'responding':
    case 'tunnel':
      return silentMs > settings.idleTimeoutMs ? 'silence' : undefined;
    case 'new':
    case 'waiting':
    case 'done':
      return undefined;
  }
};

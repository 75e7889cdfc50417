import type { AutoscalerSpec } from '../../shared/api/autoscaler.ts';
import type { LoadBalancerSettingsSpec } from '../../shared/api/load-balancer-settings.ts';
import { parseBytes } from '../../shared/api/quantity.ts';
import type { ApplicationSettings } from '../domain/application-settings.ts';

/** How an application is balanced: what its resource says, else what the settings say. */
export function applicationSettings(spec: AutoscalerSpec, settings: LoadBalancerSettingsSpec): ApplicationSettings {
  const own = spec.loadBalancing ?? {};
  return {
    policy: own.policy ?? settings.policy,
    maxConcurrencyPerReplica: own.maxConcurrencyPerReplica ?? settings.maxConcurrencyPerReplica,
    buffer: {
      maxRequests: spec.buffer?.maxRequests ?? settings.maxRequests,
      maxBytes: parseBytes(spec.buffer?.maxBytes ?? settings.maxBytes),
      holdMs: (spec.buffer?.holdSeconds ?? settings.holdSeconds) * 1000,
    },
    bodyTimeoutMs: (own.bodyTimeoutSeconds ?? settings.bodyTimeoutSeconds) * 1000,
    minBodyBytesPerSecond: own.minBodyBytesPerSecond ?? settings.minBodyBytesPerSecond,
    responseTimeoutMs: (own.responseTimeoutSeconds ?? settings.responseTimeoutSeconds) * 1000,
    idleTimeoutMs: (own.idleTimeoutSeconds ?? settings.idleTimeoutSeconds) * 1000,
    clientWriteTimeoutMs: (own.clientWriteTimeoutSeconds ?? settings.clientWriteTimeoutSeconds) * 1000,
    tunnelTimeoutMs: (own.tunnelTimeoutSeconds ?? settings.tunnelTimeoutSeconds) * 1000,
  };
}

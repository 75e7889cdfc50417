import type { AutoscalerSpec } from '../../shared/api/autoscaler.ts';
import type { LoadBalancerSettingsSpec } from '../../shared/api/load-balancer-settings.ts';
import { parseBytes } from '../../shared/api/quantity.ts';
import type { ApplicationSettings } from '../domain/application-settings.ts';

/** How an application is balanced: what its resource says, else what the settings say. */
export function applicationSettings(spec: AutoscalerSpec, settings: LoadBalancerSettingsSpec): ApplicationSettings {
  const responseTimeoutMs = (spec.loadBalancing?.responseTimeoutSeconds ?? settings.responseTimeoutSeconds) * 1000;
  return {
    policy: spec.loadBalancing?.policy ?? settings.policy,
    maxConcurrencyPerReplica: spec.loadBalancing?.maxConcurrencyPerReplica ?? settings.maxConcurrencyPerReplica,
    buffer: {
      maxRequests: spec.buffer?.maxRequests ?? settings.maxRequests,
      maxBytes: parseBytes(spec.buffer?.maxBytes ?? settings.maxBytes),
      holdMs: (spec.buffer?.holdSeconds ?? settings.holdSeconds) * 1000,
    },
    responseTimeoutMs,
    idleTimeoutMs: responseTimeoutMs,
  };
}

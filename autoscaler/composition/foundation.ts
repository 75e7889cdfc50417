import type { Registry } from 'prom-client';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Lifecycle } from '../../shared/runtime/lifecycle.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import type { SettingValues } from '../../shared/runtime/settings.ts';
import type { autoscalerSettings } from '../config.ts';
import type { ControllerMetrics } from '../metrics/controller-metrics.ts';

/** What every group of parts is built on. */
export interface Foundation {
  readonly settings: SettingValues<typeof autoscalerSettings>;
  readonly logger: Logger;
  readonly lifecycle: Lifecycle;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly metrics: ControllerMetrics;
  /** Where this process runs. */
  readonly self: { readonly namespace: string; readonly podName: string };
  /** Name of this process among the controllers. */
  readonly identity: string;
}

import type { Registry } from 'prom-client';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Lifecycle } from '../../shared/runtime/lifecycle.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import type { SettingValues } from '../../shared/runtime/settings.ts';
import type { loadbalancerSettings } from '../config.ts';

/** What every group of parts is built on. */
export interface Foundation {
  readonly settings: SettingValues<typeof loadbalancerSettings>;
  readonly logger: Logger;
  readonly lifecycle: Lifecycle;
  readonly clock: Clock;
  readonly random: () => number;
  readonly registry: Registry;
}

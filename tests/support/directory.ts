import { HoldBudget } from '../../loadbalancer/domain/hold-queue.ts';
import { Announcements } from '../../loadbalancer/routing/announcements.ts';
import {
  ApplicationDirectory,
  type ApplicationDirectoryDeps,
} from '../../loadbalancer/routing/application-directory.ts';
import { DEFAULT_SETTINGS } from '../../shared/api/load-balancer-settings.ts';
import type { ApplicationSnapshot } from '../../shared/kubernetes/application-watch.ts';
import { FakeClock } from './fake-clock.ts';

/** What a balancer watches, with these applications in it and nothing else. */
export function watchOf(...applications: readonly ApplicationSnapshot[]): ApplicationDirectoryDeps['watch'] {
  return {
    get: (key) => applications.find((each) => each.key === key),
    settings: DEFAULT_SETTINGS,
    synced: true,
    connected: true,
  };
}

/** A balancer's applications, those of these keys, and the routes to them. */
export function directoryOf(
  watch: ApplicationDirectoryDeps['watch'],
  ...keys: readonly string[]
): ApplicationDirectory {
  const directory = new ApplicationDirectory({
    watch,
    announcements: new Announcements(),
    budget: new HoldBudget(2 ** 28),
    clock: new FakeClock(),
    random: () => 0,
  });
  for (const key of keys) directory.update(key);
  return directory;
}

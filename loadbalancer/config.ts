import { commonSettings } from '../shared/runtime/common-settings.ts';
import { controllerSettings } from '../shared/runtime/controller-settings.ts';
import { integer, text } from '../shared/runtime/settings.ts';

/** The settings of the load balancer, from its environment. */
export const loadbalancerSettings = {
  ...commonSettings,
  dataAddress: text('NEMESIS_DATA_ADDRESS', {
    description: 'Address that the data plane listens on.',
    fallback: '0.0.0.0',
    allowed: 'an IP address',
    pattern: /^[0-9a-fA-F.:]+$/,
  }),
  dataPort: integer('NEMESIS_DATA_PORT', {
    description: 'Port of the data plane.',
    fallback: '8080',
    min: 0,
    max: 65_535,
  }),
  sourceAddress: text('NEMESIS_SOURCE_ADDRESS', {
    description:
      'Address that connections to pods come from; empty: the system chooses. Sidecars know balancers by it.',
    fallback: '',
    allowed: 'an IP address or nothing',
    pattern: /^[0-9a-fA-F.:]*$/,
  }),
  port: integer('NEMESIS_PORT', {
    description: 'Port of the management API.',
    fallback: '8081',
    min: 0,
    max: 65_535,
  }),
  ...controllerSettings,
  holdBudgetMib: integer('NEMESIS_HOLD_BUDGET_MIB', {
    description:
      'MiB of memory for held requests over all applications; bodies on the management port get half of it at most.',
    fallback: '256',
    min: 1,
    max: 65_536,
  }),
  requestLogEntries: integer('NEMESIS_REQUEST_LOG_ENTRIES', {
    description: 'Proxied requests kept in memory for GET /proxy/logs.',
    fallback: '10000',
    min: 1,
    max: 1_000_000,
  }),
  requestLogFile: text('NEMESIS_REQUEST_LOG_FILE', {
    description: 'Rotating file for the request log; empty: none. The log goes to stdout as well, for a log collector.',
    fallback: '',
  }),
  drainSeconds: integer('NEMESIS_DRAIN_SECONDS', {
    description: 'After SIGTERM, requests are served for this long before the port closes.',
    fallback: '3',
    min: 0,
    max: 600,
  }),
} as const;

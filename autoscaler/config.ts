import { commonSettings } from '../shared/runtime/common-settings.ts';
import { integer, text } from '../shared/runtime/settings.ts';

const days = (variable: string, what: string, fallback: string) =>
  integer(variable, { description: `${what} are kept for so many days.`, fallback, min: 1, max: 3650 });

/** The settings of the autoscaler, from its environment. */
export const autoscalerSettings = {
  ...commonSettings,
  port: integer('NEMESIS_PORT', {
    description: 'Port for people and tools: REST API, metrics.',
    fallback: '8090',
    min: 0,
    max: 65_535,
  }),
  programsPort: integer('NEMESIS_PROGRAMS_PORT', {
    description: 'Port for sidecars and balancers.',
    fallback: '8091',
    min: 0,
    max: 65_535,
  }),
  historyFile: text('NEMESIS_HISTORY_FILE', {
    description: 'SQLite file of the history; :memory: keeps it only as long as the process lives.',
    fallback: ':memory:',
    allowed: 'a path, or :memory:',
  }),
  decisionDays: days('NEMESIS_KEEP_DECISIONS_DAYS', 'Decisions', '14'),
  scalingEventDays: days('NEMESIS_KEEP_SCALING_EVENTS_DAYS', 'Scaling events', '90'),
  coldStartDays: days('NEMESIS_KEEP_COLD_STARTS_DAYS', 'Cold starts', '90'),
  usageDays: days('NEMESIS_KEEP_USAGE_DAYS', 'Minutes of usage', '90'),
  auditDays: days('NEMESIS_KEEP_AUDIT_DAYS', 'Audit entries', '365'),
  leaseDurationSeconds: integer('NEMESIS_LEASE_DURATION_SECONDS', {
    description: 'Another controller takes over when the leader was silent for so long.',
    fallback: '15',
    min: 2,
    max: 300,
  }),
  leaseRenewDeadlineSeconds: integer('NEMESIS_LEASE_RENEW_DEADLINE_SECONDS', {
    description: 'The leader stops acting when it could not renew for so long; less than the lease duration.',
    fallback: '10',
    min: 1,
    max: 299,
  }),
  leaseRetrySeconds: integer('NEMESIS_LEASE_RETRY_SECONDS', {
    description: 'Time between two attempts to get or renew the lease.',
    fallback: '2',
    min: 1,
    max: 60,
  }),
} as const;

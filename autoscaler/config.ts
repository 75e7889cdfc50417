import { commonSettings } from '../shared/runtime/common-settings.ts';
import {
  choice,
  databaseUrl,
  integer,
  SettingsError,
  text,
  url,
  type Setting,
  type SettingValues,
} from '../shared/runtime/settings.ts';
import { HISTORY_TABLES, RETENTION, type HistoryTable } from './store/records.ts';

type RetentionSettings = Readonly<Record<`${HistoryTable}Days`, Setting<number>>>;

/** How long each table of the history is kept. */
const retentionSettings = Object.fromEntries(
  HISTORY_TABLES.map((table) => {
    const { variable, what, days } = RETENTION[table];
    const description = `Retention of ${what.charAt(0).toLowerCase()}${what.slice(1)}, in days.`;
    return [`${table}Days`, integer(variable, { description, fallback: String(days), min: 1, max: 3650 })];
  }),
) as RetentionSettings;

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
  certificates: choice('NEMESIS_CERTIFICATES', {
    description:
      'Where the certificates for TLS on the port for programs and on the webhook come from: managed makes an authority of its own in Secret nemesis-ca, files reads a folder; none: no TLS and no webhook, for loopback.',
    fallback: 'none',
    choices: ['none', 'managed', 'files'],
  }),
  certificateDirectory: text('NEMESIS_CERTIFICATE_DIRECTORY', {
    description:
      'Folder with tls.crt, tls.key and ca.crt, read again when they change; only for certificates from files.',
    fallback: '',
    allowed: 'a path or nothing',
  }),
  webhookPort: integer('NEMESIS_WEBHOOK_PORT', {
    description: 'Port on which the API server asks for sidecars; open when there is a sidecar image.',
    fallback: '9443',
    min: 0,
    max: 65_535,
  }),
  sidecarImage: text('NEMESIS_SIDECAR_IMAGE', {
    description: 'Image of the sidecar that is put into pods; empty: none is.',
    fallback: '',
    allowed: 'an image or nothing',
    pattern: /^\S*$/,
  }),
  sidecarControllerUrl: url('NEMESIS_SIDECAR_CONTROLLER_URL', {
    description: "The controller's port for programs, as sidecars that are put into pods reach it.",
    fallback: 'https://nemesis-autoscaler.nemesis-system.svc:8091',
  }),
  historyFile: text('NEMESIS_HISTORY_FILE', {
    description: 'SQLite file of the history; :memory: keeps it only as long as the process lives.',
    fallback: ':memory:',
    allowed: 'a path, or :memory:',
  }),
  databaseUrl: databaseUrl('NEMESIS_DATABASE_URL', {
    description:
      'PostgreSQL for the history, in place of the file; several controllers may share it. Further parameters of the connection, such as sslmode and sslrootcert, go behind a question mark. Never logged with its password.',
    fallback: '',
  }),
  historyMaxMib: integer('NEMESIS_HISTORY_MAX_MIB', {
    description:
      'MiB that the history may use; when it is nearly full, the oldest rows of its largest table are removed. In memory it uses at most 64.',
    fallback: '512',
    min: 8,
    max: 1_048_576,
  }),
  ...retentionSettings,
  noBalancerSeconds: integer('NEMESIS_NO_BALANCER_SECONDS', {
    description:
      'If no balancer has existed for this long, sleeping applications are woken, since nothing else could wake them.',
    fallback: '60',
    min: 1,
    max: 86_400,
  }),
  leaseDurationSeconds: integer('NEMESIS_LEASE_DURATION_SECONDS', {
    description: 'Another controller takes over if the leader has not renewed its lease for this long.',
    fallback: '15',
    min: 2,
    max: 300,
  }),
  leaseRenewDeadlineSeconds: integer('NEMESIS_LEASE_RENEW_DEADLINE_SECONDS', {
    description: 'The leader stops acting if it could not renew its lease for this long; less than the lease duration.',
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

/** How long each table of the history is kept, in days. */
export function retentionOf(settings: SettingValues<RetentionSettings>): Readonly<Record<HistoryTable, number>> {
  const days = HISTORY_TABLES.map((table) => [table, settings[`${table}Days`]]);
  return Object.fromEntries(days) as Record<HistoryTable, number>;
}

/**
 * Refuses settings that do not go together.
 *
 * @throws SettingsError in a sentence for each
 */
export function checkAutoscalerSettings(settings: SettingValues<typeof autoscalerSettings>): void {
  const { certificates, certificateDirectory, sidecarImage, sidecarControllerUrl } = settings;
  const problems: string[] = [];
  if (certificates === 'files' && certificateDirectory === '') {
    problems.push('NEMESIS_CERTIFICATES is files, so NEMESIS_CERTIFICATE_DIRECTORY must name the folder.');
  }
  if (certificates !== 'files' && certificateDirectory !== '') {
    problems.push(
      `NEMESIS_CERTIFICATE_DIRECTORY is "${certificateDirectory}", but is only read when NEMESIS_CERTIFICATES is files, not ${certificates}.`,
    );
  }
  if (certificates === 'none' && sidecarImage !== '') {
    problems.push(
      'NEMESIS_SIDECAR_IMAGE is set, but NEMESIS_CERTIFICATES is none: the API server calls webhooks over TLS only, so expected managed or files.',
    );
  }
  if (sidecarImage !== '' && !sidecarControllerUrl.startsWith('https:')) {
    problems.push(
      `NEMESIS_SIDECAR_CONTROLLER_URL is "${sidecarControllerUrl}", but expected https: with certificates the port for programs speaks TLS only.`,
    );
  }
  if (problems.length > 0) throw new SettingsError(problems.join('\n'));
}

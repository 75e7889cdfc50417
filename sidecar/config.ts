import { controllerSettings } from '../shared/runtime/controller-settings.ts';
import { choice, flag, integer, text } from '../shared/runtime/settings.ts';

const path = /^(\/[^\s]*)?$/;

/** The settings of the sidecar, from its environment. */
export const sidecarSettings = {
  podName: text('NEMESIS_POD_NAME', { description: 'Name of this pod (metadata.name).' }),
  podUid: text('NEMESIS_POD_UID', { description: 'UID of this pod (metadata.uid).' }),
  podIp: text('NEMESIS_POD_IP', {
    description: 'Address of this pod (status.podIP).',
    allowed: 'an IP address',
    pattern: /^[0-9a-fA-F.:]+$/,
  }),
  namespace: text('NEMESIS_NAMESPACE', { description: 'Namespace of this pod (metadata.namespace).' }),
  ...controllerSettings,
  port: integer('NEMESIS_PORT', { description: 'Port of the sidecar itself.', fallback: '9890', min: 0, max: 65_535 }),
  intervalMs: integer('NEMESIS_INTERVAL_MS', {
    description: 'Time between two measurements.',
    fallback: '1000',
    min: 100,
    max: 60_000,
  }),
  appPort: integer('NEMESIS_APP_PORT', {
    description:
      'Port that the application answers on; announced when it can answer. 0: none, the pod is measured only.',
    fallback: '0',
    min: 0,
    max: 65_535,
  }),
  announce: flag('NEMESIS_ANNOUNCE', {
    description: 'Announce when the application can answer; false where only Kubernetes can tell.',
    fallback: 'true',
  }),
  announcePort: integer('NEMESIS_ANNOUNCE_PORT', {
    description: 'Port that is asked whether the application can answer; 0: the one that it answers on.',
    fallback: '0',
    min: 0,
    max: 65_535,
  }),
  announcePath: text('NEMESIS_ANNOUNCE_PATH', {
    description: 'Path that answers 200 to 399 once the application can answer; empty: an open port is enough.',
    fallback: '',
    allowed: 'a path or nothing',
    pattern: path,
  }),
  livenessPath: text('NEMESIS_LIVENESS_PATH', {
    description: 'Path of the liveness probe, whose latency is reported; empty: a connection is tried.',
    fallback: '',
    allowed: 'a path or nothing',
    pattern: path,
  }),
  processMarker: text('NEMESIS_PROCESS_MARKER', {
    description:
      "Name of an environment variable; only processes whose value of it equals the sidecar's are measured. For pods that share the machine's process namespace; empty: every process but the sidecar.",
    fallback: '',
    allowed: 'the name of an environment variable or nothing',
    pattern: /^[A-Za-z_][A-Za-z0-9_]*$|^$/,
  }),
  drainMinMs: integer('NEMESIS_DRAIN_MIN_MS', {
    description: 'Minimum duration of a drain: balancers learn of the end of a pod at different times.',
    fallback: '1000',
    min: 0,
    max: 600_000,
  }),
  drainMaxMs: integer('NEMESIS_DRAIN_MAX_MS', {
    description: 'Maximum duration of a drain, even if connections are left; five seconds less than the grace period.',
    fallback: '25000',
    min: 0,
    max: 3_600_000,
  }),
  drainToken: text('NEMESIS_DRAIN_TOKEN', {
    description:
      'What the preStop hooks show in the header nemesis-drain-token; others are refused. Empty: whoever reaches the port may ask for a drain.',
    fallback: '',
    allowed: 'letters, digits, "-" and "_", or nothing',
    pattern: /^[A-Za-z0-9_-]*$/,
  }),
  logLevel: choice('NEMESIS_LOG_LEVEL', {
    description: 'Minimum log level.',
    fallback: 'info',
    choices: ['error', 'warn', 'info', 'debug'],
  }),
} as const;

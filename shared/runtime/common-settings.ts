import { choice, flag, integer, text } from './settings.ts';

/** Settings that every program in a cluster has. */
export const commonSettings = {
  podName: text('NEMESIS_POD_NAME', { description: 'Name of this pod (metadata.name).', fallback: 'local' }),
  podUid: text('NEMESIS_POD_UID', { description: 'UID of this pod (metadata.uid).', fallback: 'local' }),
  systemNamespace: text('NEMESIS_SYSTEM_NAMESPACE', {
    description: 'Namespace that the product runs in.',
    fallback: 'nemesis-system',
    allowed: 'a namespace name',
    pattern: /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
  }),
  watchNamespace: text('NEMESIS_WATCH_NAMESPACE', {
    description: 'Only this namespace is looked at; empty: all.',
    fallback: '',
    allowed: 'a namespace name or nothing',
    pattern: /^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$/,
  }),
  logLevel: choice('NEMESIS_LOG_LEVEL', {
    description: 'Least level of the log lines.',
    fallback: 'info',
    choices: ['error', 'warn', 'info', 'debug'],
  }),
  bindAddress: text('NEMESIS_BIND_ADDRESS', {
    description: 'Address to listen on. On another than loopback the management ports ask for a cluster token.',
    fallback: '127.0.0.1',
    allowed: 'an IP address',
    pattern: /^[0-9a-fA-F.:]+$/,
  }),
  openManagement: flag('NEMESIS_OPEN_MANAGEMENT', {
    description: 'Let everybody use the management ports without a token. Only for networks that you trust as a whole.',
    fallback: 'false',
  }),
  stopDeadlineSeconds: integer('NEMESIS_STOP_DEADLINE_SECONDS', {
    description: 'The shutdown is given up after so long.',
    fallback: '25',
    min: 1,
    max: 3600,
  }),
} as const;

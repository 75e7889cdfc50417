import { choice, flag, integer, text } from './settings.ts';

/** Settings that every program in a cluster has. */
export const commonSettings = {
  podName: text('NEMESIS_POD_NAME', { description: 'Name of this pod (metadata.name).', fallback: 'local' }),
  podUid: text('NEMESIS_POD_UID', { description: 'UID of this pod (metadata.uid).', fallback: 'local' }),
  systemNamespace: text('NEMESIS_SYSTEM_NAMESPACE', {
    description: 'Namespace in which the product runs.',
    fallback: 'nemesis-system',
    allowed: 'a namespace name',
    pattern: /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
  }),
  watchNamespace: text('NEMESIS_WATCH_NAMESPACE', {
    description: 'The only namespace that is watched; empty: all namespaces.',
    fallback: '',
    allowed: 'a namespace name or nothing',
    pattern: /^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$/,
  }),
  logLevel: choice('NEMESIS_LOG_LEVEL', {
    description: 'Minimum log level.',
    fallback: 'info',
    choices: ['error', 'warn', 'info', 'debug'],
  }),
  bindAddress: text('NEMESIS_BIND_ADDRESS', {
    description: 'Address to listen on. Unless it is a loopback address, the management ports require a cluster token.',
    fallback: '127.0.0.1',
    allowed: 'an IP address',
    pattern: /^[0-9a-fA-F.:]+$/,
  }),
  openManagement: flag('NEMESIS_OPEN_MANAGEMENT', {
    description:
      'Allow requests to the management ports without a token. Use it only in networks that you trust as a whole.',
    fallback: 'false',
  }),
  stopDeadlineSeconds: integer('NEMESIS_STOP_DEADLINE_SECONDS', {
    description: 'Time limit of the shutdown; what is not finished by then is abandoned.',
    fallback: '25',
    min: 1,
    max: 3600,
  }),
} as const;

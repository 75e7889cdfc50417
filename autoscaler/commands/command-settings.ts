import { commonSettings } from '../../shared/runtime/common-settings.ts';
import { text } from '../../shared/runtime/settings.ts';

/** The settings of the command `nemesis`, from its environment. */
export const commandSettings = {
  ...commonSettings,
  token: text('NEMESIS_TOKEN', {
    description: 'Bearer token for the cluster; empty: the user of the kubeconfig. The option --token comes before it.',
    fallback: '',
    allowed: 'a token or nothing',
  }),
} as const;

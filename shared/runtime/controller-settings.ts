import { text, url } from './settings.ts';

/** How a sidecar or balancer finds the controller, what it shows there, and whom it trusts. */
export const controllerSettings = {
  controllerUrl: url('NEMESIS_CONTROLLER_URL', {
    description: "The controller's port for programs.",
    fallback: 'http://nemesis-autoscaler.nemesis-system.svc:8091',
  }),
  tokenFile: text('NEMESIS_TOKEN_FILE', {
    description: "File with this pod's projected token; empty: none is shown.",
    fallback: '',
  }),
  caFile: text('NEMESIS_CA_FILE', {
    description: "PEM file that the controller's certificate is verified with; empty: what Node.js trusts.",
    fallback: '',
  }),
} as const;

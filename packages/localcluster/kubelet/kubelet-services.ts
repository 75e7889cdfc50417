import type { EventRecorder } from '../controllers/event-recorder.ts';
import type { Pod, PodStatus } from '../model/workloads.ts';
import type { AddressPool } from '../network/address-pool.ts';
import type { References } from './environment.ts';
import type { ProcessRecords } from './process-records.ts';
import type { TokenIssuer } from './volumes.ts';

/** A container image: a command of this machine. */
export interface Image {
  /** The entrypoint with its arguments. */
  command: string[];
  /** @defaultValue a folder of the pod */
  workingDirectory?: string;
  /** Environment variables on top of PATH, HOME and LANG. */
  env?: Record<string, string>;
}

/** What pod workers share. */
export interface KubeletServices {
  directory: string;
  hostIP: string;
  addresses: AddressPool;
  records: ProcessRecords;
  references: References;
  events: EventRecorder;
  backoffBaseMs: number;
  issueToken: TokenIssuer;
  image: (name: string) => Image | undefined;
  /** The kubeconfig that a pod's processes use. */
  podKubeconfig: (pod: Pod) => Promise<string>;
  writeStatus: (pod: Pod, compute: (current: Pod) => PodStatus) => void;
  /** Takes a pod that has ended out of the API. */
  removePod: (pod: Pod) => void;
  workerClosed: (uid: string) => void;
}

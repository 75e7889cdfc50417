import type { Container, Pod } from '../model/workloads.ts';
import type { CommandLine } from './container-process.ts';
import type { ProcessRecords } from './process-records.ts';

/** What a runner needs from its pod. */
export interface RunnerHost {
  pod: () => Pod;
  /** The command line of the container; undefined where its image is not known. @throws ContainerConfigError */
  commandLine: (container: Container, command?: string[]) => CommandLine | undefined;
  event: (type: 'Normal' | 'Warning', reason: string, message: string, container?: Container) => void;
  /** Something in this runner's state changed. */
  changed: () => void;
  logDirectory: string;
  records: ProcessRecords;
  backoffBaseMs: number;
}

/** When a container that ended is started again. */
export type RestartRule = 'Always' | 'OnFailure' | 'Never';

/** What the package offers; everything else in it may change at any time. */
export { LocalCluster, type LocalClusterOptions } from './local-cluster.ts';
export type { Faults } from './faults.ts';
export type { Image } from './kubelet/kubelet-services.ts';
export type { Logger } from './model/logger.ts';

/** Group of every custom resource of ours. */
export const API_GROUP = 'nemesis.io';
/** The one served version. */
export const API_VERSION = 'v1alpha1';
/** `apiVersion` of every custom resource of ours. */
export const API_GROUP_VERSION = `${API_GROUP}/${API_VERSION}` as const;

import { z } from 'zod';

/**
 * A sidecar's announcement that its application can answer. It only permits connecting: a refused connection puts the request
 * back into the hold. Keyed by pod UID, address and container start, so that a stale one harms nobody.
 */
export const announcementSchema = z.object({
  podName: z.string().min(1).max(253),
  namespace: z.string().min(1).max(63),
  podUid: z.string().min(1).max(64),
  address: z.union([z.ipv4(), z.ipv6()]).describe('Address of the pod; an IP address, never a name.'),
  port: z.number().int().min(1).max(65_535),
  sequence: z.number().int().min(0).describe('Grows with each announcement of this sidecar.'),
  ttlMs: z
    .number()
    .int()
    .min(1)
    .max(600_000)
    .describe('How long it is valid; Kubernetes readiness takes over meanwhile.'),
});

/** A parsed announcement. */
export type Announcement = z.output<typeof announcementSchema>;

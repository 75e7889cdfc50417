import { z } from 'zod';
import { announcementSchema } from './announcement.ts';

/** A line of the controller's stream to the balancers (newline-delimited JSON). */
export const streamMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('hello'), leader: z.string() }),
  z.object({ type: z.literal('ping') }),
  z.object({ type: z.literal('announcement'), announcement: announcementSchema }),
]);

/** A parsed line of the stream. */
export type StreamMessage = z.output<typeof streamMessageSchema>;

/** A balancer reconnects after this much silence; the controller pings three times as often. */
export const STREAM_SILENCE_MS = 15_000;

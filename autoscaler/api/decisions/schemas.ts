import { z } from 'zod';

const voteSchema = z.object({
  rule: z.string(),
  metric: z.string(),
  value: z.number().optional(),
  unit: z.string(),
  threshold: z.string(),
  replicas: z.number().int().optional().describe('Absent: no data, so no wish but to stay.'),
  pending: z.boolean().optional(),
  missing: z.array(z.string()).readonly().optional(),
  why: z.string(),
});

/** Why an application has as many replicas as it has. */
export const explanationSchema = z.object({
  application: z.string(),
  time: z.string().describe('When it was looked at last.'),
  phase: z.string(),
  replicas: z.number().int(),
  desiredReplicas: z.number().int(),
  reason: z.string(),
  message: z.string(),
  votes: z.array(voteSchema).readonly().describe('What each rule wants, and why.'),
  floor: z
    .object({ minReplicas: z.number().int(), why: z.string() })
    .describe('The least replicas now, and who asks for them.'),
  ceiling: z
    .object({ maxReplicas: z.number().int(), why: z.string() })
    .describe('The most replicas now, and who allows no more.'),
  automaton: z
    .object({ state: z.string(), since: z.string() })
    .optional()
    .describe('The state that its automaton is in; absent: it has none that runs.'),
  sleepBlocked: z
    .object({ reason: z.string(), message: z.string() })
    .optional()
    .describe('Why it does not sleep; absent: nothing keeps it from that, or it does not run.'),
  rejected: z.string().optional().describe('What is wrong with the resource; absent: nothing.'),
  smallestChanges: z
    .array(
      z.object({ rule: z.string(), from: z.number(), to: z.number(), replicas: z.number().int(), message: z.string() }),
    )
    .readonly()
    .describe('The smallest change of what each rule reads, all else being as it is, that would change the number.'),
});

/** A recorded decision that was made again. */
export const replaySchema = z.object({
  isSame: z.boolean().describe('Whether it came to the same as what is recorded.'),
  desiredReplicas: z.number().int(),
  reason: z.string(),
  message: z.string(),
  votes: z.array(voteSchema).readonly(),
});

import { z } from 'zod';
import { automatonSchema, automatonStatusSchema } from '../../../shared/api/automaton-schema.ts';

/** An automaton and where it is. */
export const automatonViewSchema = z.object({
  automaton: automatonSchema,
  current: automatonStatusSchema.nullable().describe('Where it is; null: it has not begun.'),
});

/** Query of the view. */
export const automatonQuerySchema = z.object({
  format: z
    .enum(['json', 'mermaid', 'dot'])
    .optional()
    .describe('How it is drawn; default: what Accept asks for, else json.'),
});

/** What is tried. */
export const dryRunSchema = z.object({
  event: z.string().min(1).max(253).optional().describe('Type of an event that comes now.'),
  automaton: automatonSchema.optional().describe('An automaton in place of the one that the resource has.'),
});

const transition = automatonStatusSchema.shape.lastTransitions.element;

/** What would come of it. */
export const dryRunResultSchema = z.object({
  faults: z
    .array(z.object({ path: z.string(), message: z.string() }))
    .describe('What is wrong with the automaton; with a fault, nothing else is tried.'),
  goesOnFrom: z
    .object({ state: z.string(), how: z.enum(['SameName', 'Migrated', 'Initial']) })
    .optional()
    .describe('The state that it would go on from, and why.'),
  state: z.string().optional().describe('The state that it would be in.'),
  transitions: z.array(transition).describe('What would be taken, in order.'),
  effects: z.array(z.string()).describe('What would be done, by the state that asks for it.'),
  event: z.enum(['Taken', 'Unhandled', 'Duplicate', 'Stopped']).optional().describe('What would become of the event.'),
  unknown: z
    .array(z.object({ trigger: z.string(), why: z.string() }))
    .describe('Conditions that are neither true nor false now.'),
});

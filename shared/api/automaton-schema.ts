import { z } from 'zod';
import { mapList, withRules } from './schema.ts';

const MAX_STATES = 32;
const MAX_TRANSITIONS = 16;
const MAX_EFFECTS = 8;

const stateName = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[A-Za-z][A-Za-z0-9_-]*$/);
const duration = z
  .string()
  .max(8)
  .regex(/^[1-9][0-9]{0,5}(s|m|h|d)$/);
const systemName = z.string().min(1).max(253).describe('Name of an ObservabilitySystem that allows this namespace.');
const replicas = z.number().int().max(100_000);

const effect = withRules(
  z.object({
    alert: z
      .object({
        severity: z.enum(['info', 'warning', 'critical']).default('info').describe('How urgent it is.'),
        summary: z.string().min(1).max(256).describe('What a person reads.'),
      })
      .optional()
      .describe('Raises an alert.'),
    notify: z
      .object({
        system: systemName,
        message: z.string().min(1).max(256).optional().describe('What is sent; default: that the state was entered.'),
      })
      .optional()
      .describe('Sends a message.'),
    webhook: z.object({ system: systemName }).optional().describe('Calls a webhook.'),
  }),
  [
    {
      cel: '(has(self.alert) ? 1 : 0) + (has(self.notify) ? 1 : 0) + (has(self.webhook) ? 1 : 0) == 1',
      message: 'an effect has exactly one of alert, notify, webhook',
      holds: ({ alert, notify, webhook }) => count(alert, notify, webhook) === 1,
    },
  ],
);

const transition = withRules(
  z.object({
    to: stateName.describe('The state that it leads to.'),
    event: z.string().min(1).max(253).optional().describe('Type of an event that opens it.'),
    when: z.string().min(1).max(1024).optional()
      .describe('A condition in CEL that opens it, such as p95Ms > 800.0 && inFlight > 4.0; while something it asks for is not known, it is neither true nor false.'),
    for: duration.optional().describe('How long the condition has to hold without a break, such as 30s.'),
    after: duration.optional().describe('Time after the state was entered, such as 2h.'),
    at: z
      .object({
        cron: z.string().min(9).max(128).describe('Cron pattern of five fields, such as 0 6 * * *.'),
        timeZone: z.string().min(1).max(64).default('UTC').describe('IANA time zone, such as Europe/Berlin.'),
      })
      .optional()
      .describe('Moments of a calendar.'),
    reenter: z.boolean().optional()
      .describe('Whether a transition of a state to itself enters it again, so that its timers begin anew and its entry effects happen.'),
  }),
  [
    {
      cel: '(has(self.event) ? 1 : 0) + (has(self.when) ? 1 : 0) + (has(self.after) ? 1 : 0) + (has(self.at) ? 1 : 0) == 1',
      message: 'a transition has exactly one of event, when, after, at',
      holds: ({ event, when, after, at }) => count(event, when, after, at) === 1,
    },
    {
      cel: '!has(self.__for__) || has(self.when)',
      message: 'for belongs to when: it says how long a condition has to hold',
      holds: ({ for: held, when }) => held === undefined || when !== undefined,
    },
  ],
); // prettier-ignore

const range = withRules(
  z.object({
    min: replicas.min(0).optional().describe('At least so many replicas; 1 or more keeps the application awake, and wakes it.'),
    max: replicas.min(1).optional().describe('At most so many replicas.'),
  }),
  [
    {
      cel: '!has(self.min) || !has(self.max) || self.min <= self.max',
      message: 'min must not be greater than max',
      holds: ({ min, max }) => min === undefined || max === undefined || min <= max,
    },
  ],
); // prettier-ignore

const state = z.object({
  name: stateName.describe('Name of the state; not yes, no, on, off, true or false.'),
  replicas: range.optional().describe('Clips what the rules vote for, within minReplicas and maxReplicas.'),
  entry: z.array(effect).max(MAX_EFFECTS).optional().describe('What happens each time the state is entered, at least once.'),
  transitions: z.array(transition).max(MAX_TRANSITIONS).optional()
    .describe('Ways out; of several that are open, the first one is taken.'),
}); // prettier-ignore

/** The automaton of an application: states that bound its replicas, and what moves between them. */
export const automatonSchema = z.object({
  initial: stateName.describe('The state that it begins in.'),
  migrate: z
    .record(z.string().max(63), z.string().max(63))
    .optional()
    .describe('After an edit, by the old name of a state: the state that goes on for it.'),
  states: mapList(state, 'name', MAX_STATES).min(1),
});

/** See {@link automatonSchema}. */
export type AutomatonSpec = z.output<typeof automatonSchema>;

const time = z.string().max(64);
const trigger = z.string().max(1200).describe('What it waits for, such as after 2h.');

/** What a new leader goes on from, written before anything is done. */
export const automatonStatusSchema = z.object({
  state: z.string().max(63).describe('The state that it is in.'),
  since: time.describe('When it was entered.'),
  definition: z.string().max(64).describe('Hash of the automaton that this belongs to.'),
  sequence: z.number().int().min(0).describe('Number of the last transition.'),
  timers: z
    .array(z.object({ trigger, due: time.optional().describe('When it fires; absent: it has fired.') }))
    .max(MAX_TRANSITIONS),
  heldConditions: z
    .array(z.object({ trigger, since: time, taken: z.boolean().describe('Whether its transition was taken already.') }))
    .max(MAX_TRANSITIONS)
    .describe('Conditions that hold, and since when.'),
  lastTransitions: z
    .array(
      z.object({
        sequence: z.number().int().min(0),
        time,
        from: z.string().max(63),
        to: z.string().max(63),
        trigger,
        shadowed: z.array(z.string().max(1200)).max(MAX_TRANSITIONS).describe('What was open as well, and stands further down.'),
      }),
    )
    .max(16)
    .describe('The newest is the last one.'),
  handledEvents: z.array(z.string().max(64)).max(256).describe('Hashes of events that came already.'),
  pendingEffects: z
    .array(z.object({ key: z.string().max(64), state: z.string().max(63), time, effect }))
    .max(64)
    .describe('What was to be done and is not confirmed yet; it is done again after a restart.'),
  lastMoment: time.optional().describe('The last moment of a calendar that it acted on.'),
  stopped: z.string().max(4096).optional().describe('Why it moves no more until it is edited.'),
}); // prettier-ignore

/** See {@link automatonStatusSchema}. */
export type AutomatonStatus = z.output<typeof automatonStatusSchema>;

function count(...values: readonly unknown[]): number {
  return values.filter((value) => value !== undefined).length;
}

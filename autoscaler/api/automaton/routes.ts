import type { z } from 'zod';
import type { Autoscaler } from '../../../shared/api/autoscaler.ts';
import { NemesisError } from '../../../shared/errors/registry.ts';
import { objectInPath } from '../../../shared/http/permission.ts';
import { route, TextReply, type Route } from '../../../shared/http/route.ts';
import type { ApplicationSnapshot, ApplicationWatch } from '../../../shared/kubernetes/application-watch.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import { checkAutomaton } from '../../checks/automaton-check.ts';
import { automatonOf, fromAutomatonStatus, transitionView } from '../../controllers/application/automaton-status.ts';
import { continuationOf } from '../../domain/automaton/adopt.ts';
import { step } from '../../domain/automaton/step.ts';
import { expressionInput } from '../../domain/engine/expression-reading.ts';
import type { Signals } from '../../domain/signals/signals.ts';
import { applicationPathSchema } from '../applications/schemas.ts';
import { drawDot, drawMermaid } from './draw.ts';
import { automatonQuerySchema, automatonViewSchema, dryRunResultSchema, dryRunSchema } from './schemas.ts';

/** What these routes need. */
export interface AutomatonRoutesDeps {
  readonly watch: ApplicationWatch;
  readonly signalsOf: (application: ApplicationSnapshot) => Signals;
  readonly clock: Clock;
}

const READ = [{ verb: 'get', resource: 'autoscalers', scope: 'ObjectNamespace', object: objectInPath }] as const;
const TEXTS = { mermaid: 'text/vnd.mermaid', dot: 'text/vnd.graphviz' } as const;

const readAutomaton = route({
  method: 'get',
  path: '/api/v1/applications/:namespace/:name/automaton',
  summary: 'Its automaton with the current state; drawn as Mermaid or DOT, too.',
  permissions: READ,
  request: { params: applicationPathSchema, query: automatonQuerySchema },
  response: {
    status: 200,
    description: 'The automaton',
    schema: automatonViewSchema,
    texts: Object.values(TEXTS),
  },
  handle: ({ params, query, raw }, { watch }: AutomatonRoutesDeps) => {
    const { spec, status } = find(watch, params).resource;
    const { automaton } = spec;
    if (automaton === undefined) throw withoutAutomaton(params);
    const accepted = raw.accepts(['application/json', ...Object.values(TEXTS)]);
    const format = query.format ?? (accepted === TEXTS.mermaid ? 'mermaid' : accepted === TEXTS.dot ? 'dot' : 'json');
    const current = status?.automaton;
    if (format === 'json') return { automaton, current: current ?? null };
    const draw = format === 'mermaid' ? drawMermaid : drawDot;
    return new TextReply(draw(automaton, current?.state), TEXTS[format]);
  },
});

const dryRun = route({
  method: 'post',
  path: '/api/v1/applications/:namespace/:name/automaton/dry-run',
  summary: 'What an event would do now, or which state an edited automaton would go on from. Changes nothing.',
  permissions: READ,
  request: {
    params: applicationPathSchema,
    body: { schema: dryRunSchema, maxBytes: 262_144, strict: true, example: { event: 'SaleStarted' } },
  },
  response: { status: 200, description: 'What would come of it', schema: dryRunResultSchema },
  handle: ({ params, body }, deps: AutomatonRoutesDeps) => {
    const { application, resource } = find(deps.watch, params);
    const { scaling, maxReplicas, automaton: present } = resource.spec;
    const spec = body.automaton ?? present;
    if (spec === undefined) throw withoutAutomaton(params);
    const signals = (scaling?.signals ?? []).map(({ name }) => name);
    const faults = checkAutomaton(spec, { signals, maxReplicas });
    if (faults.length > 0) return { faults, transitions: [], effects: [], unknown: [] };
    return tried(automatonOf(spec), application, resource, body.event, deps);
  },
});

function tried(
  automaton: ReturnType<typeof automatonOf>,
  application: ApplicationSnapshot,
  { status }: Autoscaler,
  event: string | undefined,
  { signalsOf, clock }: AutomatonRoutesDeps,
): z.output<typeof dryRunResultSchema> {
  const before = fromAutomatonStatus(status?.automaton);
  const signals = signalsOf(application);
  const replicas = application.deployment?.spec.replicas ?? 0;
  const result = step(
    automaton,
    before,
    {
      read: (guard) => expressionInput(guard, signals, replicas),
      ...(event === undefined ? {} : { event: { key: 'dry run', type: event } }),
    },
    clock.wallMs(),
  );
  return {
    faults: [],
    goesOnFrom: before === undefined ? { state: automaton.initial, how: 'Initial' } : continuationOf(automaton, before.state),
    state: result.state.state,
    transitions: result.transitions.map(transitionView),
    effects: result.effects.map(({ state, effect }) => `${state}: ${Object.keys(effect).join(', ')}`),
    ...(result.event === undefined ? {} : { event: result.event }),
    unknown: result.unknown.map(({ on, why }) => ({ trigger: on, why })),
  };
} // prettier-ignore

/** Automata: shown, drawn and tried. */
export const AUTOMATON_ROUTES: readonly Route<AutomatonRoutesDeps>[] = [readAutomaton, dryRun];

type Path = z.output<typeof applicationPathSchema>;

function find(
  watch: ApplicationWatch,
  { namespace, name }: Path,
): { readonly application: ApplicationSnapshot; readonly resource: Autoscaler } {
  const application = watch.get(`${namespace}/${name}`);
  if (application === undefined) throw new NemesisError('NotFound', `There is no Autoscaler ${namespace}/${name}.`);
  const { resource } = application;
  if (resource !== undefined) return { application, resource };
  throw new NemesisError('NotFound', `Autoscaler ${namespace}/${name} is not valid: ${application.invalid.join('; ')}`);
}

function withoutAutomaton({ namespace, name }: Path): NemesisError {
  const what = `Autoscaler ${namespace}/${name} has no automaton`;
  return new NemesisError('NotFound', `${what}; it has one once its spec.automaton is there.`);
}

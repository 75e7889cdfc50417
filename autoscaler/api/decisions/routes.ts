import { z } from 'zod';
import { NemesisError } from '../../../shared/errors/registry.ts';
import { objectInPath } from '../../../shared/http/permission.ts';
import { route, type Route } from '../../../shared/http/route.ts';
import type { ApplicationWatch } from '../../../shared/kubernetes/application-watch.ts';
import { replay, type Explanation } from '../../controllers/application/explain.ts';
import type { HistorySource } from '../../store/records.ts';
import { applicationPathSchema } from '../applications/schemas.ts';
import { explanationSchema, replaySchema } from './schemas.ts';

/** What these routes need. */
export interface DecisionRoutesDeps {
  readonly watch: ApplicationWatch;
  readonly history: HistorySource;
  readonly explain: (application: string) => Promise<Explanation | undefined>;
}

const READ = [{ verb: 'get', resource: 'autoscalers', scope: 'ObjectNamespace', object: objectInPath }] as const;

const explain = route({
  method: 'get',
  path: '/api/v1/applications/:namespace/:name/explain',
  summary: 'Why it has as many replicas as it has, and what would have to change for another number.',
  permissions: READ,
  request: { params: applicationPathSchema },
  response: { status: 200, description: 'The explanation', schema: explanationSchema },
  refusals: ['NotLeader'],
  handle: async ({ params }, { watch, explain: explanationOf }: DecisionRoutesDeps) => {
    const key = `${params.namespace}/${params.name}`;
    if (watch.get(key) === undefined) throw new NemesisError('NotFound', `There is no Autoscaler ${key}.`);
    const explanation = await explanationOf(key);
    if (explanation !== undefined) return explanation;
    throw new NemesisError('NotLeader', `This controller makes no decisions about ${key} now; ask again in a moment.`);
  },
});

const decisionPathSchema = applicationPathSchema.extend({
  id: z
    .string()
    .regex(/^\d{1,15}-\d{1,15}$/, 'expected the id of a decision, as the history shows it')
    .meta({ title: 'The id of the decision', examples: ['1767225600000-1'] }),
});

const replayDecision = route({
  method: 'get',
  path: '/api/v1/applications/:namespace/:name/decisions/:id/replay',
  summary: 'Makes a recorded decision again, of what it was made of.',
  permissions: READ,
  request: { params: decisionPathSchema },
  response: { status: 200, description: 'What it comes to now', schema: replaySchema },
  refusals: ['HistoryUnavailable'],
  handle: async ({ params }, { history }: DecisionRoutesDeps) => {
    const { namespace, name, id } = params;
    const application = `${namespace}/${name}`;
    // A cursor leads to what is older than it, so the one behind this decision has it first.
    const [time, number] = id.split('-');
    const page = await history.query('decisions', { application, cursor: `${time}-${Number(number) + 1}`, limit: 1 });
    const [record] = page.items;
    if (record?.id !== id) throw new NemesisError('NotFound', `The history has no decision ${id} of ${application}.`);
    const again = replay(record);
    if (again !== undefined) return again;
    throw new NemesisError(
      'NotFound',
      `Decision ${id} of ${application} was not the rules', or what it was made of is not recorded; its reason is ${record.reason}.`,
    );
  },
});

/** Why there are as many replicas as there are. */
export const DECISION_ROUTES: readonly Route<DecisionRoutesDeps>[] = [explain, replayDecision];

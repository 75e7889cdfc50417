import { z } from 'zod';
import { objectInQuery } from '../../../shared/http/permission.ts';
import { route, type Route } from '../../../shared/http/route.ts';
import { HISTORY_TABLES, type HistorySource } from '../../store/records.ts';

/** What these routes need. */
export interface HistoryRoutesDeps {
  readonly history: HistorySource;
}

const pathSchema = z.object({
  table: z.enum(HISTORY_TABLES).meta({ title: 'The name of the history table', examples: ['decisions'] }),
});

const querySchema = z.object({
  application: z.string().regex(/^[^/]+\/[^/]+$/, 'expected namespace/name').optional().describe('namespace/name').meta({ examples: ['models/sentiment'] }),
  since: z.iso.datetime({ offset: true }).optional().describe('RFC 3339, inclusive.').meta({ examples: ['2026-01-01T00:00:00Z'] }),
  until: z.iso.datetime({ offset: true }).optional().describe('RFC 3339, exclusive.').meta({ examples: ['2126-01-01T00:00:00Z'] }),
  cursor: z.string().regex(/^\d{1,15}-\d{1,15}$/, 'expected nextCursor of an earlier page').optional().describe('nextCursor of the page before.'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
}); // prettier-ignore

const pageSchema = z.object({
  items: z.array(z.record(z.string(), z.unknown())),
  nextCursor: z.string().optional(),
});

const readHistory = route({
  method: 'get',
  path: '/api/v1/history/:table',
  summary: 'What happened, newest first.',
  permissions: [
    { verb: 'list', resource: 'autoscalers', scope: 'AllNamespaces' },
    {
      verb: 'get',
      resource: 'autoscalers',
      scope: 'ObjectNamespace',
      parameter: 'application',
      object: objectInQuery('application'),
    },
  ],
  request: { params: pathSchema, query: querySchema },
  response: { status: 200, description: 'A page', schema: pageSchema },
  refusals: ['HistoryUnavailable'],
  handle: async ({ params, query }, { history }: HistoryRoutesDeps) => {
    const { since, until, ...rest } = query;
    const page = await history.query(params.table, {
      ...rest,
      sinceMs: since === undefined ? undefined : Date.parse(since),
      untilMs: until === undefined ? undefined : Date.parse(until),
    });
    return { ...page, items: page.items.map((item) => ({ ...item })) };
  },
});

/** The history, a table at a time. */
export const HISTORY_ROUTES: readonly Route<HistoryRoutesDeps>[] = [readHistory];

import { bind, type BoundRoute, type Route } from '../../shared/http/route.ts';
import { APPLICATION_ROUTES, type ApplicationRoutesDeps } from './applications/routes.ts';
import { AUTOMATON_ROUTES, type AutomatonRoutesDeps } from './automaton/routes.ts';
import { DECISION_ROUTES, type DecisionRoutesDeps } from './decisions/routes.ts';
import { HISTORY_ROUTES, type HistoryRoutesDeps } from './history/routes.ts';

/** What the routes for people and tools need. */
export type ManagementRoutesDeps = ApplicationRoutesDeps & AutomatonRoutesDeps & DecisionRoutesDeps & HistoryRoutesDeps;

/** The routes for people and tools, a folder a subject. */
export const MANAGEMENT_ROUTES: readonly Route<ManagementRoutesDeps>[] = [
  ...APPLICATION_ROUTES,
  ...AUTOMATON_ROUTES,
  ...DECISION_ROUTES,
  ...HISTORY_ROUTES,
];

/** The routes for people and tools, ready to be mounted. */
export function managementRoutes(deps: ManagementRoutesDeps): BoundRoute[] {
  return bind(MANAGEMENT_ROUTES, deps);
}

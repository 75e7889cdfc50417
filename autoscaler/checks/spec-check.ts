import type { AutoscalerSpec } from '../../shared/api/autoscaler.ts';
import type { FieldFault } from '../../shared/api/metric-schema.ts';
import { checkAutomaton } from './automaton-check.ts';
import { checkScaling } from './scaling-check.ts';

/**
 * What is wrong with a spec that its schema lets pass. Paths begin at `spec`. The webhook refuses it; the controller does not
 * act on one that is stored.
 */
export function checkSpec({ scaling, automaton, maxReplicas }: Pick<AutoscalerSpec, 'scaling' | 'automaton' | 'maxReplicas'>): FieldFault[] {
  const signals = (scaling?.signals ?? []).map(({ name }) => name);
  return [
    ...under('spec.scaling', checkScaling(scaling)),
    ...under('spec.automaton', checkAutomaton(automaton, { signals, maxReplicas })),
  ];
} // prettier-ignore

function under(parent: string, faults: readonly FieldFault[]): FieldFault[] {
  return faults.map(({ path, message }) => ({ path: `${parent}.${path}`, message }));
}

import type { OutboundClient } from '../../outbound/outbound-client.ts';
import type { SignalAsker } from './outside-signals.ts';
import { prometheusQuery, queryPrometheus } from './prometheus.ts';
import { queryFault } from './promql.ts';
import { SignalFault } from './signal-fault.ts';
import type { ObservabilitySystems } from './systems.ts';

/** Asks Prometheus. The system is looked up each time, so that a change of it counts at once. */
export function prometheusAsker(
  client: Pick<OutboundClient, 'request'>,
  systems: Pick<ObservabilitySystems, 'find' | 'credentialsOf'>,
): SignalAsker {
  return {
    keyOf: ({ prometheus }, namespace) => {
      if (prometheus === undefined) return undefined;
      const fault = queryFault(prometheus.query);
      if (fault !== undefined) throw new SignalFault(fault);
      return JSON.stringify(['prometheus', namespace, prometheus.system, prometheus.query]);
    },
    ask: async ({ prometheus }, namespace) => {
      if (prometheus === undefined) throw new SignalFault('it is no signal of Prometheus');
      const system = systems.find(prometheus.system, namespace);
      const query = prometheusQuery(system, prometheus.query, namespace);
      return await queryPrometheus(client, system, await systems.credentialsOf(system), query);
    },
  };
}

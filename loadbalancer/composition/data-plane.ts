import { DataPlane } from '../http1/data-plane.ts';
import { createDataPlaneMetrics } from '../http1/ports.ts';
import { BalancerMetrics, registerClientConnections, registerHeldBytes } from '../report/balancer-metrics.ts';
import { StreamSink } from '../request-log/line-sinks.ts';
import { RequestLog } from '../request-log/request-log.ts';
import { RotatingFileSink } from '../request-log/rotating-file-sink.ts';
import type { Foundation } from './foundation.ts';
import type { Routing } from './routing.ts';

/** What forwards requests, and what records each that ended. */
export interface Forwarding {
  readonly plane: DataPlane;
  readonly requestLog: RequestLog;
  readonly metrics: BalancerMetrics;
}

/** Builds the data plane; no port is open yet. */
export function buildForwarding(foundation: Foundation, { directory, budget }: Routing): Forwarding {
  const { settings, logger, clock, random, registry } = foundation;
  const requestLog = buildRequestLog(foundation);
  const planeMetrics = createDataPlaneMetrics();
  const metrics = new BalancerMetrics(registry, { directory, plane: planeMetrics });
  const plane = new DataPlane({
    router: directory,
    clock,
    random,
    logger,
    metrics: planeMetrics,
    ...(settings.sourceAddress === '' ? {} : { sourceAddress: settings.sourceAddress }),
    onRequestLogged: (entry) => {
      requestLog.add(entry);
      metrics.requestEnded(entry);
    },
  });
  registerClientConnections(registry, () => plane.clientCount);
  registerHeldBytes(registry, budget);
  return { plane, requestLog, metrics };
}

function buildRequestLog({ settings, logger, lifecycle }: Foundation): RequestLog {
  const { requestLogFile: path, requestLogEntries: capacity } = settings;
  const file = {
    path,
    onError: (error: unknown) => logger.warn('the request log file cannot be written', { err: error }),
    onRecovered: (dropped: number) => logger.info('the request log file is written again', { dropped }),
  };
  const sinks = [new StreamSink(process.stdout), ...(path === '' ? [] : [new RotatingFileSink(file)])];
  const requestLog = new RequestLog(sinks, { capacity });
  lifecycle.onStop('request log', () => requestLog.close());
  return requestLog;
}

import { RequestQueue } from '../../loadbalancer/domain/request-queue.ts';
import { HoldBudget } from '../../loadbalancer/domain/hold-queue.ts';
import { DataPlane } from '../../loadbalancer/http1/data-plane.ts';
import { createDataPlaneMetrics } from '../../loadbalancer/http1/ports.ts';
import { RotatingFileSink } from '../../loadbalancer/request-log/rotating-file-sink.ts';
import { RequestLog } from '../../loadbalancer/request-log/request-log.ts';

// Our data plane with everything on: routing, least connections, ids, Via and X-Forwarded-*, percentiles, a JSON line for
// each request in a file, and the window in memory.
const [, , port, logPath, ...pods] = process.argv;
const monotonicMs = (): number => performance.now();
const queue = new RequestQueue(
  'default/app',
  {
    policy: 'LeastConnections',
    buffer: { maxRequests: 1000, maxBytes: 64 * 1024 * 1024, holdMs: 60_000 },
    responseTimeoutMs: 60_000,
    idleTimeoutMs: 60_000,
    bodyTimeoutMs: 60_000,
    minBodyBytesPerSecond: 240,
    clientWriteTimeoutMs: 60_000,
    tunnelTimeoutMs: 60_000,
  },
  { random: Math.random, budget: new HoldBudget(256 * 1024 * 1024) },
);
queue.setPods(
  pods.map((pod, index) => {
    const [address = '', podPort = ''] = pod.split(':');
    return { uid: `${index}`, name: `pod-${index}`, address, port: Number(podPort), state: 'ready' };
  }),
  monotonicMs(),
);
const sink = new RotatingFileSink({
  path: logPath ?? '/dev/null',
  onError: (error) => {
    throw error;
  },
});
const log = new RequestLog([sink]);
const routes = new Map([['127.0.0.1', queue]]);
const plane = new DataPlane({
  router: {
    match: (host, path) => {
      const found = routes.get(host);
      return found === undefined ? 'unknown' : { queue: found, forwardedPath: path };
    },
  },
  clock: { monotonicMs, wallMs: () => Date.now() },
  random: Math.random,
  onRequestLogged: log.add,
  logger: { warn: (message, fields) => console.error(message, fields) },
  metrics: createDataPlaneMetrics(),
});
await plane.listen({ host: '127.0.0.1', port: Number(port) });
setInterval(() => queue.takeReport(), 1000).unref();
process.once('SIGTERM', () => void plane.close(0).then(() => process.exit(0)));

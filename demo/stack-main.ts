import { parseArgs } from 'node:util';
import { startStack } from './stack.ts';

/** Runs a stack until SIGTERM, for benchmarks and tests that want it in a process of its own. One JSON line says where it is. */
const { values } = parseArgs({ options: { directory: { type: 'string' } } });
if (values.directory === undefined) throw new Error('Name a folder for the state: --directory PATH.');
const stack = await startStack({ directory: values.directory });
const where = {
  kubeconfig: stack.cluster.kubeconfigPath,
  data: stack.dataUrl(),
  balancer: stack.balancerUrl(),
  autoscaler: stack.autoscalerUrl(),
};
process.stdout.write(`${JSON.stringify(where)}\n`);
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => void stack.stop().then(() => process.exit()));

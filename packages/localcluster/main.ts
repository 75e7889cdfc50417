import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { LocalCluster, type LocalClusterOptions } from './local-cluster.ts';

const imagesSchema = z.record(
  z.string(),
  z.object({
    command: z.array(z.string()).min(1),
    workingDirectory: z.string().exactOptional(),
    env: z.record(z.string(), z.string()).exactOptional(),
  }),
);

const { values } = parseArgs({
  options: {
    directory: { type: 'string', default: '.localcluster' },
    images: { type: 'string' },
    port: { type: 'string', default: '0' },
    'address-range': { type: 'string' },
  },
});

const images: LocalClusterOptions['images'] =
  values.images === undefined
    ? { node: { command: [process.execPath] } }
    : imagesSchema.parse(JSON.parse(readFileSync(values.images, 'utf8')));
const range = values['address-range'];
const cluster = await LocalCluster.start({
  directory: resolve(values.directory),
  images,
  port: Number(values.port),
  ...(range === undefined ? {} : { addressRange: range }),
  logger: { info: console.error, warn: console.error },
});
console.log(`export KUBECONFIG=${cluster.kubeconfigPath}`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void cluster.stop().then(() => process.exit(0));
  });
}

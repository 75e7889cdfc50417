import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import { build as bundle, type Metafile, type Plugin } from 'esbuild';

/** Bundles what runs in a container: one ESM file per process, with its source map beside it. */
const ENTRIES = {
  autoscaler: 'autoscaler/main.ts',
  'store-worker': 'autoscaler/store/store-worker.ts',
  nemesis: 'autoscaler/commands/main.ts',
  loadbalancer: 'loadbalancer/main.ts',
  sidecar: 'sidecar/main.ts',
  'example-sentiment': 'examples/sentiment/server.ts',
};

/**
 * Takes what Node brings by require(). An ESM import asks a module for all it exports, and of node:http that loads the whole
 * of undici, for WebSocket. ADR 0006 has what that costs in every pod.
 */
const requireBuiltins: Plugin = {
  name: 'require-builtins',
  setup: (build) => {
    build.onResolve({ filter: /^[a-z0-9_/:]+$/ }, ({ path, kind }) => {
      if (!isBuiltin(path)) return undefined;
      return kind === 'import-statement' ? { path, namespace: 'builtin' } : { path, external: true };
    });
    build.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({ contents: lazily(path) }));
  },
};

/** A module of Node's that is loaded when something of it is first used. */
function lazily(path: string): string {
  const names = Object.keys(process.getBuiltinModule(path) as object);
  const getters = names.map((name) => `get ${JSON.stringify(name)}() { return load()[${JSON.stringify(name)}]; }`);
  return path !== 'http2'
    ? `module.exports = require(${JSON.stringify(path)});`
    : `const load = () => require(${JSON.stringify(path)});\nmodule.exports = { ${getters.join(', ')} };`;
}

/**
 * Takes of the Kubernetes client what is used: its kubeconfig. Its thousands of generated models only define classes, which
 * its package does not say, and undici is for its own requests, which are not made: ours go over node:http. Both together
 * would take 20 MB of each program's memory.
 */
const leanKubernetesClient: Plugin = {
  name: 'lean-kubernetes-client',
  setup: (build) => {
    build.onResolve({ filter: /./ }, async ({ path, importer, kind, resolveDir, pluginData }) => {
      const inside = /node_modules[\\/]@kubernetes[\\/]client-node[\\/]/;
      if (pluginData === RESOLVING || (!inside.test(importer) && path !== '@kubernetes/client-node')) return undefined;
      if (path === 'undici') return { path, namespace: 'unused' };
      const found = await build.resolve(path, { importer, kind, resolveDir, pluginData: RESOLVING });
      return inside.test(found.path) ? { ...found, sideEffects: false } : found;
    });
    build.onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: UNUSED }));
  },
};
const RESOLVING = Symbol('resolving');
const UNUSED = ['Agent', 'ProxyAgent', 'fetch', 'FormData', 'Headers', 'Request', 'Response']
  .map((name) => `export class ${name} { constructor() { throw new Error('undici is not in this bundle'); } }`)
  .join('\n');

const root = dirname(import.meta.dirname);
const outdir = join(root, 'dist/bundle');
rmSync(outdir, { recursive: true, force: true });
mkdirSync(outdir, { recursive: true });

const { metafile } = await bundle({
  absWorkingDir: root,
  entryPoints: ENTRIES,
  outdir,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  plugins: [requireBuiltins, leanKubernetesClient],
  platform: 'node',
  target: 'node24',
  format: 'esm',
  // Not minified, so that a stack trace can be read without a map.
  sourcemap: 'external',
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
  // CommonJS packages call require() for what Node itself brings.
  banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
});
writeFileSync(join(outdir, 'THIRD-PARTY-LICENSES.txt'), licencesOf(metafile));
// The command `nemesis` is executable by itself.
const command = join(outdir, 'nemesis.mjs');
writeFileSync(command, `#!/usr/bin/env node\n${readFileSync(command, 'utf8')}`);
chmodSync(command, 0o755);

for (const name of Object.keys(ENTRIES)) {
  const kib = Math.round(statSync(join(outdir, `${name}.mjs`)).size / 1024);
  process.stdout.write(`dist/bundle/${name}.mjs  ${kib} KiB\n`);
}

/** The licences of the packages whose code is in the bundles: most of them ask for being passed on. */
function licencesOf({ outputs }: Metafile): string {
  const inputs = Object.values(outputs).flatMap((output) => Object.keys(output.inputs));
  const folders = inputs.map((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]);
  return [...new Set(folders)]
    .filter((folder) => folder !== undefined)
    .sort()
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as {
        name: string;
        version: string;
        license?: string;
      };
      const file = readdirSync(join(root, folder)).find((each) => /^licen[cs]e/i.test(each));
      const text = file === undefined ? '' : readFileSync(join(root, folder, file), 'utf8').trim();
      return `${name} ${version} (${license ?? 'see below'})\n\n${text}\n`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}

import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build, type Metafile } from 'esbuild';

/** Bundles what runs in a container: one ESM file per process, with its source map beside it. */
const ENTRIES = {
  autoscaler: 'autoscaler/main.ts',
  'history-worker': 'autoscaler/history/history-worker.ts',
  commands: 'autoscaler/commands/main.ts',
  loadbalancer: 'loadbalancer/main.ts',
  sidecar: 'sidecar/main.ts',
  'example-sentiment': 'examples/sentiment/server.ts',
};

const root = dirname(import.meta.dirname);
const outdir = join(root, 'dist/bundle');
rmSync(outdir, { recursive: true, force: true });
mkdirSync(outdir, { recursive: true });

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ENTRIES,
  outdir,
  outExtension: { '.js': '.mjs' },
  bundle: true,
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

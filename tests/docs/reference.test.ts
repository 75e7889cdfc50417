import { expect } from 'chai';
import { PROGRAM_SETTINGS, settingsPage } from '../../scripts/settings-page.ts';
import { customResourceDefinitions } from '../../shared/api/crd.ts';
import { ERRORS } from '../../shared/errors/registry.ts';
import { filesLike, namesInTables, read, rowsOf } from './support.ts';

const unique = (names: readonly string[]): string[] => [...new Set(names)].sort();

describe('docs/reference/errors.md', () => {
  const page = read('docs/reference/errors.md');
  const known: Record<string, { readonly status: number }> = ERRORS;

  it('explains every code, and no other', () => {
    expect(unique(namesInTables(page))).to.deep.equal(Object.keys(known).sort());
  });

  it('gives each code the status that it is sent with', () => {
    for (const [code = '', status] of rowsOf(page)) {
      expect(String(known[code]?.status), code).to.equal(status);
    }
  });
});

describe('the OpenAPI documents', () => {
  /** Routes as the code mounts them, with `{name}` for `:name` and without what only a pattern has. */
  const mounted = (program: string): string[] =>
    filesLike(`${program}/**/*.ts`).flatMap((file) => {
      const text = read(file);
      const direct = [...text.matchAll(/\b(?:app|routes)\.(?:get|post|put|patch|delete)\(\s*'(\/[^']*)'/g)];
      const declared = [...text.matchAll(/^\s+path: (?:'(\/[^']+)'|\[([^\]]+)\]),$/gm)];
      return [...direct, ...declared].flatMap(([, one, several]) =>
        one !== undefined ? [one] : [...(several ?? '').matchAll(/'([^']+)'/g)].map(([, path = '']) => path),
      );
    });
  const patternOf = (path: string): RegExp =>
    new RegExp(`^${path.replace(/\/\{\*\w+\}/, '(?:/.*)?').replace(/:\w+/g, '[^/]+')}$`);

  for (const program of ['autoscaler', 'loadbalancer']) {
    it(`has every route that the ${program} mounts`, () => {
      const document = JSON.parse(read(`docs/openapi/${program}.json`)) as { paths: Record<string, unknown> };
      const documented = Object.keys(document.paths);
      const routes = mounted(program);
      expect(routes.length).to.be.greaterThan(3);
      const missing = routes.filter((path) => !documented.some((each) => patternOf(path).test(each)));
      expect(missing).to.deep.equal([]);
    });
  }
});

describe('docs/reference/settings.md', () => {
  const page = read('docs/reference/settings.md');

  it('is what "npm run generate" makes', () => {
    expect(page).to.equal(settingsPage());
  });

  it('has every setting of every program, and no other', () => {
    const variables = Object.values(PROGRAM_SETTINGS).flatMap((settings) =>
      Object.values(settings).map(({ variable }) => variable),
    );
    expect(namesInTables(page).sort()).to.deep.equal(variables.sort());
  });
});

describe('docs/reference/metrics.md', () => {
  it('has every metric of the code, and no other', () => {
    const found = new Set<string>();
    for (const file of filesLike('{autoscaler,loadbalancer,sidecar,shared}/**/*.ts')) {
      const text = read(file);
      for (const [name] of text.matchAll(/nemesis_[a-z_]*[a-z]\b/g)) found.add(name);
      // Counters that are made in a loop.
      const loop = /const counters = \{([\s\S]*?)\} as const/.exec(text)?.[1] ?? '';
      for (const [, name = ''] of loop.matchAll(/^\s+([a-z_]+): \[/gm)) found.add(`nemesis_${name}_total`);
    }
    expect(unique(namesInTables(read('docs/reference/metrics.md')))).to.deep.equal([...found].sort());
  });
});

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly default?: unknown;
}

function fieldsOf(path: string, node: SchemaNode): [string, string][] {
  if (node.properties !== undefined) {
    return Object.entries(node.properties).flatMap(([name, child]) => fieldsOf(`${path}.${name}`, child));
  }
  if (node.items?.properties !== undefined) return fieldsOf(`${path}[]`, node.items);
  return [[path, node.default === undefined ? '' : JSON.stringify(node.default).replaceAll('"', '')]];
}

describe('docs/guides/custom-resource.md and docs/reference/scaling-metrics.md', () => {
  it('has every field of the custom resources with its default, and no other', () => {
    const expected = customResourceDefinitions().flatMap(({ spec }) => {
      const [version] = spec['versions'] as { schema: { openAPIV3Schema: SchemaNode } }[];
      return fieldsOf('spec', version!.schema.openAPIV3Schema.properties!['spec']!);
    });
    const pages = ['docs/guides/custom-resource.md', 'docs/reference/scaling-metrics.md'];
    const rows = pages.flatMap((page) => rowsOf(read(page)));
    const shown = rows.filter(([field]) => field?.startsWith('spec.')).map(([field, standard]) => [field, standard]);
    expect(shown).to.have.deep.members(expected);
  });
});

import { expect } from 'chai';
import { parseAllDocuments } from 'yaml';
import { autoscalerSpecSchema } from '../../shared/api/autoscaler.ts';
import { loadBalancerSettingsSpecSchema } from '../../shared/api/load-balancer-settings.ts';
import { filesLike, markdownFiles, read } from './support.ts';

interface Resource {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: { readonly name?: string; readonly namespace?: string };
  readonly spec?: unknown;
}

const schemas = { Autoscaler: autoscalerSpecSchema, LoadBalancerSettings: loadBalancerSettingsSpecSchema };

/** Refuses fields that the schema does not know, as a typing mistake in an example would be. */
function unknownFields(given: unknown, parsed: unknown, path: string): string[] {
  if (Array.isArray(given)) {
    return given.flatMap((item, index) => unknownFields(item, (parsed as unknown[])[index], `${path}[${index}]`));
  }
  if (typeof given !== 'object' || given === null) return [];
  return Object.entries(given).flatMap(([key, value]) => {
    const inside = (parsed as Record<string, unknown> | undefined)?.[key];
    return inside === undefined ? [`${path}.${key}`] : unknownFields(value, inside, `${path}.${key}`);
  });
}

function check(where: string, yaml: string): void {
  for (const document of parseAllDocuments(yaml)) {
    const resource = document.toJS() as Resource | null;
    const schema = schemas[resource?.kind as keyof typeof schemas] as typeof schemas.Autoscaler | undefined;
    if (resource === null || schema === undefined) continue;
    it(`${where}: ${resource.kind ?? ''} ${resource.metadata?.name ?? ''} is valid`, () => {
      expect(resource.apiVersion).to.equal('nemesis.io/v1alpha1');
      const result = schema.safeParse(resource.spec);
      expect(result.error?.issues ?? []).to.deep.equal([]);
      expect(unknownFields(resource.spec, result.data, 'spec')).to.deep.equal([]);
    });
  }
}

describe('what the documentation tells people to do', () => {
  const targets = new Set([...read('Makefile').matchAll(/^([a-z][a-z0-9-]*):/gm)].map(([, name]) => name ?? ''));
  const scripts = (JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts;

  for (const file of markdownFiles()) {
    const text = read(file);
    const code = [...text.matchAll(/```[\s\S]*?```|`[^`\n]+`|^ {4}.*$/gm)].map(([block]) => block).join('\n');

    it(`${file} names targets of the Makefile and scripts of npm that exist`, () => {
      const made = [...code.matchAll(/\bmake ([a-z][a-z0-9-]*)/g)].map(([, name = '']) => name);
      const run = [...code.matchAll(/\bnpm run ([a-z][a-z0-9:-]*)/g)].map(([, name = '']) => name);
      expect(made.filter((name) => !targets.has(name))).to.deep.equal([]);
      expect(run.filter((name) => scripts[name] === undefined)).to.deep.equal([]);
    });

    for (const [, block = ''] of text.matchAll(/```ya?ml\n([\s\S]*?)```/g)) check(file, block);
  }

  for (const file of filesLike('examples/**/*.yaml')) check(file, read(file));

  it('make help lists every target', () => {
    const described = [...read('Makefile').matchAll(/^([a-z0-9-]+):.*## /gm)].map(([, name]) => name);
    expect(described).to.have.members([...targets]);
  });
});

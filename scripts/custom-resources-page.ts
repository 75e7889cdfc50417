import { customResourceDefinitions } from '../shared/api/crd.ts';
import { markdownTable } from './settings-page.ts';

interface SchemaNode {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly additionalProperties?: SchemaNode;
  readonly required?: readonly string[];
}

/** docs/reference/custom-resources.md: every field of every custom resource, from their schemas. */
export function customResourcesPage(): string {
  const sections = customResourceDefinitions().map(({ spec }) => {
    const { kind } = spec['names'] as { readonly kind: string };
    const [version] = spec['versions'] as readonly { readonly schema: { readonly openAPIV3Schema: SchemaNode } }[];
    const { properties = {} } = version?.schema.openAPIV3Schema ?? {};
    const rows = ['spec', 'status'].flatMap((part) => {
      const node = properties[part];
      return node === undefined ? [] : rowsOf(part, node, false);
    });
    return `## ${kind}\n\n${markdownTable(['field', 'default', 'type', 'meaning'], rows)}`;
  });
  return `<!-- Made by "npm run generate" from shared/api; do not edit. -->

# Fields of the custom resources

[The custom resources](../guides/custom-resource.md) explains them with examples. A field whose parent is absent has no effect,
whatever its default. "Must be set" holds where the parent is there.

${sections.join('\n')}`;
}

function rowsOf(path: string, node: SchemaNode, isRequired: boolean): string[][] {
  if (node.properties !== undefined) {
    return Object.entries(node.properties).flatMap(([name, child]) =>
      rowsOf(`${path}.${name}`, child, node.required?.includes(name) === true),
    );
  }
  if (node.items?.properties !== undefined) return rowsOf(`${path}[]`, node.items, false);
  const standard = node.default === undefined ? '' : `\`${JSON.stringify(node.default).replaceAll('"', '')}\``;
  const meaning = [node.description ?? '', isRequired && node.default === undefined ? 'Must be set.' : ''];
  return [[`\`${path}\``, standard, typeOf(node), plain(meaning.filter((text) => text !== '').join(' '))]];
}

function typeOf({ type, enum: values, items, additionalProperties }: SchemaNode): string {
  if (values !== undefined) return values.map((value) => `\`${String(value)}\``).join(', ');
  if (type === 'array') return `list of ${items?.type ?? 'string'}`;
  if (additionalProperties !== undefined) return `map of ${additionalProperties.type ?? 'string'}`;
  return type ?? 'integer or text';
}

/** Text in which neither patterns nor addresses are taken for Markdown. */
function plain(text: string): string {
  return text.replaceAll('*', '\\*').replaceAll(/https?:\/\/[^\s;,]+/g, '`$&`');
}

import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = 'autoscaler/events/sinks';

/** Where the list is generated to. */
export const EVENT_SINKS_FILE = `${FOLDER}/index.ts`;

/**
 * The list of the event sinks as a module: every file in `autoscaler/events/sinks/`, in alphabetical order.
 *
 * @throws Error when a file's name is not in kebab-case, since its import is named after it
 */
export function eventSinks(folder = join(import.meta.dirname, '..', FOLDER)): string {
  const files = readdirSync(folder).filter((file) => file.endsWith('.ts') && file !== 'index.ts');
  const sinks = files.sort().map((file) => ({ file, name: importName(file) }));
  const imports = sinks.map(({ file, name }) => `import { createSink as ${name} } from './${file}';\n`);
  return `// Made by "npm run generate" from the files in this folder; do not edit.
import type { CreateSink } from '../sink-parts.ts';
${imports.join('')}
/** Makes each sink of events, in alphabetical order. */
export const EVENT_SINKS: readonly CreateSink[] = [
${sinks.map(({ name }) => `  ${name},\n`).join('')}];
`;
}

/** For example `dead-letter.ts` becomes `deadLetterSink`, which is never a reserved word. */
function importName(file: string): string {
  const name = file.slice(0, -'.ts'.length);
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
    throw new Error(`${FOLDER}/${file}: the name of a sink's file must be in kebab-case, for example dead-letter.ts.`);
  }
  return `${name.replaceAll(/-(.)/g, (_dash, letter: string) => letter.toUpperCase())}Sink`;
}

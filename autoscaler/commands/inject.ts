import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { visit, type Document } from 'yaml';
import product from '../../package.json' with { type: 'json' };
import { messageOf } from '../../shared/runtime/logger.ts';
import { hasNativeSidecars } from '../admission/cluster-version.ts';
import { inject as injectPod, type InjectionOptions } from '../admission/injection.ts';
import { patchBetween, type PatchOperation } from '../admission/json-patch.ts';
import { defineCommand, type CommandIo } from './command.ts';
import { anyText, list, option, optionOr, type OptionValues } from './options.ts';
import { applicationsIn, DocumentError, documentsIn, podsIn, type KnownTarget } from './workload-documents.ts';

const OPTIONS = {
  filename: list({
    short: 'f',
    value: 'FILE',
    description: 'reads this file; without it, or for "-", the standard input',
  }),
  image: optionOr(`localhost/nemesis:${product.version}`, {
    value: 'IMAGE',
    description: 'image of the sidecar',
    parse: anyText,
  }),
  'controller-url': optionOr('https://nemesis-autoscaler.nemesis-system.svc:8091', {
    value: 'URL',
    description: 'as sidecars reach the controller',
    allowed: 'an absolute http or https URL',
    parse: (text) => (/^https?:$/.test(URL.parse(text)?.protocol ?? '') ? text : undefined),
  }),
  'kubernetes-version': optionOr('1.34', {
    value: 'VERSION',
    description: '1.29 and newer have native sidecars',
    allowed: 'a version such as 1.34',
    parse: (text) => {
      const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(text) ?? [];
      return major === undefined || minor === undefined ? undefined : { major, minor };
    },
  }),
  port: option({
    value: 'PORT',
    description: 'port of the application, number or name, where nothing else says it',
    parse: (text) => (/^\d+$/.test(text) ? Number(text) : text),
  }),
};

/**
 * A dry run of the injection.
 *
 * @returns 0; 1 when a document could not be read; 2 when the arguments are wrong
 */
export const inject = defineCommand({
  name: 'inject',
  synopsis: '-f FILE [-f FILE …] [OPTIONS]',
  description: `Prints workloads as they would be with the sidecar. Nothing is changed, and no cluster is asked.

Deployments, StatefulSets, DaemonSets, ReplicaSets, Jobs, CronJobs, Pods and Lists of them get the sidecar; every other
document is printed as it came. An Autoscaler among them says the port of its Deployment, as it does in a cluster.`,
  options: OPTIONS,
  noArguments: 'name files with -f FILE',
  run: async (values, io) => {
    try {
      io.stdout.write(await injected(values, io));
      return 0;
    } catch (error) {
      if (!(error instanceof DocumentError)) throw error;
      io.stderr.write(`inject: ${error.message}\n`);
      return 1;
    }
  },
});

/** All documents of the files, those with pods with the sidecar. @throws DocumentError */
async function injected(values: OptionValues<typeof OPTIONS>, io: CommandIo): Promise<string> {
  const { filename, port } = values;
  const options: Omit<InjectionOptions, 'application' | 'deployed'> = {
    image: values.image,
    controllerUrl: values['controller-url'],
    version: product.version,
    ca: undefined,
    native: hasNativeSidecars(values['kubernetes-version']),
  };
  const standard = port === undefined ? undefined : { port, announceProbe: undefined };
  const files = filename.length === 0 ? ['-'] : filename;
  const sources = await Promise.all(files.map(async (file) => ({ file, text: await read(file, io) })));
  const known = sources.flatMap(({ file, text }) => documentsIn(file, text).flatMap(applicationsIn));
  const printed = sources.flatMap(({ file, text }) =>
    documentsIn(file, text).map((document) => {
      const operations = podsIn(document).flatMap(({ path, pod, name, target }) => {
        const application = applicationOf(known, target) ?? standard;
        const { pod: after, warnings } = injectPod(pod, { ...options, application, deployed: target !== undefined });
        for (const warning of warnings) io.stderr.write(`${document.where}, ${name}: ${warning}\n`);
        return patchBetween(pod, after, path);
      });
      return operations.length === 0 ? document.source : changed(document.yaml, operations);
    }),
  );
  return joined(printed);
}

async function read(file: string, io: CommandIo): Promise<string> {
  try {
    return file === '-' ? await textOf(io.stdin) : await readFile(file, 'utf8');
  } catch (error) {
    throw new DocumentError(`${file} cannot be read: ${messageOf(error)}.`);
  }
}

function applicationOf(
  known: readonly KnownTarget[],
  target: { namespace: string; name: string } | undefined,
): InjectionOptions['application'] {
  return known.find(({ namespace, name }) => namespace === target?.namespace && name === target.name)?.application;
}

/** The document with the operations done, its comments kept. */
function changed(document: Document, operations: readonly PatchOperation[]): string {
  const aliases: unknown[] = [];
  visit(document, { Alias: (_, alias) => void aliases.push(alias) });
  // What an alias points to would change in every place where it is used.
  const target = aliases.length > 0 ? withoutAliases(document) : document;
  for (const operation of operations) {
    const path = operation.path.split('/').slice(1).map(unescaped);
    if (operation.op === 'remove') target.deleteIn(path);
    else if (path.at(-1) === '-') target.addIn(path.slice(0, -1), target.createNode(operation.value));
    else target.setIn(path, target.createNode(operation.value));
  }
  return target.toString({ lineWidth: 0 });
}

function withoutAliases(document: Document): Document {
  const copy = document.clone();
  copy.contents = copy.createNode(document.toJS(), { aliasDuplicateObjects: false });
  return copy;
}

function unescaped(part: string): string | number {
  const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
  return /^\d+$/.test(key) ? Number(key) : key;
}

function joined(documents: readonly string[]): string {
  return documents
    .map((document, index) => (index === 0 || /^(#.*\n|\s*\n)*---/.test(document) ? document : `---\n${document}`))
    .map((document) => (document.endsWith('\n') || document === '' ? document : `${document}\n`))
    .join('');
}

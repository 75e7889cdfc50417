import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { visit, type Document } from 'yaml';
import product from '../../package.json' with { type: 'json' };
import { messageOf } from '../../shared/runtime/logger.ts';
import { hasNativeSidecars } from '../admission/cluster-version.ts';
import { inject as injectPod, type InjectionOptions } from '../admission/injection.ts';
import { patchBetween, type PatchOperation } from '../admission/json-patch.ts';
import type { CommandIo } from './command.ts';
import { applicationsIn, DocumentError, documentsIn, podsIn, type KnownTarget } from './workload-documents.ts';

const USAGE = `Prints workloads as they would be with the sidecar. Nothing is changed, and no cluster is asked.

  inject -f FILE [-f FILE …]      reads these files; without -f, or for "-", the standard input
    --image IMAGE                 image of the sidecar (default localhost/nemesis:${product.version})
    --controller-url URL          as sidecars reach the controller
    --kubernetes-version VERSION  1.29 and newer have native sidecars (default 1.34)
    --port PORT                   port of the application, number or name, where nothing else says it

Deployments, StatefulSets, DaemonSets, ReplicaSets, Jobs, CronJobs, Pods and Lists of them get the sidecar; every other
document is printed as it came. An Autoscaler among them says the port of its Deployment, as it does in a cluster.
`;

const OPTIONS = {
  filename: { type: 'string', short: 'f', multiple: true },
  image: { type: 'string' },
  'controller-url': { type: 'string' },
  'kubernetes-version': { type: 'string' },
  port: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

/**
 * A dry run of the injection.
 *
 * @returns 0; 1 when a document could not be read; 2 when the arguments are wrong
 */
export async function inject(args: readonly string[], io: CommandIo): Promise<number> {
  let wanted: Wanted;
  try {
    wanted = readArguments(args);
  } catch (error) {
    io.stderr.write(`inject: ${messageOf(error)}\n\n${USAGE}`);
    return 2;
  }
  if (wanted.help) {
    io.stdout.write(USAGE);
    return 0;
  }
  try {
    const sources = await Promise.all(wanted.files.map(async (file) => ({ file, text: await read(file, io) })));
    const known = sources.flatMap(({ file, text }) => documentsIn(file, text).flatMap(applicationsIn));
    const printed = sources.flatMap(({ file, text }) =>
      documentsIn(file, text).map((document) => {
        const pods = podsIn(document);
        const operations = pods.flatMap(({ path, pod, name, target }) => {
          const application = applicationOf(known, target) ?? wanted.application;
          const { pod: after, warnings } = injectPod(pod, {
            ...wanted.options,
            application,
            deployed: target !== undefined,
          });
          for (const warning of warnings) io.stderr.write(`${document.where}, ${name}: ${warning}\n`);
          return patchBetween(pod, after, path);
        });
        return operations.length === 0 ? document.source : changed(document.yaml, operations);
      }),
    );
    io.stdout.write(joined(printed));
    return 0;
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    io.stderr.write(`inject: ${error.message}\n`);
    return 1;
  }
}

interface Wanted {
  readonly help: boolean;
  readonly files: readonly string[];
  readonly options: Omit<InjectionOptions, 'application' | 'deployed'>;
  readonly application: InjectionOptions['application'];
}

/** @throws Error in a sentence */
function readArguments(args: readonly string[]): Wanted {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, strict: true });
  const version = values['kubernetes-version'] ?? '1.34';
  const [, major = '', minor = ''] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === '') throw new Error(`--kubernetes-version is "${version}", but expected a version such as 1.34.`);
  const controllerUrl = values['controller-url'] ?? 'https://nemesis-autoscaler.nemesis-system.svc:8091';
  if (!/^https?:$/.test(URL.parse(controllerUrl)?.protocol ?? '')) {
    throw new Error(`--controller-url is "${controllerUrl}", but expected an absolute http or https URL.`);
  }
  const { port } = values;
  return {
    help: values.help ?? false,
    files: values.filename ?? ['-'],
    options: {
      image: values.image ?? `localhost/nemesis:${product.version}`,
      controllerUrl,
      version: product.version,
      ca: undefined,
      native: hasNativeSidecars({ major, minor }),
    },
    application:
      port === undefined ? undefined : { port: /^\d+$/.test(port) ? Number(port) : port, announceProbe: undefined },
  };
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

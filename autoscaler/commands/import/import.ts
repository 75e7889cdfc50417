import { stringify } from 'yaml';
import { z } from 'zod';
import { isKubeStatus, type KubeClient } from '../../../shared/kubernetes/kube-api.ts';
import { pathOf, RESOURCES } from '../../../shared/kubernetes/paths.ts';
import { readSettings } from '../../../shared/runtime/settings.ts';
import { CLUSTER_OPTIONS, connect } from '../cluster-options.ts';
import { commandSettings } from '../command-settings.ts';
import { defineCommand } from '../command.ts';
import { anyText, optionOr, UsageError } from '../options.ts';
import { hpaSchema, importHpa } from './hpa.ts';
import type { Imported } from './imported.ts';
import { importScaledObject, scaledObjectSchema } from './scaled-object.ts';

const KINDS = {
  hpa: {
    resource: RESOURCES.horizontalPodAutoscalers,
    kind: 'HorizontalPodAutoscaler',
    read: (object: unknown) => importHpa(hpaSchema.parse(object)),
  },
  scaledobject: {
    resource: { prefix: '/apis/keda.sh/v1alpha1', plural: 'scaledobjects' },
    kind: 'ScaledObject',
    read: (object: unknown) => importScaledObject(scaledObjectSchema.parse(object)),
  },
} as const;

/** Prints the Autoscaler that does the same as somebody else's resource. It changes nothing. */
export const importCommand = defineCommand({
  name: 'import',
  synopsis: 'hpa|scaledobject NAME [OPTIONS]',
  description: `Prints the Autoscaler that does the same as a HorizontalPodAutoscaler or a ScaledObject of KEDA, and what cannot be carried
over, as comments. It changes nothing.`,
  arguments: ['hpa|scaledobject', 'NAME'],
  noArguments: 'it takes two arguments, hpa or scaledobject and its name',
  options: {
    namespace: optionOr('default', {
      value: 'NAMESPACE',
      short: 'n',
      description: 'namespace of the resource (default default)',
      parse: anyText,
    }),
    ...CLUSTER_OPTIONS,
  },
  run: async (options, io, [wanted = '', name = '']) => {
    if (!Object.hasOwn(KINDS, wanted))
      throw new UsageError(`"${wanted}" cannot be imported; expected hpa or scaledobject.`);
    const { resource, kind, read } = KINDS[wanted as keyof typeof KINDS];
    const api = connect(options, readSettings(commandSettings, process.env).token, 'nemesis-import');
    try {
      const object = await get(api, pathOf(resource, options.namespace, name), `${kind} ${options.namespace}/${name}`);
      io.stdout.write(documentOf(read(object)));
      return 0;
    } catch (error) {
      if (!(error instanceof z.ZodError)) throw error;
      throw new Error(`${kind} ${name} has another form than expected: ${z.prettifyError(error)}`, { cause: error });
    } finally {
      api.close();
    }
  },
});

async function get(api: KubeClient, path: string, what: string): Promise<unknown> {
  try {
    return await api.request<unknown>('GET', path);
  } catch (error) {
    if (isKubeStatus(error, 404)) throw new Error(`There is no ${what}.`, { cause: error });
    throw error;
  }
}

/** The resource as YAML, with the notes as comments before it. */
export function documentOf({ autoscaler, notes }: Imported): string {
  const comments = notes.map((note) => `# ${note}\n`).join('');
  return `${comments}${stringify(autoscaler, { lineWidth: 0 })}`;
}

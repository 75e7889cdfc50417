import { autoscalerSpecSchema, autoscalerStatusSchema } from './autoscaler.ts';
import { loadBalancerSettingsSpecSchema } from './load-balancer-settings.ts';
import { observabilitySystemSpecSchema } from './observability-system.ts';
import { structuralSchema } from './schema.ts';
import { API_GROUP, API_VERSION } from '../model/api-group.ts';

interface PrinterColumn {
  readonly name: string;
  readonly type: string;
  readonly jsonPath: string;
  readonly priority?: number;
}

const AUTOSCALER_COLUMNS: readonly PrinterColumn[] = [
  { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
  { name: 'Replicas', type: 'integer', jsonPath: '.status.replicas' },
  { name: 'Wanted', type: 'integer', jsonPath: '.status.desiredReplicas' },
  { name: 'Reason', type: 'string', jsonPath: '.status.lastDecision.reason' },
  { name: 'Message', type: 'string', jsonPath: '.status.lastDecision.message', priority: 1 },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
];

/** A CustomResourceDefinition, ready to be written as YAML or applied. */
export interface CustomResourceDefinition {
  readonly apiVersion: 'apiextensions.k8s.io/v1';
  readonly kind: 'CustomResourceDefinition';
  readonly metadata: { readonly name: string };
  readonly spec: Record<string, unknown>;
}

/** The definitions of all custom resources, from the same schemas that our programs parse with. */
export function customResourceDefinitions(): CustomResourceDefinition[] {
  return [
    definition({
      kind: 'Autoscaler',
      plural: 'autoscalers',
      shortNames: ['nas'],
      columns: AUTOSCALER_COLUMNS,
      required: ['spec'],
      properties: {
        spec: structuralSchema(autoscalerSpecSchema),
        status: structuralSchema(autoscalerStatusSchema),
      },
      subresources: { status: {} },
    }),
    definition({
      kind: 'LoadBalancerSettings',
      plural: 'loadbalancersettings',
      shortNames: ['nlbs'],
      columns: [
        { name: 'Policy', type: 'string', jsonPath: '.spec.policy' },
        { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
      ],
      required: [],
      properties: { spec: { ...structuralSchema(loadBalancerSettingsSpecSchema), default: {} } },
      subresources: {},
    }),
    definition({
      kind: 'ObservabilitySystem',
      plural: 'observabilitysystems',
      shortNames: ['nos'],
      columns: [
        { name: 'Type', type: 'string', jsonPath: '.spec.type' },
        { name: 'URL', type: 'string', jsonPath: '.spec.url' },
        { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
      ],
      required: ['spec'],
      properties: { spec: structuralSchema(observabilitySystemSpecSchema) },
      subresources: {},
    }),
  ];
}

function definition(of: {
  kind: string;
  plural: string;
  shortNames: string[];
  columns: readonly PrinterColumn[];
  required: string[];
  properties: Record<string, unknown>;
  subresources: Record<string, unknown>;
}): CustomResourceDefinition {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${of.plural}.${API_GROUP}` },
    spec: {
      group: API_GROUP,
      scope: 'Namespaced',
      names: {
        kind: of.kind,
        listKind: `${of.kind}List`,
        plural: of.plural,
        singular: of.kind.toLowerCase(),
        shortNames: of.shortNames,
        categories: ['nemesis'],
      },
      versions: [
        {
          name: API_VERSION,
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              ...(of.required.length === 0 ? {} : { required: of.required }),
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                metadata: { type: 'object' },
                ...of.properties,
              },
            },
          },
          ...(Object.keys(of.subresources).length === 0 ? {} : { subresources: of.subresources }),
          additionalPrinterColumns: of.columns,
        },
      ],
    },
  };
}

import { z } from 'zod';
import type { PodDocument } from './pod-document.ts';

const record = z.record(z.string(), z.unknown());

/** What the API server asks, as far as we read it. */
export const admissionReviewSchema = z.object({
  apiVersion: z.literal('admission.k8s.io/v1'),
  kind: z.literal('AdmissionReview'),
  request: z.object({
    uid: z.string().min(1).max(253),
    kind: z.object({ group: z.string(), version: z.string(), kind: z.string() }).optional(),
    namespace: z.string().max(253).optional(),
    name: z.string().max(253).optional(),
    operation: z.string().max(32).optional(),
    subResource: z.string().max(253).optional(),
    object: record.nullish(),
    oldObject: record.nullish(),
  }),
});
/** A question of the API server. */
export type AdmissionReview = z.infer<typeof admissionReviewSchema>;

const podSchema = z.looseObject({
  metadata: z.looseObject({}).optional(),
  spec: z.looseObject({ containers: z.array(z.looseObject({ name: z.string() })) }),
});

/** The pod of a question; undefined where it is about something else. */
export function podOf({ request }: AdmissionReview): PodDocument | undefined {
  const { kind, operation, subResource, object } = request;
  if (kind !== undefined && (kind.group !== '' || kind.kind !== 'Pod')) return undefined;
  if ((operation ?? 'CREATE') !== 'CREATE' || (subResource ?? '') !== '') return undefined;
  return isPod(object) ? object : undefined;
}

/** The shape is checked, but the object itself goes on: parsing may not lose a field. */
function isPod(object: unknown): object is PodDocument {
  return podSchema.safeParse(object).success;
}

/** What we answer. */
export interface AdmissionAnswer {
  readonly apiVersion: 'admission.k8s.io/v1';
  readonly kind: 'AdmissionReview';
  readonly response: {
    readonly uid: string;
    readonly allowed: boolean;
    readonly patchType?: 'JSONPatch';
    /** Base64 of the operations. */
    readonly patch?: string;
    readonly warnings?: readonly string[];
    /** Why it is not allowed. */
    readonly status?: {
      readonly code: number;
      readonly reason: string;
      readonly message: string;
      readonly details: { readonly causes: readonly { readonly field: string; readonly message: string }[] };
    };
  };
}

/** Longer warnings are cut off by the API server. */
const WARNING_LENGTH = 256;

/** A refusal that names each field, as the API server's own refusals do. */
export function refusalOf(uid: string, faults: readonly { path: string; message: string }[]): AdmissionAnswer {
  const message = `${faults.map(({ path, message: why }) => `${path}: ${why}`).join('; ')}.`;
  const causes = faults.map(({ path, message: why }) => ({ field: path, message: why }));
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: { uid, allowed: false, status: { code: 422, reason: 'Invalid', message, details: { causes } } },
  };
}

/** The answer that allows it, with a patch where something is added. */
export function answerTo(
  uid: string,
  operations: readonly unknown[] = [],
  warnings: readonly string[] = [],
): AdmissionAnswer {
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: {
      uid,
      allowed: true,
      ...(operations.length === 0
        ? {}
        : { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') }),
      ...(warnings.length === 0 ? {} : { warnings: warnings.map((each) => each.slice(0, WARNING_LENGTH)) }),
    },
  };
}

import { isDeepStrictEqual } from 'node:util';
import { Counter, type Registry } from 'prom-client';
import { autoscalerSpecSchema } from '../../shared/api/autoscaler.ts';
import type { FieldFault } from '../../shared/api/metric-schema.ts';
import { API_GROUP } from '../../shared/model/api-group.ts';
import { messageOf, type Logger } from '../../shared/runtime/logger.ts';
import { checkSpec } from '../checks/spec-check.ts';
import { answerTo, refusalOf, type AdmissionAnswer, type AdmissionReview } from './review.ts';

/**
 * Answers the API server's questions about Autoscalers: refuses what the schema of the CRD cannot check. What the schema
 * does check is not looked at again, so that a version of it that this controller does not know is let through.
 */
export class AutoscalerValidator {
  readonly #logger: Logger;
  readonly #results: Counter<'result'>;

  constructor(deps: { readonly registry: Registry; readonly logger: Logger }) {
    this.#logger = deps.logger;
    this.#results = new Counter({
      name: 'nemesis_validation_total',
      help: 'Autoscalers that the webhook was asked about: allowed, refused or failed.',
      labelNames: ['result'],
      registers: [deps.registry],
    });
  }

  /** The answer to one question. Never throws. */
  answer(review: AdmissionReview): AdmissionAnswer {
    const { uid, namespace, name } = review.request;
    try {
      const faults = faultsOf(review);
      this.#results.inc({ result: faults.length === 0 ? 'allowed' : 'refused' });
      if (faults.length === 0) return answerTo(uid);
      this.#logger.info('an Autoscaler was refused', { namespace, name, faults });
      return refusalOf(uid, faults);
    } catch (error) {
      this.#results.inc({ result: 'failed' });
      this.#logger.error('an Autoscaler could not be checked and is let through', { namespace, name, err: error });
      return answerTo(uid, [], [`nemesis: this Autoscaler was not checked: ${messageOf(error)}`]);
    }
  }
}

function faultsOf({ request }: AdmissionReview): FieldFault[] {
  const { kind, subResource, object, oldObject } = request;
  if (kind?.group !== API_GROUP || kind.kind !== 'Autoscaler' || (subResource ?? '') !== '') return [];
  // What was stored before this rule, or past it, can still be labelled, annotated and deleted.
  if (oldObject !== undefined && oldObject !== null && isDeepStrictEqual(object?.['spec'], oldObject['spec']))
    return [];
  const parsed = autoscalerSpecSchema.safeParse(object?.['spec']);
  if (!parsed.success) return [];
  return checkSpec(parsed.data);
}

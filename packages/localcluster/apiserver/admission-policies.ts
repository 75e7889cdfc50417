import type { Environment, ParseResult } from '@marcbachmann/cel-js';
import { isObject, omit, type Json, type JsonObject } from '../model/json.ts';
import { asJson, type KubeObject } from '../model/objects.ts';
import { kubernetesEnvironment, toDynamicCel } from '../schema/cel-environment.ts';
import { ApiError, forbidden } from './api-error.ts';
import type { UserInfo } from './auth.ts';
import { toScale } from './scale.ts';
import type { Store } from './store.ts';
import { matches, type Match, type RequestSubject } from './webhook-match.ts';

interface Expression {
  name: string;
  expression: string;
}

interface Policy extends KubeObject {
  spec: {
    failurePolicy?: 'Fail' | 'Ignore';
    matchConstraints?: Match & { resourceRules?: Match['rules'] };
    matchConditions?: Expression[];
    variables?: Expression[];
    validations?: { expression: string; message?: string; reason?: string }[];
  };
}

interface Binding extends KubeObject {
  spec: { policyName: string; validationActions?: string[] };
}

/** What a write would do, and who wants it. */
export interface AdmissionRequest {
  subject: RequestSubject;
  name: string;
  user: UserInfo;
  dryRun: boolean;
}

const GROUP = 'admissionregistration.k8s.io';
/** Codes of the reasons that a validation may give. */
const CODES: Readonly<Record<string, number>> = {
  Unauthorized: 401,
  Forbidden: 403,
  Invalid: 422,
  RequestEntityTooLarge: 413,
};

/**
 * ValidatingAdmissionPolicies: CEL expressions that decide about a write. A policy acts where a binding with the action Deny
 * names it. Parameters, message expressions, conditions of a binding and the actions Warn and Audit are not there.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
 */
export class AdmissionPolicies {
  readonly #store: Store;
  /** By policy, as it is stored: another version is another object. */
  readonly #programs = new WeakMap<Policy, Map<string, ParseResult>>();
  #environment: Environment | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Lets a write through that no policy denies. @throws ApiError with the code of the validation's reason */
  check(request: AdmissionRequest, object: KubeObject | undefined, old: KubeObject | undefined): void {
    // Policies and bindings themselves are never looked at, so that a wrong one can be taken away.
    if (request.subject.type.group === GROUP) return;
    for (const binding of this.#store.list(`validatingadmissionpolicybindings.${GROUP}`) as Binding[]) {
      const { policyName, validationActions = [] } = binding.spec;
      const policy = this.#store.get(`validatingadmissionpolicies.${GROUP}`, undefined, policyName);
      if (policy === undefined || !validationActions.includes('Deny')) continue;
      this.#apply(policy as Policy, binding.metadata.name, request, object, old);
    }
  }

  #apply(
    policy: Policy,
    binding: string,
    request: AdmissionRequest,
    object: KubeObject | undefined,
    old: KubeObject | undefined,
  ): void {
    const { matchConstraints = {}, failurePolicy } = policy.spec;
    const match = { ...matchConstraints, rules: matchConstraints.resourceRules ?? [] };
    if (!matches(match, request.subject)) return;
    const deny = (why: string, reason: string): ApiError => {
      const { name } = policy.metadata;
      const text = `ValidatingAdmissionPolicy '${name}' with binding '${binding}' denied request: ${why}`;
      const { message, details } = forbidden(request.subject.type, request.name, text);
      return new ApiError(CODES[reason] ?? 422, reason, message, details);
    };
    let denied: ApiError | undefined;
    try {
      denied = this.#firstDenial(policy, variablesOf(request, object, old), deny);
    } catch (error) {
      if (failurePolicy === 'Ignore') return;
      throw deny(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error), 'Invalid');
    }
    if (denied !== undefined) throw denied;
  }

  /** @throws Error where an expression cannot be parsed or evaluated */
  #firstDenial(
    policy: Policy,
    context: JsonContext,
    deny: (why: string, reason: string) => ApiError,
  ): ApiError | undefined {
    const { matchConditions = [], variables = [], validations = [] } = policy.spec;
    const evaluate = (expression: string): unknown => this.#program(policy, expression)(context) as unknown;
    if (matchConditions.some(({ expression }) => evaluate(expression) !== true)) return undefined;
    for (const { name, expression } of variables) context.variables[name] = evaluate(expression);
    const failed = validations.find(({ expression }) => evaluate(expression) !== true);
    if (failed === undefined) return undefined;
    return deny(failed.message ?? `failed expression: ${failed.expression}`, failed.reason ?? 'Invalid');
  }

  #program(policy: Policy, expression: string): ParseResult {
    const programs = this.#programs.get(policy) ?? new Map<string, ParseResult>();
    this.#programs.set(policy, programs);
    let program = programs.get(expression);
    if (program === undefined) {
      this.#environment ??= ['object', 'oldObject', 'request', 'variables', 'namespaceObject'].reduce(
        (environment, name) => environment.registerVariable(name, 'dyn'),
        kubernetesEnvironment(),
      );
      program = this.#environment.parse(expression);
      programs.set(expression, program);
    }
    return program;
  }
}

interface JsonContext extends Record<string, unknown> {
  variables: Record<string, unknown>;
}

function variablesOf(
  { subject, name, user, dryRun }: AdmissionRequest,
  object: KubeObject | undefined,
  old: KubeObject | undefined,
): JsonContext {
  const { type, operation, subresource, namespace } = subject;
  const shown = (each: KubeObject | undefined): unknown => {
    if (each === undefined) return null;
    return toDynamicCel(subresource === 'scale' ? withoutZero(toScale(type, each)) : asJson(each));
  };
  const { group, version, kind, plural } = type;
  const request: JsonObject = {
    kind: { group, version, kind },
    resource: { group, version, resource: plural },
    subResource: subresource ?? '',
    name,
    namespace: namespace?.metadata.name ?? '',
    operation,
    userInfo: { username: user.username, uid: user.uid ?? '', groups: user.groups },
    dryRun,
  };
  return {
    object: shown(object),
    oldObject: shown(old),
    request: toDynamicCel(request),
    namespaceObject: shown(namespace),
    variables: {},
  };
}

/** The API server leaves zero replicas out of a Scale. */
function withoutZero(scale: JsonObject): Json {
  const { spec } = scale;
  return isObject(spec) && spec['replicas'] === 0 ? { ...scale, spec: omit(spec, 'replicas') } : scale;
}

import type { Application, ErrorRequestHandler, RequestHandler } from 'express';
import type { ILayer } from 'express-serve-static-core';
import { sendProblem } from '../errors/problem.ts';
import { NemesisError } from '../errors/registry.ts';
import { checkRefusal, type DeclaredRefusals } from './refusal-check.ts';

/** Where an answer has what its route says it refuses with. */
export const DECLARED_REFUSALS = 'declaredRefusals';

/** Express: whatever was not routed is a 404 problem, or a 405 problem with `Allow` where the path takes other methods. */
export const notFoundHandler: RequestHandler = (request, response, next) => {
  const allowed = methodsAt(request.app, request.path);
  const what = `${request.method} ${request.path}`;
  if (allowed.length === 0) {
    next(new NemesisError('NotFound', `There is no ${what} here; /openapi.json lists what there is.`));
    return;
  }
  response.setHeader('allow', allowed.join(', '));
  next(new NemesisError('MethodNotAllowed', `${what} is not allowed; this path takes ${allowed.join(', ')}.`));
};

/** The methods that routes of an application take at a path (RFC 9110, section 15.5.6). */
function methodsAt(app: Application, path: string): string[] {
  // The types leave out what the router itself calls.
  const layers = (app.router.stack as (ILayer & { match: (path: string) => boolean })[]).filter(
    (layer) => layer.route !== undefined && layer.match(path),
  );
  const methods = layers.flatMap(({ route }) => route?.stack.map(({ method }) => method.toUpperCase()) ?? []);
  if (methods.includes('GET')) methods.push('HEAD');
  return [...new Set(methods)].sort();
}

/** Express: every error becomes one problem+json answer; an unknown one is logged and tells no internals. */
export function problemHandler(
  onUnexpected: (error: unknown, path: string, requestId: string) => void,
): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const code = sendProblem(response, error, (unexpected, requestId) => {
      onUnexpected(unexpected, request.path, requestId);
    });
    const declared = response.locals[DECLARED_REFUSALS] as DeclaredRefusals | undefined;
    if (declared !== undefined) checkRefusal(declared, code);
  };
}

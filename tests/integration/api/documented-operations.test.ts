import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { z } from 'zod';
import { DRAIN_TOKEN, Programs, type Answer, type Call } from './support.ts';

type Port = keyof Programs['urls'];
type JsonSchema = Readonly<Record<string, unknown>> & {
  readonly examples?: readonly unknown[];
  readonly type?: string;
};
type Content = Readonly<Record<string, { readonly schema: JsonSchema; readonly example?: unknown }>>;

interface DocumentedOperation {
  readonly summary: string;
  readonly security: readonly Readonly<Record<string, unknown>>[];
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly schema: JsonSchema }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, unknown>> };
}

/** An operation with the port that serves it. */
interface Operation extends DocumentedOperation {
  readonly method: string;
  readonly path: string;
  readonly port: Port;
  readonly document: Document;
}

const DOCUMENTS: Readonly<Record<string, Port>> = { autoscaler: '8090', loadbalancer: '8081', sidecar: '9890' };

const documentOf = (program: string): Document =>
  JSON.parse(readFileSync(join(import.meta.dirname, `../../../docs/openapi/${program}.json`), 'utf8')) as Document;

const operations: Operation[] = Object.entries(DOCUMENTS).flatMap(([program, port]) => {
  const document = documentOf(program);
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => {
      const other = /\(port (\d+)\)/.exec(operation.summary)?.[1] as Port | undefined;
      return { ...operation, method: method.toUpperCase(), path, port: other ?? port, document };
    }),
  );
});

describe('Every documented operation of the three programs', function () {
  this.timeout(60_000);
  let programs: Programs;
  before(async () => {
    programs = await Programs.start();
  });
  after(() => programs.stop());

  for (const [program, port] of Object.entries(DOCUMENTS)) {
    it(`is in the document that the ${program} itself serves`, async () => {
      const { text } = await programs.ask(port, { method: 'GET', path: '/openapi.json' });
      expect(JSON.parse(text)).to.deep.equal(documentOf(program));
    });
  }

  for (const operation of operations) {
    describe(`${operation.method} ${operation.path}, on ${operation.port}`, () => {
      it('answers its examples as documented', async () => {
        const call = await withDecision(authorised(operation, exampleOf(operation)));
        const answer = await programs.ask(operation.port, call);
        const status = Object.keys(operation.responses).find((each) => each.startsWith('2'));
        expect(String(answer.status), answer.text).to.equal(status);
        expectDocumented(operation, answer);
      });

      const bad = badCallOf(operation);
      if (bad !== undefined) {
        it('answers a bad call with a documented problem', async () => {
          expectProblem(operation, await programs.ask(operation.port, authorised(operation, bad)));
        });
      }

      if (operation.security.length > 0) {
        it('answers whoever shows no token with a documented problem', async () => {
          const answer = await programs.ask(operation.port, exampleOf(operation));
          expect(answer.status).to.equal(401);
          expectProblem(operation, answer);
        });
      }
    });
  }

  /** The id of a decision is known only once one was made: the example's is replaced. */
  async function withDecision(call: Call): Promise<Call> {
    const example = '1767225600000-1';
    if (!call.path.includes(example)) return call;
    const path = '/api/v1/history/decisions?application=models/sentiment&limit=1000';
    const { text } = await programs.ask('8090', { ...call, path });
    const { items } = JSON.parse(text) as { items: readonly { id: string; input?: object }[] };
    const made = items.find(({ input }) => input !== undefined);
    expect(made, text).to.not.equal(undefined);
    return { ...call, path: call.path.replace(example, made?.id ?? '') };
  }

  function authorised({ security, path }: Operation, call: Call): Call {
    const { person, pod, balancer } = programs.tokens;
    const [scheme] = security.flatMap((each) => Object.keys(each));
    if (scheme === undefined) return call;
    const ofBalancers = path === '/traffic' || path === '/balancers/stream';
    const token = scheme === 'clusterToken' ? person : ofBalancers ? balancer : pod;
    return { ...call, headers: { ...call.headers, authorization: `Bearer ${token}` } };
  }

  /** A call with the examples of everything that has one; where they name pods, those that there are. */
  function exampleOf({ method, path, parameters = [], requestBody }: Operation): Call {
    const exampleIn = (place: string): [string, string][] =>
      parameters
        .filter((each) => each.in === place && each.schema.examples !== undefined)
        .map(({ name, schema }) => [name, String(schema.examples?.[0])]);
    const filled = exampleIn('path').reduce((text, [name, value]) => text.replace(`{${name}}`, value), path);
    const query = new URLSearchParams(exampleIn('query')).toString();
    const example = requestBody?.content['application/json']?.example as ExampleBody | undefined;
    const needsToken = path === '/drain';
    return {
      method,
      path: query === '' ? filled : `${filled}?${query}`,
      ...(needsToken ? { headers: { 'nemesis-drain-token': DRAIN_TOKEN } } : {}),
      ...(example === undefined ? {} : { body: JSON.stringify(withUids(example)) }),
    };
  }

  /** The API server chooses the UIDs of pods, so an example cannot know them. */
  function withUids(example: ExampleBody): ExampleBody {
    const { pod, balancer } = programs.uids;
    return {
      ...example,
      ...(example.podUid === undefined ? {} : { podUid: pod }),
      ...(example.balancer === undefined ? {} : { balancer: { ...example.balancer, podUid: balancer } }),
    };
  }

  /** A call that is wrong in the first thing that can be; undefined where nothing can. */
  function badCallOf(operation: Operation): Call | undefined {
    const { method, path, parameters = [], requestBody } = operation;
    const call = (change: Partial<Call>): Call => ({ method, path: path.replace(/\{\w+\}/g, 'nobody'), ...change });
    if (path === '/drain') return call({});
    if (path.startsWith('/target-app/')) return call({ path: '/target-app/api?target=models/nobody' });
    if (requestBody?.content['application/json'] !== undefined) {
      return call({ path: path.replace('{namespace}', 'models').replace('{name}', 'sentiment'), body: '{' });
    }
    if (path.includes('{')) return call({});
    const number = parameters.find(({ schema }) => schema.type === 'integer');
    if (number !== undefined) return call({ path: `${path}?${number.name}=x` });
    const text = parameters.find((each) => each.in === 'query');
    return text === undefined ? undefined : call({ path: `${path}?${text.name}=a&${text.name}=b` });
  }
});

interface ExampleBody {
  readonly podUid?: string;
  readonly balancer?: { readonly podUid: string };
}

/** The answer has a content type that is documented for its status, and its body is what the schema says. */
function expectDocumented({ responses, document }: Operation, { status, headers, text }: Answer): void {
  const content = responses[String(status)]?.content;
  if (content === undefined) {
    expect(text).to.equal('');
    return;
  }
  const type = String(headers['content-type']).split(';')[0] ?? '';
  const found = content[type] ?? content['*/*'];
  expect(found, `${type} is not among ${Object.keys(content).join(', ')}`).to.not.equal(undefined);
  const schema = schemaOf(found!.schema, document);
  const checked = schema.safeParse(type.endsWith('json') && type !== 'application/x-ndjson' ? JSON.parse(text) : text);
  expect(checked.error, text).to.equal(undefined);
}

/** A problem document with a code that is documented for its status. */
function expectProblem(operation: Operation, answer: Answer): void {
  expect(answer.headers['content-type'], answer.text).to.match(/^application\/problem\+json/);
  const documented = operation.responses[String(answer.status)];
  expect(documented, `${answer.status} is not documented: ${answer.text}`).to.not.equal(undefined);
  expectDocumented(operation, answer);
  const { code, status } = JSON.parse(answer.text) as { code: string; status: number };
  expect(status).to.equal(answer.status);
  expect(documented!.description).to.include(`${code}: `);
}

/** The schema of a document, as what can check by it. */
function schemaOf(schema: JsonSchema, { components }: Document): z.ZodType {
  const whole = JSON.stringify({ ...schema, $defs: components?.schemas ?? {} });
  return z.fromJSONSchema(
    JSON.parse(whole.replaceAll('#/components/schemas/', '#/$defs/')) as z.core.JSONSchema.JSONSchema,
  );
}

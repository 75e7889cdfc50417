import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { generatedFiles } from '../../../scripts/generated-files.ts';
import { customResourceDefinitions } from '../../../shared/api/crd.ts';
import { parseBytes, parseDurationMs, parseMillicores, parseQuantity } from '../../../shared/api/quantity.ts';

describe('quantities and durations', () => {
  const good = [
    ['700m', 0.7],
    ['0.7', 0.7],
    ['1500u', 0.0015],
    ['2', 2],
    [3, 3],
    ['1.5k', 1500],
    ['128Mi', 134_217_728],
    ['1Pi', 2 ** 50],
  ] as const;
  for (const [text, number] of good) {
    it(`Given ${text}, Then it is exactly ${number}`, () => {
      expect(parseQuantity(text)).to.equal(number);
    });
  }
  for (const text of ['', '-1', '1.', '.5', '1 Mi', '1e3', '1mi', 'NaN', '1E']) {
    it(`Given "${text}", Then it is refused with the text quoted`, () => {
      expect(() => parseQuantity(text)).to.throw(RangeError, `"${text}"`);
    });
  }
  it('Given CPU, memory and durations, Then they come in millicores, bytes and ms', () => {
    expect([parseMillicores('800m'), parseMillicores('2'), parseMillicores(0.5)]).to.deep.equal([800, 2000, 500]);
    expect(parseBytes('1Ki')).to.equal(1024);
    expect(['250ms', '1.5s', '2m', '1h'].map(parseDurationMs)).to.deep.equal([250, 1500, 120_000, 3_600_000]);
    for (const text of ['1', '1d', '1m30s', '-1s', '1..5s']) expect(() => parseDurationMs(text)).to.throw(RangeError);
  });
  it('Given any number of millis, Then it equals the decimal number of the same value', () => {
    const property = fc.property(fc.nat(1_000_000), (n) => {
      expect(parseQuantity(`${n}m`)).to.equal(Number(`${n}e-3`));
      expect(parseMillicores(`${n}m`)).to.equal(n);
    });
    fc.assert(property, { seed: 2 });
  });
});

describe('the CRD', () => {
  it('Given the code, Then every generated file in the repository is what the code makes', () => {
    for (const [path, text] of Object.entries(generatedFiles())) {
      const kept = readFileSync(join(import.meta.dirname, '../../..', path), 'utf8');
      expect(kept === text, `${path} is stale; run "npm run generate"`).to.equal(true);
    }
  });

  it('Given the schemas, Then no keyword stands there that a structural schema forbids', () => {
    const forbidden = [
      '$schema',
      '$ref',
      'const',
      'oneOf',
      'allOf',
      'not',
      'definitions',
      '$defs',
      'exclusiveMinimum',
      'exclusiveMaximum',
      'propertyNames',
      'patternProperties',
    ];
    const look = (node: unknown, path: string): void => {
      if (typeof node !== 'object' || node === null) return;
      if (Array.isArray(node)) {
        node.forEach((each, index) => look(each, `${path}[${index}]`));
        return;
      }
      const schema = node as Record<string, unknown>;
      if (!path.endsWith('.properties')) {
        for (const word of forbidden) expect(schema, path).not.to.have.property(word);
        if (schema['anyOf'] !== undefined) expect(schema['x-kubernetes-int-or-string'], path).to.equal(true);
        expect(schema['additionalProperties'], path).not.to.equal(false);
        if (schema['x-kubernetes-validations'] !== undefined) expect(schema['type'], path).to.equal('object');
        if (schema['type'] === 'array') expect(schema, path).to.have.property('maxItems');
      }
      for (const [key, value] of Object.entries(schema)) if (key !== 'default') look(value, `${path}.${key}`);
    };
    for (const { spec } of customResourceDefinitions())
      look((spec['versions'] as { schema: { openAPIV3Schema: object } }[])[0]?.schema.openAPIV3Schema, '');
  });
});

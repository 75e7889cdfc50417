import { expect } from 'chai';
import { differences, OWN_SETS, readSet } from '../../conformance/hpa/hpa-conformance.ts';
import { runCase } from '../../conformance/hpa/run-case.ts';

describe('Conformance with the HPA', () => {
  for (const file of OWN_SETS) {
    it(`Given the cases of ${file.pathname.split('/').at(-1)}, Then the engine answers as the HPA does`, async () => {
      const { constants, cases } = await readSet(file);
      expect(cases).to.not.have.length(0);
      const wrong = cases.flatMap((each) =>
        differences(each, runCase(each, constants)).map((line) => `${each.id}: ${line}`),
      );
      expect(wrong).to.deep.equal([]);
    });
  }

  it('Given a case with another expectation, Then the difference is told', async () => {
    const [file] = OWN_SETS;
    const { constants, cases } = await readSet(file as URL);
    const some = cases.find(({ expect: expected }) => expected.replicas === 5);
    if (some === undefined) throw new Error('The set has no case that ends with 5 replicas.');
    const changed = { ...some, expect: { ...some.expect, replicas: 6 } };
    expect(differences(changed, runCase(some, constants))).to.deep.equal(['replicas: expected 6, was 5']);
  });
});

import { expect } from 'chai';
import { Programs } from './support.ts';

const PATH = '/api/v1/applications/models/sentiment/automaton';

describe('The automaton of an application over REST', function () {
  this.timeout(60_000);
  let programs: Programs;
  before(async () => {
    programs = await Programs.start();
  });
  after(() => programs.stop());

  async function ask(path: string, body?: object, accept = '*/*'): Promise<{ type: string; text: string; status: number }> {
    const { status, headers, text } = await programs.ask('8090', {
      method: body === undefined ? 'GET' : 'POST',
      path,
      headers: { authorization: `Bearer ${programs.tokens.person}`, accept },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status, text, type: String(headers['content-type']).split(';')[0] ?? '' };
  } // prettier-ignore

  it('is JSON unless a drawing is asked for, by format or by Accept', async () => {
    expect((await ask(PATH)).type).to.equal('application/json');
    expect(await ask(`${PATH}?format=dot`)).to.include({ type: 'text/vnd.graphviz' });
    const drawn = await ask(PATH, undefined, 'text/vnd.mermaid');
    expect(drawn.type).to.equal('text/vnd.mermaid');
    expect(drawn.text).to.include('s0 --> s1: event SaleStarted');
  });

  it('says what an event would do, and changes nothing', async () => {
    for (let count = 0; count < 2; count += 1) {
      const { text } = await ask(`${PATH}/dry-run`, { event: 'SaleStarted' });
      expect(JSON.parse(text)).to.deep.include({ state: 'Busy', event: 'Taken', faults: [] });
    }
    expect(JSON.parse((await ask(`${PATH}/dry-run`, { event: 'Other' })).text)).to.include({ event: 'Unhandled' });
  });

  it('says which state an edited automaton would go on from, or what is wrong with it', async () => {
    const states = [{ name: 'Calm', transitions: [] }];
    const edited = { automaton: { initial: 'Calm', migrate: { Quiet: 'Calm' }, states } };
    const migrated = JSON.parse((await ask(`${PATH}/dry-run`, edited)).text) as Record<string, unknown>;
    expect(migrated['goesOnFrom']).to.deep.include({ state: 'Calm' });
    const wrong = { automaton: { initial: 'Nowhere', states } };
    const { status, text } = await ask(`${PATH}/dry-run`, wrong);
    expect(status).to.equal(200);
    expect((JSON.parse(text) as { faults: object[] }).faults).to.deep.equal([
      { path: 'initial', message: 'there is no state Nowhere; the states are Calm' },
    ]);
  });
});

import { expect } from 'chai';
import { drawDot, drawMermaid } from '../../../autoscaler/api/automaton/draw.ts';
import { automatonSchema } from '../../../shared/api/automaton-schema.ts';

const AUTOMATON = automatonSchema.parse({
  initial: 'Quiet',
  states: [
    { name: 'Quiet', replicas: { max: 2 }, transitions: [{ when: 'p95Ms > 800.0; "x"', for: '30s', to: 'Busy' }] },
    { name: 'Busy', transitions: [{ at: { cron: '0 6 * * *' }, to: 'Quiet' }] },
  ],
});

describe('The drawing of an automaton', () => {
  it('in Mermaid: what a guard says cannot end its line, and the current state is marked', () => {
    expect(drawMermaid(AUTOMATON, 'Busy')).to.equal(`stateDiagram-v2
  state "Quiet (..2)" as s0
  state "Busy" as s1
  [*] --> s0
  s0 --> s1: when p95Ms #62; 800.0#59; #34;x#34; for 30s
  s1 --> s0: at 0 6 * * * UTC
  classDef current stroke-width:3px,font-weight:bold
  class s1 current
`);
  });

  it('in DOT: quotes are escaped, and the current state is marked', () => {
    expect(drawDot(AUTOMATON, 'Quiet')).to.equal(`digraph automaton {
  node [shape=box, style=rounded]
  start [shape=point]
  "Quiet" [label="Quiet (..2)", penwidth=3]
  "Busy" [label="Busy"]
  start -> "Quiet"
  "Quiet" -> "Busy" [label="when p95Ms > 800.0; \\"x\\" for 30s"]
  "Busy" -> "Quiet" [label="at 0 6 * * * UTC"]
}
`);
  });
});

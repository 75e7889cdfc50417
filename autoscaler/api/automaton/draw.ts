import type { AutomatonSpec } from '../../../shared/api/automaton-schema.ts';
import { labelOf } from '../../domain/automaton/automaton.ts';

/**
 * An automaton as a state diagram of Mermaid; the current state is marked.
 *
 * @see https://mermaid.js.org/syntax/stateDiagram.html
 */
export function drawMermaid({ initial, states }: AutomatonSpec, current: string | undefined): string {
  const numbers = new Map(states.map(({ name }, index) => [name, `s${index}`]));
  const idOf = (name: string): string => numbers.get(name) ?? name;
  const lines = ['stateDiagram-v2'];
  for (const state of states) lines.push(`  state "${mermaidText(titleOf(state))}" as ${idOf(state.name)}`);
  lines.push(`  [*] --> ${idOf(initial)}`);
  for (const { name, transitions = [] } of states) {
    for (const each of transitions) {
      lines.push(`  ${idOf(name)} --> ${idOf(each.to)}: ${mermaidText(labelOf(each))}`);
    }
  }
  if (current !== undefined && numbers.has(current)) {
    lines.push('  classDef current stroke-width:3px,font-weight:bold', `  class ${idOf(current)} current`);
  }
  return `${lines.join('\n')}\n`;
}

/**
 * An automaton in the language of Graphviz; the current state is marked.
 *
 * @see https://graphviz.org/doc/info/lang.html
 */
export function drawDot({ initial, states }: AutomatonSpec, current: string | undefined): string {
  const lines = ['digraph automaton {', '  node [shape=box, style=rounded]', '  start [shape=point]'];
  for (const state of states) {
    const mark = state.name === current ? ', penwidth=3' : '';
    lines.push(`  ${quoted(state.name)} [label=${quoted(titleOf(state))}${mark}]`);
  }
  lines.push(`  start -> ${quoted(initial)}`);
  for (const { name, transitions = [] } of states) {
    for (const each of transitions) {
      lines.push(`  ${quoted(name)} -> ${quoted(each.to)} [label=${quoted(labelOf(each))}]`);
    }
  }
  return `${[...lines, '}'].join('\n')}\n`;
}

function titleOf({ name, replicas }: AutomatonSpec['states'][number]): string {
  const { min, max } = replicas ?? {};
  return min === undefined && max === undefined ? name : `${name} (${min ?? ''}..${max ?? ''})`;
}

/** Mermaid reads entity codes, so that no character of a guard means anything to it. */
function mermaidText(text: string): string {
  return text.replace(/[^\w .,/*+()-]/gu, (character) => `#${character.codePointAt(0) ?? 0};`);
}

function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, (character) => `\\${character}`).replace(/\s+/g, ' ')}"`;
}

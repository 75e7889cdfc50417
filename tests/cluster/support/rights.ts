import { waitFor } from '../../../demo/wait-for.ts';
import { SYSTEM } from '../../e2e/support/programs.ts';
import { objectsIn, run, tryRun } from './manifests.ts';

/** So long is waited before a right is made use of again. */
export const AGAIN_MS = 2_000;

/** Whose rights are tried: the programs, and the job of the removal. */
export const PROGRAMS = ['autoscaler', 'loadbalancer', 'uninstall'] as const;

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** A Role or ClusterRole of ours. */
export interface Role {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules: readonly Rule[];
}

/** One right of a program: one verb on one resource in one rule. */
export interface Right {
  readonly program: (typeof PROGRAMS)[number];
  readonly role: Role;
  readonly rule: Rule;
  readonly resource: string;
  readonly verb: string;
}

/** Every right of our programs that a folder of manifests gives. */
export function rightsIn(folder: string): Right[] {
  const objects = objectsIn(run('kubectl', ['kustomize', `manifests/${folder}`]));
  return PROGRAMS.flatMap((program) =>
    objects
      .filter((object) => isRole(object))
      .filter(({ metadata }) => metadata.name.startsWith(`nemesis-${program}`))
      .flatMap((role) =>
        role.rules.flatMap((rule) =>
          rule.resources.flatMap((resource) => rule.verbs.map((verb) => ({ program, role, rule, resource, verb }))),
        ),
      ),
  );
}

function isRole(object: { readonly kind: string }): object is Role {
  return /^(Cluster)?Role$/.test(object.kind);
}

/** What the API server says when the right is missing. */
export const refusalOf = ({ verb, resource }: Right): string => `cannot ${verb} resource "${resource}"`;

/**
 * Takes a right away, starts its program again, and puts the right back when the loss is told in the program's log.
 *
 * @param prepare - what must be so before the right is used at all
 * @param use - what makes the program use it; done again and again
 */
export async function loseAndPutBack(right: Right, prepare: () => unknown, use: () => Promise<unknown>): Promise<void> {
  run('kubectl', ['apply', '-f', '-'], JSON.stringify(withoutRight(right)));
  try {
    prepare();
    const before = uidsOf(right.program);
    restart(right.program);
    let usedAtMs = 0;
    // The log has it as a string of JSON.
    const told = refusalOf(right).replaceAll('"', String.raw`\"`);
    await waitFor(`"${told}" in the log of ${right.program}`, 120_000, async () => {
      // Whoever goes must not make use of it instead: nobody would read its log.
      const gone = !uidsOf(right.program).some((uid) => before.includes(uid));
      if (gone && performance.now() - usedAtMs > AGAIN_MS) {
        usedAtMs = performance.now();
        // What it answers is not the question here.
        await use().catch(() => undefined);
      }
      return logOf(right.program).includes(told);
    });
  } finally {
    run('kubectl', ['apply', '-f', '-'], JSON.stringify(right.role));
  }
}

/** Deletes the program's pods, with time enough to give the lease back, and no more. */
export function restart(program: string): void {
  run('kubectl', ['-n', SYSTEM, 'delete', 'pods', '-l', podsOf(program), '--grace-period=4', '--wait=false']);
}

function logOf(program: string): string {
  const all = ['--tail=-1', '--max-log-requests=20', '--ignore-errors'];
  return tryRun('kubectl', ['-n', SYSTEM, 'logs', '-l', podsOf(program), ...all]).stdout;
}

function uidsOf(program: string): string[] {
  const uids = ['-o', 'jsonpath={.items[*].metadata.uid}'];
  return run('kubectl', ['-n', SYSTEM, 'get', 'pods', '-l', podsOf(program), ...uids]).split(' ');
}

const podsOf = (program: string): string => `app.kubernetes.io/name=nemesis,app.kubernetes.io/component=${program}`;

/** The role without this right. */
export function withoutRight({ role, rule, resource, verb }: Right): Role {
  const less = (each: Rule): Rule[] => {
    if (each !== rule) return [each];
    const others = each.resources.filter((name) => name !== resource);
    const verbs = each.verbs.filter((name) => name !== verb);
    return [
      ...(others.length === 0 ? [] : [{ ...each, resources: others }]),
      ...(verbs.length === 0 ? [] : [{ ...each, resources: [resource], verbs }]),
    ];
  };
  return { ...role, rules: role.rules.flatMap(less) };
}

import { objectsIn, run } from './manifests.ts';

/** The programs whose rights are tried. */
export const PROGRAMS = ['autoscaler', 'loadbalancer'] as const;

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

/** Every right of our programs, as the manifests give them. */
export function rightsIn(folder: string): Right[] {
  const objects = objectsIn(run('kubectl', ['kustomize', folder]));
  return PROGRAMS.flatMap((program) =>
    objects
      .filter(({ kind, metadata }) => /^(Cluster)?Role$/.test(kind) && metadata.name.startsWith(`nemesis-${program}`))
      .map((object) => object as unknown as Role)
      .flatMap((role) =>
        role.rules.flatMap((rule) =>
          rule.resources.flatMap((resource) => rule.verbs.map((verb) => ({ program, role, rule, resource, verb }))),
        ),
      ),
  );
}

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

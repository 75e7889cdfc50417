import { isDeepStrictEqual } from 'node:util';

/** One operation of RFC 6902. */
export type PatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

/**
 * The operations that make `after` out of `before`. Lists only grow at their end in an injection, so elements are compared
 * one by one and the rest is appended; a list that shrank is replaced as a whole.
 */
export function patchBetween(before: unknown, after: unknown, path = ''): PatchOperation[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (Array.isArray(before) && Array.isArray(after) && after.length >= before.length) {
    return [
      ...before.flatMap((each, index) => patchBetween(each, after[index], `${path}/${index}`)),
      ...after.slice(before.length).map((value: unknown): PatchOperation => ({ op: 'add', path: `${path}/-`, value })),
    ];
  }
  if (isRecord(before) && isRecord(after)) {
    const [old, made] = [definedOf(before), definedOf(after)];
    return [
      ...[...old.keys()]
        .filter((key) => !made.has(key))
        .map((key): PatchOperation => ({ op: 'remove', path: `${path}/${escaped(key)}` })),
      ...[...made].flatMap(([key, value]): PatchOperation[] => {
        const at = `${path}/${escaped(key)}`;
        return old.has(key) ? patchBetween(old.get(key), value, at) : [{ op: 'add', path: at, value }];
      }),
    ];
  }
  return [{ op: 'replace', path, value: after }];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The members that JSON has; a label may have the name of something that every JavaScript object inherits. */
function definedOf(object: Record<string, unknown>): Map<string, unknown> {
  return new Map(Object.entries(object).filter(([, value]) => value !== undefined));
}

/** RFC 6901, section 3. */
function escaped(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

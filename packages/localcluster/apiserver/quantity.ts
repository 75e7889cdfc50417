const suffixes: Record<string, number> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** Dividing is exact where multiplying by a fraction is not: 700m equals 0.7. */
const divisors: Record<string, number> = { n: 1e9, u: 1e6, m: 1e3 };

/** The value of a Kubernetes quantity (`500m` = 0.5, `1Ki` = 1024), undefined for text that is none. */
export function parseQuantity(text: string | number): number | undefined {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/.exec(String(text));
  if (!match) return undefined;
  return match[2] === undefined
    ? (Number(match[1]) * (suffixes[match[3] ?? ''] ?? 1)) / (divisors[match[3] ?? ''] ?? 1)
    : Number(`${match[1] ?? ''}${match[2]}`);
}

/** What a quantity counts: the factor between two suffixes, and the suffixes. */
const SCALES = {
  nano: { factor: 1000, suffixes: ['n', 'u', 'm', ''] },
  bytes: { factor: 1024, suffixes: ['', 'Ki', 'Mi', 'Gi', 'Ti'] },
} as const;

/**
 * A whole number as a Kubernetes quantity in its canonical form, with the largest suffix that needs no fraction: 12345678 is
 * `12345678n`, 250000000 is `250m`, 2097152 bytes are `2Mi`.
 * @see https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */
export function formatQuantity(value: number, unit: keyof typeof SCALES): string {
  if (value === 0) return '0';
  const { factor, suffixes } = SCALES[unit];
  const last = suffixes.length - 1;
  let index = 0;
  let left = value;
  for (; index < last && left % factor === 0; index += 1) left /= factor;
  return `${left}${suffixes[index] ?? ''}`;
}

/** The values of one name for which a guard holds. */
export interface GuardInterval {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** Whether the ends belong to it. */
  readonly hasFrom: boolean;
  readonly hasTo: boolean;
}

const NUMBER = String.raw`-?\d+(?:\.\d+)?`;
const NAME = String.raw`(?:signals\.)?[A-Za-z]\w*`;
const FORWARD = new RegExp(String.raw`^\s*(${NAME})\s*(<=|>=|<|>|==)\s*(${NUMBER})\s*$`);
const BACKWARD = new RegExp(String.raw`^\s*(${NUMBER})\s*(<=|>=|<|>|==)\s*(${NAME})\s*$`);
const MIRRORED: Readonly<Record<string, string>> = { '<': '>', '>': '<', '<=': '>=', '>=': '<=', '==': '==' };

/** The values for which a guard of the form `NAME operator NUMBER` holds; undefined for every other guard. */
export function guardInterval(text: string): GuardInterval | undefined {
  const forward = FORWARD.exec(text);
  const backward = BACKWARD.exec(text);
  const [name, operator, number] =
    forward !== null
      ? [forward[1], forward[2], forward[3]]
      : [backward?.[3], MIRRORED[backward?.[2] ?? ''], backward?.[1]];
  if (name === undefined || operator === undefined || number === undefined) return undefined;
  const value = Number(number);
  const isInclusive = operator.endsWith('=');
  const [isUpper, isLower] = [operator.startsWith('<'), operator.startsWith('>')];
  return {
    name,
    from: isUpper ? Number.NEGATIVE_INFINITY : value,
    to: isLower ? Number.POSITIVE_INFINITY : value,
    hasFrom: isInclusive,
    hasTo: isInclusive,
  };
}

/** Whether two guards can hold for one value; undefined where they ask for different things. */
export function intersects(a: GuardInterval, b: GuardInterval): boolean | undefined {
  if (a.name !== b.name) return undefined;
  return reaches(a, b) && reaches(b, a);
}

/** Whether the upper end of one is not below the lower end of the other. */
function reaches(a: GuardInterval, b: GuardInterval): boolean {
  return a.to > b.from || (a.to === b.from && a.hasTo && b.hasFrom);
}

const DRAW = 2 ** 24;
/** Every value of 12 bits as three hex digits: one lookup instead of a number's conversion and padding. */
const THREE_DIGITS = Array.from({ length: 4096 }, (_value, index) => index.toString(16).padStart(3, '0'));

/** Twelve hex digits from one draw; a double has bits enough for 48. */
function twelve(random: () => number): string {
  const scaled = random() * DRAW;
  const high = Math.floor(scaled);
  const low = Math.floor((scaled - high) * DRAW);
  return digits(high) + digits(low);
}

function digits(value: number): string {
  return (THREE_DIGITS[value >>> 12] ?? '') + (THREE_DIGITS[value & 4095] ?? '');
}

/** A new request id: 24 hex digits. */
export function makeRequestId(random: () => number): string {
  return twelve(random) + twelve(random);
}

/** A new trace with this request as its root, sampling left to others (W3C Trace Context, section 3.2). */
export function makeTraceparent(random: () => number): string {
  const trace = twelve(random) + twelve(random) + twelve(random).slice(4);
  // Both ids end in 1, since an id of zeros alone is forbidden.
  return `00-${trace.slice(0, 31)}1-${twelve(random)}${twelve(random).slice(9)}1-00`;
}

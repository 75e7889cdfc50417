const hexDigits = 16;

const hex = (random: () => number, digits: number): string => {
  let text = '';
  while (text.length < digits) {
    // 32 bits a draw: all that a double's mantissa gives safely in one go without rounding questions.
    text += Math.floor(random() * 0x1_0000_0000)
      .toString(hexDigits)
      .padStart(8, '0');
  }
  return text;
};

/** A new request id: 16 hex digits. */
export const makeRequestId = (random: () => number): string => hex(random, 16);

/** A new trace with this request as its root, sampling left to others (W3C Trace Context, section 3.2). */
export const makeTraceparent = (random: () => number): string => `00-${nonZero(random, 32)}-${nonZero(random, 16)}-00`;

const nonZero = (random: () => number, digits: number): string => {
  const text = hex(random, digits);
  return /^0+$/.test(text) ? `${text.slice(0, -1)}1` : text;
};

/** 1 for every `tchar` of RFC 9110, section 5.6.2, indexed by character code. */
export const IS_TOKEN_CHAR = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  IS_TOKEN_CHAR[char.charCodeAt(0)] = 1;
}

/** Control characters that no valid head contains: everything below SP but HT, CR and LF, and DEL. */
// eslint-disable-next-line no-control-regex -- finding control characters is the point
export const FORBIDDEN_CONTROLS = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/;

/** Whether the text from `from` to `to` is a non-empty token. */
export function isToken(text: string, from: number, to: number): boolean {
  if (from >= to) return false;
  for (let index = from; index < to; index += 1) {
    if (IS_TOKEN_CHAR[text.charCodeAt(index)] !== 1) return false;
  }
  return true;
}

/**
 * Finds the end of the line at `from`: the index of its CR. -1 when the line holds a CR or an LF that is not part of its
 * CRLF, which is how one message is made to look like two.
 */
export function lineEnd(text: string, from: number): number {
  const lineFeed = text.indexOf('\n', from);
  if (lineFeed < 1) return -1;
  const carriageReturn = text.indexOf('\r', from);
  return carriageReturn === lineFeed - 1 ? carriageReturn : -1;
}

/** The field value between two indexes without the white space around it. */
export function trimmedValue(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

/** Whether the code is a space or a tab. */
function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

/** Reads a Content-Length strictly: digits only, and small enough to count with; -1 otherwise. */
export function parseContentLength(value: string): number {
  if (value.length === 0 || value.length > 15) return -1;
  let length = 0;
  for (let index = 0; index < value.length; index += 1) {
    const digit = value.charCodeAt(index) - 48;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length;
}

/** The lower-case members of a comma-separated list of tokens; undefined when one of them is no token. */
export function parseTokenList(value: string): string[] | undefined {
  const tokens: string[] = [];
  for (const part of value.split(',')) {
    const token = trimmedValue(part, 0, part.length);
    if (token === '') continue;
    if (!isToken(token, 0, token.length)) return undefined;
    tokens.push(token.toLowerCase());
  }
  return tokens;
}

/** Whether the field name between two indexes is `lowerName`, in any case. */
export function nameIs(text: string, from: number, to: number, lowerName: string): boolean {
  // The first letter settles most comparisons.
  if ((text.charCodeAt(from) | 32) !== lowerName.charCodeAt(0)) return false;
  return text.slice(from, to).toLowerCase() === lowerName;
}

/** Header lines without the fields of the given lower-case names. */
export function withoutFields(lines: string, names: readonly string[]): string {
  let kept = '';
  for (let at = 0; at < lines.length;) {
    const end = lines.indexOf('\r\n', at) + 2;
    const name = lines.slice(at, lines.indexOf(':', at)).toLowerCase();
    if (!names.includes(name)) kept += lines.slice(at, end);
    at = end;
  }
  return kept;
}

const WHOLE_BELOW_BYTES = 4096;

/**
 * Reads as latin1 text what may be the rest of a head: in a large read only up to the first empty line, so that a body does
 * not become text for nothing.
 */
export function headText(bytes: Buffer, from: number, to: number): string {
  if (to - from <= WHOLE_BELOW_BYTES) return bytes.toString('latin1', from, to);
  const end = bytes.indexOf('\r\n\r\n', from, 'latin1');
  return bytes.toString('latin1', from, end === -1 ? to : Math.min(to, end + 4));
}

import { type ExtensionPart, nextExtensionPart } from './chunk-extension.ts';
import { isToken } from './characters.ts';

const cr = 13;
const lf = 10;
const maxExtensionBytes = 256;
const maxTrailerBytes = 8192;

/** Parts of a chunked body (RFC 9112, section 7.1). */
const parts = { size: 0, sizeEnd: 1, extension: 2, data: 3, dataCr: 4, dataLf: 5, trailer: 6, done: 7 } as const;
type Part = (typeof parts)[keyof typeof parts];

/** Trailer fields that would change the framing or the route if anyone merged them into the head. */
const forbiddenTrailers = new Set([
  'content-length',
  'transfer-encoding',
  'host',
  'connection',
  'trailer',
  'te',
  'upgrade',
]);

/** Takes a run of payload bytes: `bytes` from `from` to `to`. */
export type PayloadSink = (bytes: Buffer, from: number, to: number) => void;

/**
 * Follows a chunked body byte by byte without keeping it, so that the bytes can be passed on as they came once they are
 * known to be well formed. Strict: CRLF everywhere, no white space around sizes, at most 12 hex digits, well-formed
 * extensions, bounded trailers.
 */
export class ChunkedBody {
  #part: Part = parts.size;
  #size = 0;
  #digits = 0;
  #extension: ExtensionPart = 'nameStart';
  /** Of the extensions of one chunk, or of the trailers. */
  #extensionBytes = 0;
  #trailer = '';
  #sawCr = false;

  /** Whether the last byte of the body was seen. */
  get complete(): boolean {
    return this.#part === parts.done;
  }

  /**
   * Follows the bytes from `from` up to `to` or to the end of the body.
   * @param sink takes the payload, where it is wanted without its framing
   * @returns the index after the last byte that belongs to the body; -1 when it is malformed
   */
  accept(bytes: Buffer, from: number, to: number, sink?: PayloadSink): number {
    let at = from;
    while (at < to && this.#part !== parts.done) {
      if (this.#part === parts.data) {
        const take = Math.min(this.#size, to - at);
        sink?.(bytes, at, at + take);
        this.#size -= take;
        at += take;
        if (this.#size === 0) this.#part = parts.dataCr;
      } else {
        const byte = bytes[at] ?? 0;
        at += 1;
        if (!this.#step(byte)) return -1;
      }
    }
    return at;
  }

  #step(byte: number): boolean {
    switch (this.#part) {
      case parts.size:
        return this.#sizeByte(byte);
      case parts.extension:
        return this.#extensionByte(byte);
      case parts.sizeEnd:
        if (byte !== lf) return false;
        this.#part = this.#size === 0 ? parts.trailer : parts.data;
        this.#extensionBytes = 0;
        this.#digits = 0;
        return true;
      case parts.dataCr:
        this.#part = parts.dataLf;
        return byte === cr;
      case parts.dataLf:
        this.#part = parts.size;
        return byte === lf;
      case parts.trailer:
        return this.#trailerByte(byte);
      case parts.data:
      case parts.done:
        return false;
    }
  }

  #sizeByte(byte: number): boolean {
    const digit = hexValue(byte);
    if (digit !== -1) {
      this.#digits += 1;
      this.#size = this.#size * 16 + digit;
      return this.#digits <= 12;
    }
    if (this.#digits === 0) return false;
    if (byte === cr) this.#part = parts.sizeEnd;
    else if (byte === 59) {
      this.#part = parts.extension;
      this.#extension = 'nameStart';
    } else return false;
    return true;
  }

  #extensionByte(byte: number): boolean {
    this.#extensionBytes += 1;
    if (this.#extensionBytes > maxExtensionBytes) return false;
    const next = nextExtensionPart(this.#extension, byte);
    if (next === undefined) return false;
    if (next === 'end') this.#part = parts.sizeEnd;
    else this.#extension = next;
    return true;
  }

  #trailerByte(byte: number): boolean {
    if (this.#sawCr) {
      this.#sawCr = false;
      if (byte !== lf) return false;
      if (this.#trailer === '') {
        this.#part = parts.done;
        return true;
      }
      const line = this.#trailer;
      this.#trailer = '';
      const colon = line.indexOf(':');
      this.#extensionBytes += line.length;
      if (this.#extensionBytes > maxTrailerBytes || !isToken(line, 0, colon)) return false;
      return !forbiddenTrailers.has(line.slice(0, colon).toLowerCase());
    }
    if (byte === cr) {
      this.#sawCr = true;
      return true;
    }
    if ((byte < 32 && byte !== 9) || byte === 127) return false;
    this.#trailer += String.fromCharCode(byte);
    return this.#trailer.length <= maxTrailerBytes;
  }
}

const hexValue = (byte: number): number => {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = byte | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
};

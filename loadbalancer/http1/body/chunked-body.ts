import { type ExtensionPart, nextExtensionPart } from './chunk-extension.ts';
import { isToken } from '../head/characters.ts';

const CR = 13;
const LF = 10;
const MAX_EXTENSION_BYTES = 256;
const MAX_TRAILER_BYTES = 8192;

/** Parts of a chunked body (RFC 9112, section 7.1). */
const PARTS = { size: 0, sizeEnd: 1, extension: 2, data: 3, dataCr: 4, dataLf: 5, trailer: 6, done: 7 } as const;
type Part = (typeof PARTS)[keyof typeof PARTS];

/** Trailer fields that would change the framing or the route if anyone merged them into the head. */
const FORBIDDEN_TRAILERS = new Set([
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
  #part: Part = PARTS.size;
  #size = 0;
  #digits = 0;
  #extension: ExtensionPart = 'nameStart';
  /** Of the extensions of one chunk, or of the trailers. */
  #extensionBytes = 0;
  #trailer = '';
  #sawCr = false;

  /** Whether the last byte of the body was seen. */
  get complete(): boolean {
    return this.#part === PARTS.done;
  }

  /**
   * Follows the bytes from `from` up to `to` or to the end of the body.
   * @param sink takes the payload, where it is wanted without its framing
   * @returns the index after the last byte that belongs to the body; -1 when it is malformed
   */
  accept(bytes: Buffer, from: number, to: number, sink?: PayloadSink): number {
    let at = from;
    while (at < to && this.#part !== PARTS.done) {
      if (this.#part === PARTS.data) {
        const take = Math.min(this.#size, to - at);
        sink?.(bytes, at, at + take);
        this.#size -= take;
        at += take;
        if (this.#size === 0) this.#part = PARTS.dataCr;
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
      case PARTS.size:
        return this.#sizeByte(byte);
      case PARTS.extension:
        return this.#extensionByte(byte);
      case PARTS.sizeEnd:
        if (byte !== LF) return false;
        this.#part = this.#size === 0 ? PARTS.trailer : PARTS.data;
        this.#extensionBytes = 0;
        this.#digits = 0;
        return true;
      case PARTS.dataCr:
        this.#part = PARTS.dataLf;
        return byte === CR;
      case PARTS.dataLf:
        this.#part = PARTS.size;
        return byte === LF;
      case PARTS.trailer:
        return this.#trailerByte(byte);
      case PARTS.data:
      case PARTS.done:
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
    if (byte === CR) this.#part = PARTS.sizeEnd;
    else if (byte === 59) {
      this.#part = PARTS.extension;
      this.#extension = 'nameStart';
    } else return false;
    return true;
  }

  #extensionByte(byte: number): boolean {
    this.#extensionBytes += 1;
    if (this.#extensionBytes > MAX_EXTENSION_BYTES) return false;
    const next = nextExtensionPart(this.#extension, byte);
    if (next === undefined) return false;
    if (next === 'end') this.#part = PARTS.sizeEnd;
    else this.#extension = next;
    return true;
  }

  #trailerByte(byte: number): boolean {
    if (this.#sawCr) {
      this.#sawCr = false;
      if (byte !== LF) return false;
      if (this.#trailer === '') {
        this.#part = PARTS.done;
        return true;
      }
      const line = this.#trailer;
      this.#trailer = '';
      const colon = line.indexOf(':');
      this.#extensionBytes += line.length;
      if (this.#extensionBytes > MAX_TRAILER_BYTES || !isToken(line, 0, colon)) return false;
      return !FORBIDDEN_TRAILERS.has(line.slice(0, colon).toLowerCase());
    }
    if (byte === CR) {
      this.#sawCr = true;
      return true;
    }
    if ((byte < 32 && byte !== 9) || byte === 127) return false;
    this.#trailer += String.fromCharCode(byte);
    return this.#trailer.length <= MAX_TRAILER_BYTES;
  }
}

function hexValue(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = byte | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

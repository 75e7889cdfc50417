import { headText } from './characters.ts';
import type { DataPlaneLimits } from '../ports.ts';
import { type HeadFault, parseRequestHead, type RequestHead } from './request-head.ts';

/** A bare CR or LF: such a head would never be found complete. */
const BARE_LINE_BREAK = /\r(?!\n|$)|(?<!\r)\n/;

/** Puts the head of a request together from the pieces in which it arrives. */
export class RequestHeadReader {
  /** The head that was completed last. */
  head: RequestHead | undefined;
  /** Its length in bytes, the empty line included. */
  bytes = 0;
  /** What is wrong with the head, once something is. */
  fault: HeadFault | undefined;
  readonly #limits: DataPlaneLimits;
  #text = '';

  constructor(limits: DataPlaneLimits) {
    this.#limits = limits;
  }

  /** What has arrived of a head that is not complete, or is faulty. */
  get received(): string {
    return this.#text;
  }

  /** A part of a head has arrived. */
  get begun(): boolean {
    return this.#text !== '';
  }

  /** Reads on; returns how many bytes of the chunk belong to the head. Afterwards `head`, `fault` or neither is set. */
  read(chunk: Buffer): number {
    const { maxHeadBytes, maxHeaders } = this.#limits;
    this.head = undefined;
    const before = this.#text.length;
    const text = this.#text + headText(chunk, 0, Math.min(chunk.length, maxHeadBytes + 4 - before));
    // RFC 9112, section 2.2: an empty line before a request is ignored.
    if (text.startsWith('\r\n')) {
      this.#text = '';
      return 2 - before;
    }
    const end = text.indexOf('\r\n\r\n', Math.max(0, before - 3));
    if (end === -1) {
      if (text.length >= maxHeadBytes)
        this.fault = { code: 'HeadersTooLarge', detail: `The head is larger than ${maxHeadBytes} bytes.` };
      else if (BARE_LINE_BREAK.test(text))
        this.fault = { code: 'BadRequest', detail: 'A line does not end with CRLF.' };
      this.#text = text;
      return chunk.length;
    }
    const head = parseRequestHead(text, end, maxHeaders);
    this.bytes = end + 4;
    if ('code' in head) {
      this.fault = head;
      this.#text = text.slice(0, this.bytes);
    } else {
      this.head = head;
      this.#text = '';
    }
    return this.bytes - before;
  }
}

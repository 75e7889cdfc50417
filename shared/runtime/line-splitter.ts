/**
 * Splits a stream of texts into its lines, for JSON one object a line. Only a line feed ends a line: `node:readline` takes
 * U+2028 for an end as well, which JSON allows within a text, and has no bound.
 *
 * Costs what the texts are long, however many of them a line comes in: the rest is a rope that is copied once, when the
 * line is read.
 */
export class LineSplitter {
  readonly #maxLength: number;
  #rest = '';

  /** @param maxLength - of a line, in UTF-16 code units; no more than that is held of a line that has not ended */
  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /**
   * The lines that end in this text, without their line feeds; what follows the last of them is kept for the next text.
   *
   * @throws Error when a line is longer than allowed, ended or not; the stream cannot be read on then
   */
  push(text: string): string[] {
    const lines = text.split('\n');
    lines[0] = this.#rest + (lines[0] ?? '');
    for (const { length } of lines) if (length > this.#maxLength) throw tooLong(length, this.#maxLength);
    this.#rest = lines.pop() ?? '';
    return lines;
  }
}

function tooLong(length: number, maxLength: number): Error {
  return new Error(
    `A line of ${length} characters or more came, expected at most ${maxLength}; the stream is given up.`,
  );
}

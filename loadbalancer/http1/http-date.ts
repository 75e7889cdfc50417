/** The field `Date` (RFC 9110, section 6.6.1). Its text is made once a second, however many answers it goes into. */
export class HttpDate {
  readonly #clock: { wallMs(): number };
  #second = Number.NaN;
  #line = '';

  constructor(clock: { wallMs(): number }) {
    this.#clock = clock;
  }

  /** The field line for an answer that is given now, with its CRLF. */
  line(): string {
    const second = Math.floor(this.#clock.wallMs() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#line = `date: ${new Date(second * 1000).toUTCString()}\r\n`;
    }
    return this.#line;
  }
}

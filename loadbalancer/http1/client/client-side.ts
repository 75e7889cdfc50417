/** The client's connection, as one request sees it. */
export interface ClientSide {
  readonly address: string;
  readonly scheme: 'http' | 'https';
  /** The client reads more slowly than it is written to. */
  readonly needsDrain: boolean;
  /** What the client says about whom it speaks for is believed. */
  readonly trusted: boolean;
  /** The connection cannot go on after the answer under way. */
  readonly mustClose: boolean;
  /** How long the client may take nothing of what is written to it, in ms. */
  writeTimeoutMs: number;
  /** Writes latin1 text; the first text of an answer begins with its status line. */
  writeText(text: string): void;
  writeBytes(bytes: Buffer): void;
  /** The request may want bytes now that it did not want before: the connection decides again whether it is read from. */
  updateFlow(): void;
  /** In a tunnel: the pod sends no more. */
  endWrites(): void;
  /** The answer is complete. */
  exchangeDone(keepAlive: boolean): void;
  /** The answer was cut off; the client must notice. */
  abort(): void;
}

/** What a command reads and writes. */
export interface CommandIo {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

/** A command; it answers with the exit code. */
export type Command = (args: readonly string[], io: CommandIo) => Promise<number>;

import { flag, optionLines, readOptions, UsageError, type Options, type OptionValues } from './options.ts';

/** What a command reads and writes. */
export interface CommandIo {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

/** A command; it answers with the exit code. */
export type Command = ((args: readonly string[], io: CommandIo) => Promise<number>) & {
  /** What it takes. */
  readonly options: Options;
};

/** What a command is made of. */
export interface CommandDefinition<O extends Options> {
  readonly name: string;
  /** What follows the name in the first line of its usage. @defaultValue [OPTIONS] */
  readonly synopsis?: string;
  /** What it does, in sentences. */
  readonly description: string;
  readonly options: O;
  /** What to say of an argument that is not an option. */
  readonly noArguments?: string;
  /** Names of the arguments that it asks for. @defaultValue none */
  readonly arguments?: readonly string[];
  /**
   * Does it.
   *
   * @returns the exit code: 0; 1 when it failed or did a part only
   * @throws UsageError when an option cannot be used
   */
  readonly run: (values: OptionValues<O>, io: CommandIo, found: readonly string[]) => Promise<number>;
}

const HELP = { help: flag({ short: 'h', description: 'print this and exit' }) };

/** Makes a command: every one answers `--help`, and wrong arguments with a sentence for each mistake and exit code 2. */
export function defineCommand<O extends Options>(definition: CommandDefinition<O>): Command {
  const { name, synopsis = '[OPTIONS]', description, noArguments, arguments: wanted, run } = definition;
  const options = { ...definition.options, ...HELP };
  const usage = `Usage: nemesis ${name} ${synopsis}\n\n${description}\n\nOptions:\n${optionLines(options)}`;
  const command = async (args: readonly string[], io: CommandIo): Promise<number> => {
    try {
      if (args.some((each) => each === '--help' || each === '-h')) {
        io.stdout.write(usage);
        return 0;
      }
      const read = readOptions(definition.options, args, noArguments, wanted);
      return await run(read.values, io, read.found);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      io.stderr.write(`${name}: ${error.message}\n\n${usage}`);
      return 2;
    }
  };
  return Object.assign(command, { options });
}

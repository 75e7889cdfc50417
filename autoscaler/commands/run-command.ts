import { messageOf } from '../../shared/runtime/logger.ts';
import type { Command, CommandIo } from './command.ts';

/** The commands of `nemesis` by name; the code of each is loaded only when it runs. */
const COMMANDS: Readonly<Record<string, { readonly summary: string; readonly load: () => Promise<Command> }>> = {
  backtest: {
    summary: 'compare sleep policies over recorded requests',
    load: async () => (await import('./backtest/backtest.ts')).backtest,
  },
  explain: {
    summary: 'say why an application has as many replicas as it has, and what would change that',
    load: async () => (await import('./explain.ts')).explain,
  },
  import: {
    summary: 'print the Autoscaler that does the same as an HPA or a ScaledObject of KEDA',
    load: async () => (await import('./import/import.ts')).importCommand,
  },
  inject: {
    summary: 'print workloads as they would be with the sidecar',
    load: async () => (await import('./inject.ts')).inject,
  },
  uninstall: {
    summary: 'stop the controllers and wake every application that sleeps, before the product is removed',
    load: async () => (await import('./uninstall.ts')).uninstall,
  },
};

/**
 * Runs `nemesis COMMAND …`.
 *
 * @returns the exit code: that of the command; 1 when it failed unexpectedly; 2 when there is no such command
 */
export async function runCommand([name, ...args]: readonly string[], version: string, io: CommandIo): Promise<number> {
  if (name === '--version' || name === '-v') {
    io.stdout.write(`nemesis ${version}\n`);
    return 0;
  }
  if (name === '--help' || name === '-h' || name === 'help') {
    io.stdout.write(usage());
    return 0;
  }
  const found = name === undefined || !Object.hasOwn(COMMANDS, name) ? undefined : COMMANDS[name];
  if (found === undefined) {
    const problem = name === undefined ? 'No command was given.' : `There is no command "${name}".`;
    io.stderr.write(`nemesis: ${problem}\n\n${usage()}`);
    return 2;
  }
  try {
    const command = await found.load();
    return await command(args, io);
  } catch (error) {
    io.stderr.write(`nemesis ${name ?? ''}: ${messageOf(error)}\n`);
    return 1;
  }
}

function usage(): string {
  const commands = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(11)} ${summary}`);
  return `Usage: nemesis COMMAND [OPTIONS]\n\n${commands.join('\n')}\n\n"nemesis COMMAND --help" shows the options of a command; "nemesis --version" prints the version.\n`;
}

import { messageOf } from '../../shared/runtime/logger.ts';
import type { Command, CommandIo } from './command.ts';

/** The commands by name; each is loaded only when it runs. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  inject: async () => (await import('./inject.ts')).inject,
  uninstall: async () => (await import('./uninstall.ts')).uninstall,
};

async function run([name = '', ...args]: readonly string[], io: CommandIo): Promise<number> {
  const load = COMMANDS[name];
  if (load === undefined) {
    io.stderr.write(`The command is "${name}", but expected ${Object.keys(COMMANDS).join(' or ')}.\n`);
    return 2;
  }
  try {
    const command = await load();
    return await command(args, io);
  } catch (error) {
    io.stderr.write(`${name}: ${messageOf(error)}\n`);
    return 1;
  }
}

process.exitCode = await run(process.argv.slice(2), process);

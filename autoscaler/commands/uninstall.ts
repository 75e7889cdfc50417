import type { CommandIo } from './command.ts';

export function uninstall(_args: readonly string[], io: CommandIo): Promise<number> {
  io.stderr.write('uninstall: not yet\n');
  return Promise.resolve(1);
}

import product from '../../package.json' with { type: 'json' };
import type { CommandIo } from './command.ts';
import { runCommand } from './run-command.ts';

const io: CommandIo = process;
process.exitCode = await runCommand(process.argv.slice(2), product.version, io);

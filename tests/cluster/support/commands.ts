import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { run as runToEnd } from './manifests.ts';

const execute = promisify(execFile);
const ROOT = `${import.meta.dirname}/../../..`;

/** Runs a program from the root of the repository, while the test goes on; what it wrote. Throws with both outputs when it fails. */
export async function run(program: string, args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  try {
    const { stdout } = await execute(program, args, {
      cwd: ROOT,
      maxBuffer: 64 * 2 ** 20,
      env: { ...process.env, ...env },
    });
    return stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(' ')} failed.\n${stdout}\n${stderr}`, { cause: error });
  }
}

/** `kubectl ARGS`. */
export async function kubectl(...args: string[]): Promise<string> {
  return await run('kubectl', args);
}

/** `kubectl ARGS -o json`, parsed. */
export async function kubectlJson<T>(...args: string[]): Promise<T> {
  return JSON.parse(await kubectl(...args, '-o', 'json')) as T;
}

/** `kubectl apply -f -` of one object or several. */
export function apply(...objects: object[]): void {
  runToEnd('kubectl', ['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
}

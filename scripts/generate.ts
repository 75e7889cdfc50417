import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BALANCING_POLICY_NAMES_FILE, balancingPolicyNames } from './balancing-policy-names.ts';
import { EVENT_SINKS_FILE, eventSinks } from './event-sinks.ts';

const root = join(import.meta.dirname, '..');

// Other code imports these modules, so they are written before it is loaded.
write(EVENT_SINKS_FILE, eventSinks());
write(BALANCING_POLICY_NAMES_FILE, balancingPolicyNames());
const { generatedFiles } = await import('./generated-files.ts');
for (const [path, text] of Object.entries(generatedFiles())) write(path, text);

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  process.stdout.write(`${path}\n`);
}

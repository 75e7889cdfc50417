/** The settings of the example, from its environment. */
export interface ServerSettings {
  readonly host: string;
  readonly port: number;
  readonly pod: string;
  /** `late`: the port opens when the model is loaded; `early`: at once, and /readyz answers 503 until then. */
  readonly listen: 'early' | 'late';
  readonly loadSeconds: number;
  readonly workMs: number;
  readonly waitMs: number;
  readonly memoryMib: number;
}

/** @throws Error that names the variable, its value and what is allowed */
export function readServerSettings(env: Readonly<Record<string, string | undefined>>): ServerSettings {
  const number = (variable: string, fallback: number, max: number): number => {
    const text = env[variable] ?? '';
    const value = text === '' ? fallback : Number(text);
    if (!Number.isFinite(value) || value < 0 || value > max) {
      throw new Error(`${variable} is "${text}", but expected a number from 0 to ${max}.`);
    }
    return value;
  };
  const listen = env['MODEL_LISTEN'] ?? 'late';
  if (listen !== 'early' && listen !== 'late') {
    throw new Error(`MODEL_LISTEN is "${listen}", but expected early or late.`);
  }
  return {
    // A pod's own address where one is given, so that many pods fit on one machine without network namespaces.
    host: env['POD_IP'] ?? '0.0.0.0',
    port: number('PORT', 8080, 65_535),
    pod: env['POD_NAME'] ?? env['HOSTNAME'] ?? 'local',
    listen,
    loadSeconds: number('MODEL_LOAD_SECONDS', 0, 3600),
    workMs: number('MODEL_WORK_MS', 0, 60_000),
    waitMs: number('MODEL_WAIT_MS', 0, 60_000),
    memoryMib: number('MODEL_MEMORY_MIB', 0, 16_384),
  };
}

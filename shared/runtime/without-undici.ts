/**
 * Node's globals of the fetch API load undici as soon as anything looks at them, and axios does when it is loaded, though
 * our programs use its http adapter only (ADR 0006). Import this first.
 */
for (const name of ['fetch', 'FormData', 'Headers', 'Request', 'Response']) Reflect.deleteProperty(globalThis, name);

import type { AuditEntry } from '../../shared/http/audit-log.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Publish } from '../events/domain-event.ts';

/** Publishes who was refused what, as long as it is known who it was. */
export function publishRefusal(publish: Publish, entry: AuditEntry, clock: Clock): void {
  const { user, address, action, object, refused, repeated } = entry;
  if (refused !== 'Forbidden') return;
  const message = `Refused (${refused}), from ${address}${repeated === undefined ? '' : `; ${repeated} more times before`}.`;
  const record = { timeMs: clock.wallMs(), application: object, actor: user, action, message };
  publish({ kind: 'Audited', record });
}

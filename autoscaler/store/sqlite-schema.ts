import type { DatabaseSync } from 'node:sqlite';
import { HISTORY_TABLES } from './records.ts';

/** Version of the schema, as `PRAGMA user_version` has it. Version 0 is that of 0.1.0, or a new file. */
export const SCHEMA_VERSION = 1;

/**
 * Makes the tables, or brings those of an older version up to date. Each has the record as JSON, and indices by time and by
 * application and time, which end in the id as every index of SQLite does: all queries are newest first by time and id.
 */
export function migrate(database: DatabaseSync): void {
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number };
  if (version >= SCHEMA_VERSION) return;
  database.exec('BEGIN');
  try {
    for (const table of HISTORY_TABLES) {
      database.exec(
        `CREATE TABLE IF NOT EXISTS ${table} (
           id INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL, application TEXT NOT NULL, record TEXT NOT NULL
         ) STRICT;
         DROP INDEX IF EXISTS ${table}_by_application;
         CREATE INDEX IF NOT EXISTS ${table}_by_application_and_time ON ${table} (application, time_ms);
         CREATE INDEX IF NOT EXISTS ${table}_by_time ON ${table} (time_ms);`,
      );
    }
    database.exec(
      `ALTER TABLE usage ADD COLUMN seconds INTEGER NOT NULL DEFAULT 60;
       CREATE INDEX usage_minutes ON usage (time_ms) WHERE seconds = 60;
       CREATE INDEX usage_hours ON usage (time_ms) WHERE seconds = 3600;
       PRAGMA user_version = ${SCHEMA_VERSION};
       COMMIT`,
    );
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

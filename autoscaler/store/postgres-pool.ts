import type { PostgresPool, PostgresPoolClient } from 'kysely';
import pg from 'pg';

/** Connections of one controller: one writes, one maintains, the others answer queries. */
const CONNECTIONS = 4;
const CONNECT_MS = 5_000;
/** Statement timeout on the server; if the server does not report even that, the connection is closed a little later. */
const STATEMENT_MS = 10_000;
const ANSWER_MS = 12_000;
const IDLE_MS = 60_000;
/**
 * How pg reads values, by the OIDs of their types: whole numbers (20) as numbers, since none of ours is above 2^53, and JSON (114) as its text.
 *
 * @see https://www.postgresql.org/docs/current/catalog-pg-type.html
 */
const PARSERS = new Map<number, (text: string) => unknown>([
  [20, Number],
  [114, (text) => text],
]);
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) => PARSERS.get(oid) ?? (pg.types.getTypeParser(oid, format) as unknown),
};

/** A connection failed, not what was asked of it: PostgreSQL did not answer, or ended the connection. */
export function isConnectionError(error: unknown): boolean {
  const code = sqlState(error);
  return code === undefined || /^(08|57P)/.test(code);
}

/** The SQLSTATE of an error; undefined where PostgreSQL did not answer. */
export function sqlState(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && error instanceof pg.DatabaseError ? code : undefined;
}

/**
 * The connections to PostgreSQL, as Kysely takes them. One on which a statement was not answered is closed and not used
 * again: pg would queue everything that follows behind that statement.
 */
export function openPool(url: string): PostgresPool {
  const pool = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_MS,
    idleTimeoutMillis: IDLE_MS,
    statement_timeout: STATEMENT_MS,
    idle_in_transaction_session_timeout: STATEMENT_MS,
    query_timeout: ANSWER_MS,
    keepAlive: true,
    application_name: 'nemesis',
    types,
  });
  // A connection that ends is replaced with the next use, and what was asked on it fails; without a listener it would end
  // the thread.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return {
    options: {},
    connect: async () => watched(await pool.connect()),
    end: () => pool.end(),
  };
}

function watched(client: pg.PoolClient): PostgresPoolClient {
  let broken = false;
  const query = async (text: string, values: readonly unknown[]): Promise<pg.QueryResult> => {
    try {
      return await client.query(text, [...values]);
    } catch (error) {
      broken ||= isConnectionError(error);
      throw error;
    }
  };
  return {
    // eslint-disable-next-line no-restricted-syntax -- Kysely's type has an overload for cursors, which are not used: records are read by pages
    query: query as unknown as PostgresPoolClient['query'],
    release: (destroy) => client.release(broken || destroy === true),
  };
}

// The databases of tests/e2e, as each is handed to Better Auth, and Redis beside them.

import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { redisStorage } from '@better-auth/redis-storage';
import { LibsqlDialect } from '@libsql/kysely-libsql';
import { Redis } from 'ioredis';
import mysql from 'mysql2/promise';
import pg from 'pg';

/** The `database` option for postgres://…, mysql://… or sqlite:<path>, and how to close what it opened. */
export function openDatabase(url) {
  const scheme = url.split(':', 1)[0];
  switch (scheme) {
    case 'postgres': {
      const pool = new pg.Pool({ connectionString: url, max: 2 });
      return { database: pool, close: () => pool.end() };
    }
    case 'mysql': {
      const pool = mysql.createPool({ uri: url, connectionLimit: 2 });
      return { database: pool, close: () => pool.end() };
    }
    case 'sqlite': {
      const path = resolve(url.slice('sqlite:'.length));
      const dialect = new LibsqlDialect({ url: pathToFileURL(path).href });
      return { database: { dialect, type: 'sqlite' }, close: async () => {} };
    }
    default:
      throw new Error(`a database URL that begins with ${scheme}: is not known here`);
  }
}

/** Better Auth's own `secondaryStorage` for Redis. */
export function openSecondaryStorage({ url, prefix }) {
  const client = new Redis(url);
  return { storage: redisStorage({ client, keyPrefix: prefix }), close: () => client.quit() };
}

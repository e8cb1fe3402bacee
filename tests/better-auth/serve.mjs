// Serves the real Better Auth on 127.0.0.1, on the database it is given, so that sidegate meets rows and
// cookies that nobody wrote by hand. Decides nothing about sessions: every answer is Better Auth's own.
//
//   PORT                  port to listen on; 0 or absent: a free one
//   DATABASE_URL          postgres://…, mysql://…, or sqlite:<path>; missing tables are created at start
//   BASE_URL              comma-separated public origins: the first is Better Auth's baseURL, all of them are
//                         trusted; absent: http://127.0.0.1:<port>
//   BETTER_AUTH_SECRET    read by Better Auth itself, like its other variables
//   BETTER_AUTH_OPTIONS   JSON of further Better Auth options, e.g. {"session":{"modelName":"sessions"}}; laid
//                         over those below, one top-level key replacing another
//   BETTER_AUTH_PLUGINS   comma-separated names exported by better-auth/plugins, e.g. admin,organization,bearer
//   BETTER_AUTH_PLUGIN_OPTIONS   JSON of their options by name, e.g. {"organization":{"teams":{"enabled":true}}}
//
// Ready: one line on stdout, {"port":12345,"betterAuth":"1.7.25"}. Logs go to stderr. SIGTERM ends it at once.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { LibsqlDialect } from '@libsql/kysely-libsql';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { toNodeHandler } from 'better-auth/node';
import * as betterAuthPlugins from 'better-auth/plugins';
import mysql from 'mysql2/promise';
import pg from 'pg';

const { PORT = '0', DATABASE_URL, BASE_URL, BETTER_AUTH_OPTIONS = '{}', BETTER_AUTH_PLUGINS } = process.env;
const pluginOptions = JSON.parse(process.env.BETTER_AUTH_PLUGIN_OPTIONS ?? '{}');

function openDatabase(url) {
  const scheme = url?.split(':', 1)[0];
  switch (scheme) {
    case 'postgres':
    case 'postgresql':
      return new pg.Pool({ connectionString: url });
    case 'mysql':
      return mysql.createPool(url);
    case 'sqlite': {
      const path = url.replace(/^sqlite:(\/\/)?/, '');
      return { dialect: new LibsqlDialect({ url: pathToFileURL(resolve(path)).href }), type: 'sqlite' };
    }
    default:
      throw new Error(`DATABASE_URL is ${url}; it must begin with postgres:, mysql: or sqlite:`);
  }
}

function namesIn(list) {
  return list?.split(',').map((name) => name.trim()).filter(Boolean) ?? [];
}

function pluginNamed(name) {
  const plugin = betterAuthPlugins[name];
  if (!plugin) throw new Error(`BETTER_AUTH_PLUGINS names ${name}, which better-auth/plugins does not export`);
  return plugin(pluginOptions[name]);
}

const options = {
  database: openDatabase(DATABASE_URL),
  plugins: namesIn(BETTER_AUTH_PLUGINS).map(pluginNamed),
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { log: (level, message, ...rest) => console.error(level, message, ...rest) },
  ...JSON.parse(BETTER_AUTH_OPTIONS),
};

const { runMigrations } = await getMigrations(options);
await runMigrations();

const server = createServer().listen(Number(PORT), '127.0.0.1');
await once(server, 'listening');
const { port } = server.address();

const trustedOrigins = BASE_URL ? namesIn(BASE_URL) : [`http://127.0.0.1:${port}`];
const auth = betterAuth({ baseURL: trustedOrigins[0], trustedOrigins, ...options });
const { version } = await auth.$context;
server.on('request', toNodeHandler(auth));

console.log(JSON.stringify({ port, betterAuth: version }));

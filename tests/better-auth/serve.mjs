// Serves the real Better Auth on 127.0.0.1, on the database it is given, so that sidegate meets rows and
// cookies that nobody wrote by hand. Decides nothing about sessions: every answer is Better Auth's own.
//
//   PORT                  port to listen on; 0 or absent: a free one
//   DATABASE_URL          postgres://…, mysql://…, or sqlite:<path>; missing tables are created at start. memory: is
//                         Better Auth's own memory adapter, which nobody else can look into; none: no database option
//                         at all, by which Better Auth becomes stateless
//   REDIS_URL             redis://…, several with commas between them for a cluster: the secondary storage; absent: none
//   REDIS_KEY_PREFIX      keyPrefix of @better-auth/redis-storage
//   BASE_URL              comma-separated public origins: the first is Better Auth's baseURL, all of them are
//                         trusted; absent: http://127.0.0.1:<port>
//   BETTER_AUTH_SECRET    read by Better Auth itself, like its other variables
//   BETTER_AUTH_OPTIONS   JSON of further Better Auth options, e.g. {"session":{"modelName":"sessions"}}; laid
//                         over those below, one top-level key replacing another
//   BETTER_AUTH_PLUGINS   JSON of plugins with their options, by the names under which better-auth/plugins and
//                         @better-auth/api-key export them, e.g. {"admin":{},"apiKey":{"enableSessionForAPIKeys":true}}
//
//   SIDEGATE_URLS         comma-separated admin listeners of sidegates that deploy/better-auth tells of revocations;
//                         absent: nobody is told
//   SIDEGATE_REVOKE_SECRET  what they want to hear for that
//
// GET /requests: how often each path was asked for, as JSON of "GET /api/auth/get-session?x=y" and the like.
// POST /administrators: makes the user whose e-mail address is the body an administrator, past all hooks.
// POST /people: as many users as the body says, each with a session, by Better Auth's own internal adapter, for tests that
// need more of them than passwords can be hashed for: JSON of id, email, and name and value of the cookie.
// Ready: one line on stdout, {"port":12345,"betterAuth":"1.7.25"}. Logs go to stderr. SIGTERM ends it at once.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { apiKey } from '@better-auth/api-key';
import { redisStorage } from '@better-auth/redis-storage';
import { LibsqlDialect } from '@libsql/kysely-libsql';
import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { getMigrations } from 'better-auth/db/migration';
import { toNodeHandler } from 'better-auth/node';
import * as betterAuthPlugins from 'better-auth/plugins';
import { serializeSignedCookie } from 'better-call';
import { Cluster, Redis } from 'ioredis';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { tellSidegate } from '../../deploy/better-auth/sidegate.mjs';

const { PORT = '0', DATABASE_URL, BASE_URL, BETTER_AUTH_OPTIONS = '{}', BETTER_AUTH_PLUGINS = '{}' } = process.env;
const { REDIS_URL, REDIS_KEY_PREFIX, SIDEGATE_URLS, SIDEGATE_REVOKE_SECRET } = process.env;

function openDatabase(url) {
  const scheme = url?.split(':', 1)[0];
  switch (scheme) {
    case 'postgres':
    case 'postgresql': {
      const pool = new pg.Pool({ connectionString: url });
      // Without it, a connection that breaks while nobody uses it ends the process (node-pg, "Pool", events).
      pool.on('error', (error) => console.error(`postgres: ${error.message}`));
      return pool;
    }
    case 'mysql':
      return mysql.createPool(url);
    case 'sqlite': {
      const path = url.replace(/^sqlite:(\/\/)?/, '');
      return { dialect: new LibsqlDialect({ url: pathToFileURL(resolve(path)).href }), type: 'sqlite' };
    }
    case 'memory':
      return memoryAdapter({ user: [], session: [], account: [], verification: [], apikey: [], rateLimit: [] });
    case 'none':
      return undefined;
    default:
      throw new Error(`DATABASE_URL is ${url}; it must begin with postgres:, mysql:, sqlite: or memory:, or be none`);
  }
}

function namesIn(list) {
  return list?.split(',').map((name) => name.trim()).filter(Boolean) ?? [];
}

function pluginOf([name, pluginOptions]) {
  const plugin = { apiKey, ...betterAuthPlugins }[name];
  if (!plugin) throw new Error(`BETTER_AUTH_PLUGINS names ${name}, which is no plugin`);
  return plugin(pluginOptions);
}

function openSecondaryStorage(urls) {
  const nodes = namesIn(urls);
  if (nodes.length === 0) return undefined;
  const client = nodes.length > 1 ? new Cluster(nodes) : new Redis(nodes[0]);
  client.on('error', (error) => console.error(`redis: ${error.message}`));
  return redisStorage({ client, keyPrefix: REDIS_KEY_PREFIX });
}

const revocations =
  SIDEGATE_URLS && tellSidegate({ urls: namesIn(SIDEGATE_URLS), secret: SIDEGATE_REVOKE_SECRET, log: console.error });
const secondaryStorage = openSecondaryStorage(REDIS_URL);
const plugins = Object.entries(JSON.parse(BETTER_AUTH_PLUGINS)).map(pluginOf);

const options = {
  database: openDatabase(DATABASE_URL),
  plugins: revocations ? [...plugins, revocations.plugin] : plugins,
  secondaryStorage: revocations && secondaryStorage ? revocations.watch(secondaryStorage) : secondaryStorage,
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { log: (level, message, ...rest) => console.error(level, message, ...rest) },
  ...JSON.parse(BETTER_AUTH_OPTIONS),
};

if (!['memory:', 'none'].includes(DATABASE_URL)) {
  const { runMigrations } = await getMigrations(options);
  await runMigrations();
}

const server = createServer().listen(Number(PORT), '127.0.0.1');
await once(server, 'listening');
const { port } = server.address();

const trustedOrigins = BASE_URL ? namesIn(BASE_URL) : [`http://127.0.0.1:${port}`];
const auth = betterAuth({ baseURL: trustedOrigins[0], trustedOrigins, ...options });
const { version, adapter, internalAdapter, authCookies, secret } = await auth.$context;

async function signedInPerson() {
  const user = await internalAdapter.createUser({ email: `${randomUUID()}@example.com`, name: 'Ada Lovelace' });
  const { token } = await internalAdapter.createSession(user.id);
  const cookie = await serializeSignedCookie(authCookies.sessionToken.name, token, secret);
  const [name, value] = cookie.split(/[=;]/, 2);
  return { id: user.id, email: user.email, name, value };
}

const handle = toNodeHandler(auth);
const requests = {};
server.on('request', async (request, response) => {
  if (request.url === '/requests') return response.end(JSON.stringify(requests));
  if (request.url === '/administrators') {
    const [email] = await request.toArray();
    const where = [{ field: 'email', value: String(email) }];
    await adapter.update({ model: 'user', where, update: { role: 'admin' } });
    return response.end();
  }
  if (request.url === '/people') {
    const [count] = await request.toArray();
    const people = [];
    while (people.length < Number(count)) people.push(await signedInPerson());
    return response.end(JSON.stringify(people));
  }
  const name = `${request.method} ${request.url}`;
  requests[name] = (requests[name] ?? 0) + 1;
  return handle(request, response);
});

console.log(JSON.stringify({ port, betterAuth: version }));

// Asks the real Better Auth: a row is stored, Cookie lines are sent, and what it answers is handed back.
// Decides nothing: no signature, no date and no cookie is judged here.

import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createClient } from '@libsql/client';
import { LibsqlDialect } from '@libsql/kysely-libsql';
import { betterAuth } from 'better-auth';
import { setCookieCache } from 'better-auth/cookies';
import { getMigrations } from 'better-auth/db/migration';
import { toNodeHandler } from 'better-auth/node';
import { bearer, jwt } from 'better-auth/plugins';
import { serializeSignedCookie } from 'better-call';

export const SECRET = 'sidegate-oracle-secret-0123456789abcdef';
export const NOW = 1768478400123;

export const ORIGIN = 'http://127.0.0.1';

// Dates without a zone are read in the zone of Better Auth's process.
process.env.TZ = 'UTC';
let clock = NOW;
globalThis.Date = class extends Date {
  constructor(...parts) {
    super(...(parts.length === 0 ? [clock] : parts));
  }

  static now() {
    return clock;
  }
};

export const madeBy = {
  'better-auth': installedVersion('better-auth'),
  'better-call': installedVersion('better-call'),
  node: process.versions.node,
};

function installedVersion(name) {
  return JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), 'utf8')).version;
}

/** The wire form of a signed cookie value, `token.signature` percent-encoded, by better-call's own signer. */
export async function sign(token, secret = SECRET) {
  return (await serializeSignedCookie('', token, secret)).slice('='.length);
}

export async function openOracle() {
  const directory = mkdtempSync(join(tmpdir(), 'sidegate-oracle-'));
  process.once('exit', () => rmSync(directory, { recursive: true }));
  const client = createClient({ url: pathToFileURL(join(directory, 'auth.db')).href });
  const common = {
    baseURL: ORIGIN,
    secret: SECRET,
    database: { dialect: new LibsqlDialect({ client }), type: 'sqlite' },
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    logger: { disabled: true },
  };
  const { runMigrations } = await getMigrations({ ...common, plugins: [jwt()] });
  await runMigrations();
  // Better Auth makes the column NOT NULL; databases made by other tools need not.
  await client.executeMultiple(
    'alter table session drop column expiresAt; alter table session add column expiresAt date',
  );

  const { adapter } = await betterAuth(common).$context;
  const servers = new Map();

  async function serverFor(options, environment) {
    const key = JSON.stringify([options, environment], (_, value) => value ?? null);
    if (!servers.has(key)) servers.set(key, await startServer(options, environment));
    return servers.get(key);
  }

  async function startServer({ jwtPlugin, bearerPlugin, ...options }, environment) {
    Object.assign(process.env, environment);
    const plugins = [...(jwtPlugin ? [jwt(jwtPlugin)] : []), ...(bearerPlugin ? [bearer(bearerPlugin)] : [])];
    const auth = betterAuth({ ...common, plugins, ...options });
    const context = await auth.$context;
    for (const name of Object.keys(environment)) delete process.env[name];

    const answer = toNodeHandler(auth);
    const server = createServer((request, response) => {
      server.lastCookies = linesOf('cookie', request.rawHeaders);
      server.lastAuthorization = linesOf('authorization', request.rawHeaders);
      answer(request, response);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { server, context };
  }

  async function store(row) {
    await client.executeMultiple('delete from session; delete from user');
    if (!row) return null;
    await adapter.create({ model: 'user', data: userOf(row), forceAllowId: true });
    await adapter.create({ model: 'session', data: sessionOf(row), forceAllowId: true });
    if ('storedExpiry' in row) {
      await client.execute({ sql: 'update session set expiresAt = ?', args: [row.storedExpiry] });
    }
    if (row.orphan) {
      await client.executeMultiple('pragma foreign_keys = off; delete from user; pragma foreign_keys = on');
    }
    const { rows } = await client.execute(
      'select s.token, s.id session_id, s.userId user_id, s.expiresAt expires_at, u.email, u.name'
        + ' from session s left join user u on u.id = s.userId',
    );
    return { ...rows[0] };
  }

  /** What get-session answers to these Cookie and Authorization lines while `row` is all that is stored. */
  async function ask({ options = {}, environment = {}, row, cookies, authorization }) {
    const { server, context } = await serverFor(options, environment);
    const stored = await store(row);
    const { status, body } = await getSession(server.address().port, cookies, authorization);
    return {
      secret: context.secret,
      cookie_name: context.authCookies.sessionToken.name,
      cookies: server.lastCookies,
      ...(authorization && { authorization: server.lastAuthorization }),
      row: stored,
      ...verdictOf(status, body),
    };
  }

  /** What get-session answers to these Cookie lines while no session is stored: only the cookie cache can let pass. */
  async function askCache({ options, cookies }) {
    const { server, context } = await serverFor(options, {});
    await store(null);
    const { status, body } = await getSession(server.address().port, cookies);
    const { verdict } = verdictOf(status, body);
    return {
      cookie_name: context.authCookies.sessionData.name,
      token_cookie_name: context.authCookies.sessionToken.name,
      cookies: server.lastCookies,
      verdict,
      ...(verdict === 'allow' && { body }),
    };
  }

  /** The session_data cookies, as [name, value], that Better Auth writes under these options at the instant `at`. */
  async function cacheCookies({ options, session, user, at = NOW }) {
    const { context } = await serverFor(options, {});
    const cookies = [];
    const setCookie = (name, value) => cookies.push([name, value]);
    clock = at;
    try {
      const request = { context, headers: new Headers(), getCookie: () => null, setCookie };
      await setCookieCache(request, { session, user }, false);
    } finally {
      clock = NOW;
    }
    return cookies;
  }

  /** The keys that Better Auth has made to sign with, as its table holds them. */
  async function keyRing() {
    const { rows } = await client.execute('select id, publicKey, privateKey from jwks');
    return rows.map(({ id, publicKey, privateKey }) => ({ id, publicKey, privateKey }));
  }

  /** What a new user's sign-in sets. */
  async function signIn({ options, rememberMe = true }) {
    await client.executeMultiple('delete from session; delete from account; delete from user');
    const auth = betterAuth({ ...common, ...options });
    const { authCookies, secret, baseURL } = await auth.$context;
    const post = (path, body) =>
      auth.handler(new Request(`${baseURL}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin: new URL(baseURL).origin },
        body: JSON.stringify(body),
      }));
    const account = { email: 'ada@example.com', password: 'correct horse', name: 'Ada Lovelace' };
    await post('/sign-up/email', account);
    const response = await post('/sign-in/email', { ...account, rememberMe });
    const { token } = await response.json();
    return { secret, cookie_name: authCookies.sessionToken.name, token, set_cookie: response.headers.getSetCookie() };
  }

  /** The session cookie that Better Auth reads and writes under these options. */
  async function sessionCookie(options) {
    const { authCookies } = await betterAuth({ ...common, ...options }).$context;
    return authCookies.sessionToken;
  }

  function close() {
    for (const { server } of servers.values()) server.close();
    client.close();
  }

  return { ask, askCache, cacheCookies, keyRing, signIn, sessionCookie, close };
}

function userOf({ user_id: id }) {
  const since = new Date(NOW);
  const name = 'Ada Lovelace';
  return { id, name, email: 'ada@example.com', emailVerified: true, createdAt: since, updatedAt: since };
}

function sessionOf({ session_id: id, user_id: userId, token, expiresAt }) {
  const since = new Date(NOW);
  return { id, userId, token, expiresAt: new Date(expiresAt), createdAt: since, updatedAt: since };
}

function linesOf(name, rawHeaders) {
  return rawHeaders.filter((_, index) => rawHeaders[index - 1]?.toLowerCase() === name && index % 2);
}

// Over a bare socket, for a client library would refuse or mend what browsers and attackers send. HTTP/1.0,
// for its answers end with the connection. Without disableRefresh a GET may write.
async function getSession(port, cookies, authorization = []) {
  const socket = connect(port, '127.0.0.1');
  const lines = [
    'GET /api/auth/get-session?disableRefresh=true HTTP/1.0',
    `Host: 127.0.0.1:${port}`,
    ...cookies.map((cookie) => `Cookie: ${cookie}`),
    ...authorization.map((text) => `Authorization: ${text}`),
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  const chunks = await socket.toArray();
  const [head, body] = Buffer.concat(chunks).toString().split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), body };
}

function verdictOf(status, body) {
  if (status === 500) return { verdict: 'error' };
  if (status !== 200) throw new Error(`get-session answered ${status}: ${body}`);
  const found = JSON.parse(body);
  if (found === null) return { verdict: 'deny' };
  return { verdict: 'allow', user_id: found.user.id, session_id: found.session.id };
}

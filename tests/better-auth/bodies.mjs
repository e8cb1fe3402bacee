// Asks the real Better Auth for the whole body of get-session: tables by its own migrations, rows by SQL, with plugins
// in several orders and additional fields of every type.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createClient } from '@libsql/client';
import { LibsqlDialect } from '@libsql/kysely-libsql';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import * as plugins from 'better-auth/plugins';
import { SECRET, sign } from './oracle.mjs';

const TOKEN = 'Zk3vQ8mN1pXrT6yLw0cHdB9sJgAeUfIo';

const USER = {
  id: 'usr_1',
  name: 'Ada Lovelace',
  email: 'ada@example.com',
  emailVerified: 1,
  createdAt: '2025-12-16T12:00:00.123Z',
  updatedAt: '2025-12-16T12:00:00.123Z',
};
const SESSION = {
  id: 'ses_1',
  expiresAt: '2026-01-22T00:00:00.123Z',
  token: TOKEN,
  createdAt: '2026-01-15T00:00:00.123Z',
  updatedAt: '2026-01-15T00:00:00.123Z',
  ipAddress: '203.0.113.7',
  userAgent: 'curl/8',
  userId: 'usr_1',
};
const OF_PLUGINS = {
  user: {
    role: 'admin,user',
    banned: 0,
    banReason: 'noise',
    banExpires: '2026-01-01T00:00:00.000Z',
    isAnonymous: 1,
    username: 'ada',
    displayUsername: 'Ada',
    phoneNumber: '+4930123456',
    phoneNumberVerified: 1,
    twoFactorEnabled: 0,
    lastLoginMethod: 'email',
  },
  session: { impersonatedBy: 'usr_2', activeOrganizationId: 'org_1', activeTeamId: null },
};
const ADDITIONAL = {
  user: {
    plan: { type: 'string', required: false },
    credits: { type: 'number', required: false, fieldName: 'credit_count' },
    beta: { type: 'boolean', required: false },
    since: { type: 'date', required: false },
    settings: { type: 'json', required: false },
    tags: { type: 'string[]', required: false },
    note: { type: 'string', required: false, returned: false },
  },
  session: { device: { type: 'string', required: false }, trust: { type: 'number', required: false } },
};
const OWN = {
  user: {
    plan: 'pro "plus" \u{1F511} ü',
    credit_count: 3,
    beta: 1,
    since: '2026-01-02T03:04:05.678Z',
    settings: '{"b":1.0,"a":{"at":"2026-01-02T03:04:05Z","n":[2.50,1e3,-0.5]},"text":"2026-01-02","none":null}',
    tags: '["x","2026-01-02T03:04:05.6Z"]',
    note: 'for nobody',
  },
  session: { device: 'phone', trust: 0.25 },
};

const ALL = ['admin', 'organization', 'anonymous', 'username', 'phoneNumber', 'twoFactor', 'lastLoginMethod'];
const OPTIONS = { organization: { teams: { enabled: true } }, lastLoginMethod: { storeInDatabase: true } };

export async function mintBodies() {
  const cases = [
    { name: 'body-core' },
    { name: 'body-no-ip', session: { ipAddress: null, userAgent: '' }, user: { emailVerified: 0, image: 'https://x/y' } },
    { name: 'body-bool-two', user: { emailVerified: 2 } },
    { name: 'body-dates', session: { createdAt: '2026-01-15T01:00:00.123+01:00', updatedAt: '2026-01-15' } },
    { name: 'body-plugins', with: ALL, ...OF_PLUGINS },
    { name: 'body-plugins-null', with: ALL },
    { name: 'body-plugins-reversed', with: [...ALL].reverse(), ...OF_PLUGINS },
    { name: 'body-additional', additional: ADDITIONAL, ...OWN },
    { name: 'body-additional-null', additional: ADDITIONAL },
    {
      name: 'body-all',
      with: ALL,
      additional: ADDITIONAL,
      user: { ...OF_PLUGINS.user, ...OWN.user },
      session: { ...OF_PLUGINS.session, ...OWN.session },
    },
  ];
  const minted = [];
  for (const one of cases) minted.push(await ask(one));
  return minted;
}

async function ask({ name, with: names = [], additional = { user: {}, session: {} }, user = {}, session = {} }) {
  const directory = mkdtempSync(join(tmpdir(), 'sidegate-bodies-'));
  const client = createClient({ url: pathToFileURL(join(directory, 'auth.db')).href });
  try {
    const options = {
      baseURL: 'http://127.0.0.1',
      secret: SECRET,
      database: { dialect: new LibsqlDialect({ client }), type: 'sqlite' },
      telemetry: { enabled: false },
      logger: { disabled: true },
      session: { additionalFields: additional.session },
      user: { additionalFields: additional.user },
      plugins: names.map((plugin) => plugins[plugin](OPTIONS[plugin])),
    };
    const { runMigrations } = await getMigrations(options);
    await runMigrations();
    const found = await client.execute("select sql from sqlite_master where type = 'table' and name in ('user', 'session')");
    const tables = found.rows.map(({ sql }) => sql);
    const rows = [insert('user', { ...USER, ...user }), insert('session', { ...SESSION, ...session })];
    await client.executeMultiple(rows.join(';'));
    const auth = betterAuth(options);
    const cookie = `better-auth.session_token=${await sign(TOKEN)}`;
    const url = 'http://127.0.0.1/api/auth/get-session?disableRefresh=true';
    const answer = await auth.handler(new Request(url, { headers: { cookie } }));
    const body = await answer.text();
    if (answer.status !== 200 || body === 'null') throw new Error(`${name}: ${answer.status} ${body}`);
    return { name, tables, rows, additional: told(additional), token: TOKEN, body };
  } finally {
    client.close();
    rmSync(directory, { recursive: true });
  }
}

/** The fields that an operator would list for sidegate: all but those of returned: false. */
function told(additional) {
  return Object.fromEntries(
    Object.entries(additional).map(([table, fields]) => [
      table,
      Object.entries(fields)
        .filter(([, field]) => field.returned !== false)
        .map(([name, { type, fieldName }]) => ({ name, type, column: fieldName ?? null })),
    ]),
  );
}

function insert(table, row) {
  const literal = (value) => (typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value));
  const names = Object.keys(row).map((name) => `"${name}"`);
  return `insert into "${table}" (${names.join(', ')}) values (${Object.values(row).map(literal).join(', ')})`;
}

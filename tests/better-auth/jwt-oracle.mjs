// Asks the real Better Auth about tokens of its jwt plugin: keys and tokens are made by the plugin, and both the plugin
// and `jose`, with which others are told to verify them, say what they hold of any token.
// Decides nothing: no signature, no claim and no time is judged here.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createClient } from '@libsql/client';
import { LibsqlDialect } from '@libsql/kysely-libsql';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { jwt } from 'better-auth/plugins';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { NOW, SECRET, sign } from './oracle.mjs';

export const ISSUER = 'https://auth.example.com';

const TOKEN = 'Zk3vQ8mN1pXrT6yLw0cHdB9sJgAeUfIo';
const DAY = 86_400_000;
const COOKIE = '__Secure-better-auth.session_token';
const USER = {
  id: 'usr_0000000000000000000000000001',
  name: 'Ada "Größe" 秘密🔑',
  email: 'ada@example.com',
  emailVerified: true,
  plan: 'pro',
  seats: 3,
};

export async function openJwtOracle() {
  const directory = mkdtempSync(join(tmpdir(), 'sidegate-jwt-oracle-'));
  process.once('exit', () => rmSync(directory, { recursive: true }));
  const client = createClient({ url: pathToFileURL(join(directory, 'auth.db')).href });
  const common = {
    baseURL: ISSUER,
    secret: SECRET,
    database: { dialect: new LibsqlDialect({ client }), type: 'sqlite' },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    logger: { disabled: true },
    user: { additionalFields: { plan: { type: 'string' }, seats: { type: 'number' } } },
  };
  const plainKeys = ({ jwks, ...options } = {}) =>
    jwt({ ...options, jwks: { ...jwks, disablePrivateKeyEncryption: true } });
  const { runMigrations } = await getMigrations({ ...common, plugins: [plainKeys()] });
  await runMigrations();
  const { adapter } = await betterAuth({ ...common, plugins: [plainKeys()] }).$context;
  const since = new Date(NOW);
  await adapter.create({
    model: 'user', data: { ...USER, createdAt: since, updatedAt: since }, forceAllowId: true,
  });
  await adapter.create({
    model: 'session',
    data: {
      id: 'ses_0000000000000000000000000001',
      userId: USER.id,
      token: TOKEN,
      expiresAt: new Date(NOW + 7 * DAY),
      createdAt: since,
      updatedAt: since,
    },
    forceAllowId: true,
  });
  const cookie = `${COOKIE}=${await sign(TOKEN)}`;

  const get = async (auth, path) => auth.handler(new Request(`${ISSUER}/api/auth${path}`, { headers: { cookie } }));

  async function storeKeys(rows) {
    await client.execute('delete from jwks');
    for (const { kid, public_key, private_key, algorithm, expires_at } of rows) {
      await client.execute({
        sql: 'insert into jwks (id, publicKey, privateKey, createdAt, expiresAt, alg) values (?, ?, ?, ?, ?, ?)',
        args: [kid, public_key, private_key ?? '{}', since.toISOString(), iso(expires_at), algorithm],
      });
    }
  }

  async function storedKeys() {
    const { rows } = await client.execute('select * from jwks');
    return rows.map(({ id, publicKey, privateKey, alg, expiresAt }) => ({
      kid: id,
      public_key: publicKey,
      private_key: privateKey,
      algorithm: alg,
      expires_at: expiresAt === null ? null : Date.parse(expiresAt),
    }));
  }

  /** A key that the plugin makes because it needs one. */
  async function makeKey(keyPairConfig) {
    await storeKeys([]);
    await token({ jwks: { keyPairConfig } });
    return (await storedKeys())[0];
  }

  /** The token that `GET /token` answers under these options, signed with `key`. */
  async function tokenBy(key, options = {}) {
    await storeKeys([key]);
    return token({ ...options, jwks: { keyPairConfig: { alg: key.algorithm ?? 'EdDSA' } } });
  }

  async function token(options) {
    const response = await get(betterAuth({ ...common, plugins: [plainKeys(options)] }), '/token');
    if (response.status !== 200) throw new Error(`/token answered ${response.status}: ${await response.text()}`);
    return (await response.json()).token;
  }

  /** The session cache that get-session sets where the plugin's keys sign it. */
  async function sessionCacheBy(key) {
    await storeKeys([key]);
    const auth = betterAuth({
      ...common,
      session: { cookieCache: { enabled: true, strategy: 'jwt' } },
      plugins: [plainKeys({ sessionCookieCache: true })],
    });
    const lines = (await get(auth, '/get-session')).headers.getSetCookie();
    const line = lines.find((one) => one.startsWith('__Secure-better-auth.session_data='));
    return line.slice(line.indexOf('=') + 1, line.indexOf(';'));
  }

  /** What `GET /jwks` answers while these rows are stored. */
  async function publish(rows) {
    await storeKeys(rows);
    return (await get(betterAuth({ ...common, plugins: [plainKeys()] }), '/jwks')).json();
  }

  /** What the plugin's `verifyJWT` and `jose` hold of these tokens, each while the rows of its key set are stored. */
  async function judge(keySets, cases) {
    const judged = [];
    for (const [name, { rows, jwks }] of Object.entries(keySets)) {
      if (rows) await storeKeys(rows);
      for (const one of cases.filter(({ keys }) => keys === name)) {
        const { token: text, issuer = ISSUER, audiences = [ISSUER] } = one;
        const theirs = rows ? await byPlugin(text, { issuer, audience: audiences }) : undefined;
        const jose = await byJose(text, jwks, { issuer, audience: audiences });
        const payload = theirs ?? jose;
        judged.push({
          ...one,
          ...(rows && { better_auth: verdict(theirs) }),
          jose: verdict(jose),
          // As text, for some can be written down by JavaScript alone.
          payload: payload ? JSON.stringify(payload) : undefined,
        });
      }
    }
    return judged;
  }

  async function byPlugin(text, options) {
    const auth = betterAuth({ ...common, plugins: [plainKeys({ jwt: options })] });
    return (await auth.api.verifyJWT({ body: { token: text } })).payload;
  }

  return { makeKey, tokenBy, sessionCacheBy, publish, judge, close: () => client.close() };
}

async function byJose(text, jwks, options) {
  try {
    return (await jwtVerify(text, createLocalJWKSet(jwks), options)).payload;
  } catch (error) {
    if (error.name === 'ReferenceError') throw error;
    return null;
  }
}

const verdict = (payload) => (payload === null ? 'deny' : 'allow');
const iso = (millis) => (millis === null ? null : new Date(millis).toISOString());

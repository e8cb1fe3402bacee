// One Better Auth with its options, on its database: serves get-session, and makes the rows and cookies to ask about.
// Decides nothing about sessions: every answer is Better Auth's own.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { serializeSignedCookie } from 'better-call';
import { shifted } from './clock.mjs';
import { openDatabase, openSecondaryStorage } from './database.mjs';

// As long as the longest head that sidegate takes; Node's own limit is 16 KiB.
const HEADER_BYTES_MAX = 65_536;

/** A signed cookie value in its wire form, `value.signature` percent-encoded, by better-call's own signer. */
export async function sign({ value, secret }) {
  return (await serializeSignedCookie('', value, secret)).slice('='.length);
}

/**
 * `plugins` is a list of [name, options], `secondary` the URL and key prefix of a Redis; `environment` is what Better
 * Auth finds in its environment while it starts.
 */
export async function openInstance(library, { database: url, secondary, options, plugins = [], environment = {} }) {
  const { database, close } = openDatabase(url);
  const storage = secondary && openSecondaryStorage(secondary);
  const all = {
    database,
    plugins: await Promise.all(plugins.map(([name, given]) => library.plugin(name, given))),
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    logger: { disabled: true },
    ...(storage && { secondaryStorage: storage.storage }),
    ...options,
  };
  const { runMigrations } = await library.getMigrations(all);
  await runMigrations();

  const server = createServer({ maxHeaderSize: HEADER_BYTES_MAX }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  const origin = `http://127.0.0.1:${port}`;

  Object.assign(process.env, environment);
  const auth = library.betterAuth({ trustedOrigins: [origin], ...all });
  const context = await auth.$context;
  const { adapter, internalAdapter, authCookies } = context;
  for (const name of Object.keys(environment)) delete process.env[name];
  server.on('request', library.toNodeHandler(auth));

  async function request(path, init) {
    const base = all.baseURL ?? origin;
    return auth.handler(new Request(`${base}/api/auth${path}`, init));
  }

  async function post(path, body, headers = {}) {
    const response = await request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin, ...headers },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return response;
  }

  /** Makes a user with a session, as the browser does; what it sets. */
  async function signUp({ email, name, password }) {
    const response = await post('/sign-up/email', { email, name, password });
    return { setCookie: response.headers.getSetCookie() };
  }

  async function signOut({ cookie }) {
    await post('/sign-out', {}, { cookie });
    return {};
  }

  /**
   * Makes rows without signing anybody in, and answers them in the order given. Ids are Better Auth's own; `dates` are
   * in milliseconds from now.
   */
  async function store({ model, rows }) {
    const made = [];
    for (const { data, dates } of rows) made.push(await storeOne(model, { ...data, ...dated(dates) }));
    return { rows: made };
  }

  async function storeOne(model, data) {
    const now = new Date();
    const whole = { createdAt: now, updatedAt: now, ...data };
    if (model === 'session' && storage) {
      const { userId, ...rest } = whole;
      return internalAdapter.createSession(userId, ...library.sessionContext(context), false, rest, true);
    }
    return adapter.create({ model, data: whole });
  }

  function dated(dates = {}) {
    const at = ([name, milliseconds]) => [name, new Date(Date.now() + milliseconds)];
    return Object.fromEntries(Object.entries(dates).map(at));
  }

  /** The values that the secondary storage holds under these keys. */
  async function entries({ keys }) {
    return { values: await Promise.all(keys.map((key) => storage.storage.get(key))) };
  }

  /** Sets entries of the secondary storage, each of which lives for an hour; without a value it is deleted. */
  async function setEntries({ entries: wanted }) {
    for (const [key, value] of wanted) {
      if (value === null) await storage.storage.delete(key);
      else await storage.storage.set(key, value, 3600);
    }
    return {};
  }

  /** The cookies that get-session sets for each of these Cookie headers, on a clock that is `ahead` milliseconds. */
  async function cachedSessions({ cookies, ahead = 0 }) {
    const lines = [];
    for (const cookie of cookies) {
      const response = await shifted(ahead, () => request('/get-session', { headers: { cookie } }));
      lines.push(response.headers.getSetCookie());
    }
    return { lines };
  }

  /** Makes an API key for a user, for as many milliseconds as `expiresIn` says from now. */
  async function createKey({ userId, changes = {}, dates }) {
    const { id, key } = await auth.api.createApiKey({ body: { userId } });
    const update = { ...changes, ...dated(dates) };
    if (Object.keys(update).length > 0) {
      await adapter.update({ model: 'apikey', where: [{ field: 'id', value: id }], update });
    }
    return { id, key };
  }

  async function end() {
    server.closeAllConnections();
    server.close();
    await close();
    await storage?.close();
    return {};
  }

  const cookieNames = { session: authCookies.sessionToken.name, data: authCookies.sessionData.name };
  return { port, cookieNames, signUp, signOut, store, entries, setEntries, cachedSessions, createKey, end };
}

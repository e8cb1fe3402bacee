// What the real Better Auth makes of values in a secondary storage: they are put there as text, and it is asked.

import { betterAuth } from 'better-auth';
import { NOW, SECRET, sign } from './oracle.mjs';

export const TOKEN = 'Zk3vQ8mN1pXrT6yLw0cHdB9sJgAeUfIo';

const DAY = 86_400_000;
const iso = (millis) => new Date(millis).toISOString();

const SESSION = {
  id: 'ses_0000000000000000000000000001',
  ipAddress: '203.0.113.7',
  userAgent: 'curl/8',
  expiresAt: iso(NOW + 7 * DAY),
  userId: 'usr_0000000000000000000000000001',
  token: TOKEN,
  createdAt: iso(NOW - DAY),
  updatedAt: iso(NOW - DAY),
};
const USER = {
  name: 'Ada Lovelace',
  email: 'ada@example.com',
  emailVerified: true,
  image: null,
  createdAt: iso(NOW - 30 * DAY),
  updatedAt: iso(NOW - 30 * DAY),
  role: 'user',
  banned: false,
  banReason: null,
  banExpires: null,
  id: SESSION.userId,
};
const MARKER = `revoked-sessions-before-${SESSION.userId}`;

// A field that is undefined is left out.
const value = (session = {}, user = {}) =>
  JSON.stringify({ session: { ...SESSION, ...session }, user: { ...USER, ...user } });
const text = (name, expect, value) => ({ name, expect, entries: { [TOKEN]: value } });
const session = (name, expect, fields) => text(name, expect, value(fields));
const user = (name, expect, fields) => text(name, expect, value({}, fields));
const marked = (name, expect, marker, fields = {}) => ({
  name,
  expect,
  entries: { [TOKEN]: value(fields), [MARKER]: marker },
});

function cases() {
  return [
    session('ss-valid', 'allow', {}),
    { name: 'ss-miss', expect: 'deny', entries: {} },
    text('ss-empty-value', 'deny', ''),
    text('ss-bad-json', 'deny', '{"session":'),
    text('ss-byte-order-mark', 'deny', `\uFEFF${value()}`),
    text('ss-trailing-junk', 'deny', `${value()} x`),
    text('ss-whitespace', 'allow', ` \n\t\r${value()}\n`),
    text('ss-null', 'deny', 'null'),
    text('ss-false', 'deny', 'false'),
    text('ss-zero', 'deny', '0'),
    text('ss-minus-zero', 'deny', '-0.0'),
    text('ss-empty-text', 'deny', '""'),
    text('ss-true', 'error', 'true'),
    text('ss-one', 'error', '1'),
    text('ss-text', 'error', '"session"'),
    text('ss-encoded-twice', 'error', JSON.stringify(value())),
    text('ss-array', 'error', `[${value()}]`),
    text('ss-empty-object', 'error', '{}'),
    text('ss-no-session', 'error', JSON.stringify({ user: USER })),
    text('ss-no-user', 'error', JSON.stringify({ session: SESSION, user: null })),
    text('ss-user-absent', 'error', JSON.stringify({ session: SESSION })),
    text('ss-empty-user', 'allow', JSON.stringify({ session: SESSION, user: {} })),
    text('ss-user-a-text', 'allow', JSON.stringify({ session: SESSION, user: 'ada' })),
    text('ss-session-a-text', 'allow', JSON.stringify({ session: 'live', user: USER })),
    text('ss-user-first', 'allow', JSON.stringify({ user: USER, session: SESSION })),
    text('ss-duplicate-keys', 'allow', value().replace('"role":"user"', '"role":"admin","role":"user"')),
    text('ss-escapes', 'allow', value().replace('Ada', '\\u0041d\\u0061 \\ud83d\\ude80 \\\\ud83d \\/')),
    text('ss-lone-high-surrogate', 'allow', value().replace('Ada', 'Ada \\ud83d')),
    text('ss-lone-low-surrogate', 'allow', value().replace('Ada', 'Ada \\uDE80\\uD83D\\ud83d\\ude80')),
    text('ss-huge-number', 'allow', value().replace('"image":null', '"image":1e999')),
    {
      name: 'ss-key-confusion',
      expect: 'error',
      token: `active-sessions-${SESSION.userId}`,
      entries: { [`active-sessions-${SESSION.userId}`]: JSON.stringify([{ token: TOKEN, expiresAt: NOW + DAY }]) },
    },
    {
      name: 'ss-key-confusion-marker',
      expect: 'error',
      token: MARKER,
      entries: { [MARKER]: String(NOW) },
    },

    session('ss-no-session-id', 'allow', { id: undefined }),
    session('ss-no-token', 'allow', { token: undefined }),
    session('ss-token-null', 'allow', { token: null }),
    session('ss-token-differs', 'allow', { token: 'another' }),
    session('ss-no-user-id-in-session', 'allow', { userId: undefined }),
    user('ss-no-user-id', 'allow', { id: undefined }),
    text('ss-serial-ids', 'allow', JSON.stringify({
      session: { ...SESSION, id: 7, userId: 42 },
      user: { ...USER, id: 42 },
    })),

    session('ss-expired', 'deny', { expiresAt: iso(NOW - 1) }),
    session('ss-expires-now', 'allow', { expiresAt: iso(NOW) }),
    session('ss-expires-at-number', 'allow', { expiresAt: NOW + DAY }),
    session('ss-expired-at-number', 'deny', { expiresAt: NOW - 1 }),
    session('ss-expires-at-zero', 'deny', { expiresAt: 0 }),
    session('ss-expires-absent', 'allow', { expiresAt: undefined }),
    session('ss-expires-null', 'deny', { expiresAt: null }),
    session('ss-expires-garbage', 'allow', { expiresAt: 'some day' }),
    session('ss-expires-no-fraction', 'allow', { expiresAt: '2026-01-22T00:00:00Z' }),
    session('ss-expires-microseconds', 'allow', { expiresAt: '2026-01-22T00:00:00.123456Z' }),
    session('ss-expires-offset', 'allow', { expiresAt: '2026-01-22T00:00:00.5+02:00' }),
    session('ss-expires-date', 'allow', { expiresAt: '2026-01-22' }),

    marked('ss-revoked-marker', 'deny', String(NOW)),
    marked('ss-revoked-marker-equal', 'allow', String(NOW - DAY)),
    marked('ss-revoked-marker-one-later', 'deny', String(NOW - DAY + 1)),
    marked('ss-revoked-marker-before', 'allow', String(NOW - DAY - 1)),
    marked('ss-marker-empty', 'allow', ''),
    marked('ss-marker-spaces', 'deny', ` ${NOW}\n`),
    marked('ss-marker-only-spaces', 'allow', ' '),
    marked('ss-marker-zero', 'allow', '0'),
    marked('ss-marker-plus', 'deny', `+${NOW}`),
    marked('ss-marker-negative', 'allow', '-1'),
    marked('ss-marker-fraction', 'deny', `${NOW}.5`),
    marked('ss-marker-exponent', 'deny', '2e12'),
    marked('ss-marker-hex', 'deny', '0x20000000000'),
    marked('ss-marker-infinity', 'deny', 'Infinity'),
    marked('ss-marker-garbage', 'allow', 'yesterday'),
    marked('ss-marker-iso', 'allow', iso(NOW)),
    marked('ss-marker-nan', 'allow', 'NaN'),
    marked('ss-marker-created-at-number', 'deny', String(NOW), { createdAt: NOW - 1 }),
    marked('ss-marker-created-after-at-number', 'allow', String(NOW), { createdAt: NOW }),
    marked('ss-marker-created-absent', 'allow', String(NOW), { createdAt: undefined }),
    marked('ss-marker-created-garbage', 'allow', String(NOW), { createdAt: 'once' }),
    marked('ss-marker-created-null', 'deny', String(NOW), { createdAt: null }),

    session('ss-created-absent', 'allow', { createdAt: undefined }),
    session('ss-dates-as-numbers', 'allow', { createdAt: NOW - DAY, updatedAt: NOW }),
    user('ss-user-dates-as-numbers', 'allow', { createdAt: 1, updatedAt: NOW }),
    user('ss-user-dates-absent', 'allow', { createdAt: undefined, updatedAt: undefined }),
    user('ss-user-dates-odd', 'allow', { createdAt: null, updatedAt: 'once' }),
    user('ss-name-like-a-date', 'allow', { name: '2020-01-02T03:04:05Z' }),
    user('ss-name-almost-a-date', 'allow', { name: '2020-01-02T03:04:05.Z' }),
    user('ss-name-date-without-zone', 'allow', { name: '2020-01-02T03:04:05.678' }),
    user('ss-name-date-of-long-fraction', 'allow', { name: '2020-01-02T03:04:05.6789999Z' }),
    session('ss-hidden-field', 'allow', { pin: '1234' }),
    user('ss-hidden-user-field', 'allow', { pin: '1234' }),
    session('ss-own-field', 'allow', { nick: 'ada', pin: '1234' }),
    user('ss-own-user-field', 'allow', { pin: '1234', nick: '2020-01-02T03:04:05Z' }),
    session('ss-plugin-fields', 'allow', { impersonatedBy: 'usr_2', activeOrganizationId: 'org_1', activeTeamId: null }),
  ];
}

/** What get-session answers while these entries are all there is. */
async function ask(auth, storage, { token = TOKEN, entries }) {
  storage.clear();
  for (const [key, text] of Object.entries(entries)) storage.set(key, text);
  const cookie = `better-auth.session_token=${await sign(token)}`;
  const url = 'http://127.0.0.1/api/auth/get-session?disableRefresh=true';
  const answer = await auth.handler(new Request(url, { headers: { cookie } }));
  const body = await answer.text();
  if (answer.status === 500) return { verdict: 'error' };
  if (answer.status !== 200) throw new Error(`get-session answered ${answer.status}: ${body}`);
  return body === 'null' ? { verdict: 'deny' } : { verdict: 'allow', body };
}

export async function mintSecondaryStorage() {
  const storage = new Map();
  const additionalFields = {
    pin: { type: 'string', required: false, returned: false },
    nick: { type: 'string', required: false },
  };
  const auth = betterAuth({
    baseURL: 'http://127.0.0.1',
    secret: SECRET,
    secondaryStorage: {
      get: (key) => storage.get(key) ?? null,
      set: (key, text) => void storage.set(key, text),
      delete: (key) => void storage.delete(key),
    },
    session: { additionalFields },
    user: { additionalFields },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    logger: { disabled: true },
  });
  const minted = [];
  for (const { name, expect, ...question } of cases()) {
    const answer = await ask(auth, storage, question);
    if (answer.verdict !== expect) throw new Error(`${name}: expected ${expect}, Better Auth answers ${answer.verdict}`);
    minted.push({ name, token: question.token ?? TOKEN, entries: question.entries, ...answer });
  }
  return minted;
}

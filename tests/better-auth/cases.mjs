// The questions that mint.mjs puts to Better Auth. `expect` is what reading Better Auth's source promises; a case
// without it records whatever is answered.
//
// A Cookie line is a string whose characters U+0000..U+00FF each stand for one byte.

import { mutations } from './mutations.mjs';
import { NOW, SECRET, sign } from './oracle.mjs';

const TOKEN = 'Zk3vQ8mN1pXrT6yLw0cHdB9sJgAeUfIo';
const NAME = 'better-auth.session_token';
const DAY = 86_400_000;
const LIVE = {
  token: TOKEN,
  session_id: 'ses_0000000000000000000000000001',
  user_id: 'usr_0000000000000000000000000001',
  expiresAt: NOW + 7 * DAY,
};

const OTHER_SECRET = 'another-secret-0123456789abcdef-0123456789';
const LONG_UNICODE_SECRET = 'Größe-秘密-🔑-'.repeat(8);
const SECURE = { advanced: { useSecureCookies: true } };

const withToken = (token) => ({ ...LIVE, token });
const latin1 = (text) => Buffer.from(text, 'utf8').toString('latin1');
const percentEncodeAll = (text) => [...text].map((c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');
const replaceAt = (text, index, character) => text.slice(0, index) + character + text.slice(index + 1);

export async function sessionCookieCases() {
  const wire = await sign(TOKEN);
  const plain = decodeURIComponent(wire);
  const cases = [
    ...spellingCases(wire, plain),
    ...parsingCases(wire, plain),
    ...(await tokenCases()),
    ...(await replayCases(wire)),
    ...(await secretCases(wire)),
    ...nameCases(wire),
    ...(await rowCases(wire)),
    ...substitutionCases(plain),
    ...truncationCases(wire),
    ...mutationCases(wire),
  ].map((one) => ({ row: LIVE, ...one }));

  const names = new Set(cases.map(({ name }) => name));
  if (names.size !== cases.length) throw new Error('two cases have one name');
  return cases;
}

// How one value may be spelt.
function spellingCases(wire, plain) {
  const signature = plain.slice(TOKEN.length + 1);
  const value = (name, text, expect) => ({ name, cookies: [`${NAME}=${text}`], expect });
  const signed = (name, otherSignature, expect) => value(name, `${TOKEN}.${otherSignature}`, expect);
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const last = alphabet.indexOf(signature[42]);
  const withLast = (digit) => replaceAt(signature, 42, alphabet[digit]);
  return [
    value('tok-valid', wire, 'allow'),
    value('tok-raw', plain, 'allow'),
    value('tok-lower-hex', wire.replace(/%../g, (hex) => hex.toLowerCase()), 'allow'),
    value('tok-all-encoded', percentEncodeAll(plain), 'allow'),
    value('tok-encoded-dot', wire.replace('.', '%2E'), 'allow'),
    value('tok-double-encoded', encodeURIComponent(wire), 'deny'),
    value('tok-space-for-plus', plain.replaceAll('+', ' '), 'deny'),
    value('tok-tampered-sig', replaceAt(plain, TOKEN.length + 1, 'A'), 'deny'),
    value('tok-tampered-token', replaceAt(plain, 0, 'A'), 'deny'),
    value('tok-no-signature', TOKEN, 'deny'),
    value('tok-empty-signature', `${TOKEN}.`, 'deny'),
    value('tok-empty-token', `.${signature}`, 'deny'),
    value('tok-empty', '', 'deny'),
    value('tok-dot-only', '.', 'deny'),
    value('tok-second-signature', `${plain}.${signature}`, 'deny'),
    signed('tok-no-pad', signature.slice(0, -1), 'deny'),
    signed('tok-double-pad', `${signature.slice(0, 42)}==`, 'deny'),
    signed('tok-extra-pad', `${signature}=`, 'deny'),
    signed('tok-urlsafe-sig', signature.replaceAll('+', '-').replaceAll('/', '_'), 'deny'),
    signed('tok-sig-inner-spaces', `${signature.slice(0, 39)}    =`, 'deny'),
    signed('tok-sig-hex', Buffer.from(signature, 'base64').toString('hex'), 'deny'),
    ...[1, 2, 3].map((bits) => signed(`tok-loose-bits-${bits}`, withLast(last ^ bits), 'allow')),
    signed('tok-loose-bits-4', withLast(last ^ 4), 'deny'),
    value('tok-bad-pct', `${wire}%`, 'deny'),
    value('tok-bad-pct-unencoded', `${plain}%zz`, 'deny'),
    value('tok-truncated-pct', wire.slice(0, -1), 'deny'),
  ];
}

// How the value is found in the header.
function parsingCases(wire, plain) {
  const good = `${NAME}=${wire}`;
  const bad = `${NAME}=${TOKEN}.${'A'.repeat(43)}%3D`;
  const line = (name, cookie, expect) => ({ name, cookies: [cookie], expect });
  return [
    { name: 'tok-no-cookie', cookies: [], expect: 'deny' },
    line('tok-empty-header', '', 'deny'),
    line('tok-other-cookies-only', 'theme=dark; lang=en', 'deny'),
    line('tok-between-others', `theme=dark; ${good}; lang=en`, 'allow'),
    line('tok-no-space-between', `theme=dark;${good};lang=en`, 'allow'),
    line('tok-many-others', `${Array.from({ length: 150 }, (_, i) => `c${i}=${i}`).join('; ')}; ${good}`, 'allow'),
    line('tok-proto-name-beside', `__proto__=x; constructor=y; ${good}`, 'allow'),
    line('tok-version-attribute', `$Version=1; ${good}; $Path=/`, 'allow'),
    line('tok-valueless-before', `theme; ${good}`, 'allow'),
    line('tok-valueless-twice-before', `theme; lang; ${good}`, 'allow'),
    line('tok-valueless-after', `${good}; theme`, 'allow'),
    line('tok-valueless-name-first', `${NAME}; ${good}`, 'allow'),
    line('tok-empty-segments', `;; ; ${good};;`, 'allow'),
    line('tok-nameless-before', `=x; ${good}`, 'allow'),
    line('tok-dup-good-first', `${good}; ${bad}`, 'allow'),
    line('tok-dup-bad-first', `${bad}; ${good}`, 'deny'),
    line('tok-dup-empty-first', `${NAME}=; ${good}`, 'deny'),
    line('tok-dup-spaced-name-first', `${NAME} =x; ${good}`, 'deny'),
    { name: 'tok-dup-two-headers', cookies: [bad, good], expect: 'deny' },
    { name: 'tok-dup-two-headers-good-first', cookies: [good, bad], expect: 'allow' },
    { name: 'tok-two-headers', cookies: ['theme=dark', good], expect: 'allow' },
    { name: 'tok-three-headers', cookies: ['theme=dark', good, 'lang=en'], expect: 'allow' },
    { name: 'tok-two-headers-valueless-first', cookies: ['theme', good], expect: 'allow' },
    { name: 'tok-two-headers-empty-first', cookies: ['', good], expect: 'allow' },
    { name: 'tok-split-over-headers', cookies: [good.slice(0, 50), good.slice(50)], expect: 'deny' },
    line('tok-dash-name', `better-auth-session_token=${wire}`, 'deny'),
    line('tok-case-name', `Better-Auth.Session_Token=${wire}`, 'deny'),
    line('tok-encoded-name', `better-auth%2Esession_token=${wire}`, 'deny'),
    line('tok-quoted-name', `"${NAME}"=${wire}`, 'deny'),
    line('tok-longer-name', `x${NAME}=${wire}`, 'deny'),
    line('tok-name-with-suffix', `${NAME}2=${wire}`, 'deny'),
    line('tok-chunk-name', `${NAME}.0=${wire}`, 'deny'),
    line('tok-ws-name', `theme=dark;\t ${NAME} \t=${wire}`, 'allow'),
    line('tok-ws-value', `${NAME}= \t${wire} \t; theme=dark`, 'allow'),
    line('tok-ws-inside-value', `${NAME}=${TOKEN} ${wire.slice(TOKEN.length)}`, 'deny'),
    line('tok-nbsp', `${NAME}=\u00a0${wire}\u00a0`, 'allow'),
    line('tok-nbsp-name', `\u00a0${NAME}\u00a0=${wire}`, 'allow'),
    line('tok-nel', `${NAME}=\u0085${wire}`, 'deny'),
    line('tok-double-equals', `${NAME}==${wire}`, 'deny'),
    line('tok-quoted', `${NAME}="${wire}"`, 'allow'),
    line('tok-quoted-raw', `${NAME}="${plain}"`, 'allow'),
    line('tok-quoted-ws-outside', `${NAME}= "${wire}" `, 'allow'),
    line('tok-quoted-ws-inside', `${NAME}=" ${wire} "`, 'deny'),
    line('tok-quoted-twice', `${NAME}=""${wire}""`, 'deny'),
    line('tok-quoted-empty', `${NAME}=""`, 'deny'),
    line('tok-quoted-semicolon', `${NAME}="${wire};"`, 'deny'),
    line('tok-quote-leading-junk', `${NAME}="${wire}X`, 'allow'),
    line('tok-quote-leading-only', `${NAME}="${wire}`, 'deny'),
    line('tok-quote-trailing-only', `${NAME}=${wire}"`, 'deny'),
    line('tok-quote-alone', `${NAME}="`, 'deny'),
    line('tok-quote-encoded', `${NAME}=%22${wire}%22`, 'deny'),
    line('tok-single-quoted', `${NAME}='${wire}'`, 'deny'),
    line('tok-comma-joined', `theme=dark,${good}`, 'deny'),
    line('tok-comma-joined-after', `${good},theme=dark`, 'deny'),
  ];
}

// Tokens that Better Auth would not make by itself, but verifies and finds all the same.
async function tokenCases() {
  const stored = async (name, token, expect, row = withToken(token)) =>
    ({ name, row, cookies: [`${NAME}=${await sign(token)}`], expect });
  const unencoded = async (name, token, expect) =>
    ({ name, row: withToken(token), cookies: [`${NAME}=${decodeURIComponent(await sign(token))}`], expect });
  const asUtf8Bytes = async (name, token) => {
    const value = latin1(decodeURIComponent(await sign(token)));
    return { name, row: withToken(token), cookies: [`${NAME}=${value}`], expect: 'deny' };
  };
  return Promise.all([
    stored('tok-dotted-token', 'one.two.three', 'allow'),
    stored('tok-dot-first', '.token', 'allow'),
    stored('tok-dot-last', 'token.', 'allow'),
    stored('tok-dot-token', '.', 'allow'),
    stored('tok-one-character', 'x', 'allow'),
    stored('tok-space-token', 'one two', 'allow'),
    stored('tok-edge-spaces-token', ' token ', 'allow'),
    stored('tok-quote-token', '"token"', 'allow'),
    stored('tok-semicolon-token', 'one;two=three', 'allow'),
    stored('tok-percent-token', '100%25', 'allow'),
    stored('tok-crlf-token', 'one\r\ntwo', 'allow'),
    stored('tok-sql-token', "' or '1'='1", 'allow'),
    stored('tok-sql-unknown', "' or '1'='1", 'deny', LIVE),
    stored('tok-nul-suffix', `${TOKEN}\0x`, 'deny', LIVE),
    stored('tok-case-token', TOKEN.toLowerCase(), 'deny', LIVE),
    stored('tok-trailing-space-token', `${TOKEN} `, 'deny', LIVE),
    stored('tok-like-wildcard', '%', 'deny', LIVE),
    stored('tok-unicode-token', 'Größe-秘密-🔑', 'allow'),
    stored('tok-unicode-edge-spaces', '\u2003token\ufeff', 'allow'),
    stored('tok-unicode-decomposed', 'Gro\u0308ße', 'deny', withToken('Größe')),
    stored('tok-long-255', 'a1'.repeat(127) + 'z', 'allow'),
    stored('tok-long-4096', 'Qx7.'.repeat(1024), 'allow'),
    stored('tok-long-12000', 'Jk3'.repeat(4000), 'allow'),
    unencoded('tok-latin1-raw', 'caf\u00e9', 'allow'),
    unencoded('tok-latin1-raw-high', '\u0080\u009f\u00ff', 'allow'),
    unencoded('tok-bad-pct-token', '100%zz', 'allow'),
    unencoded('tok-bad-utf8-pct', 'token%FF', 'allow'),
    unencoded('tok-bad-utf8-pct-overlong', 'token%C0%AF', 'allow'),
    unencoded('tok-bad-utf8-pct-surrogate', 'token%ED%A0%80', 'allow'),
    unencoded('tok-bad-utf8-pct-truncated', 'token%E2%82', 'allow'),
    unencoded('tok-pct-u-token', 'token%u00e9', 'allow'),
    asUtf8Bytes('tok-utf8-raw-bytes', 'café'),
    asUtf8Bytes('tok-utf8-raw-bytes-astral', '🔑'),
  ]);
}

// Other cookies that Better Auth signs with the same key and no word of their purpose.
async function replayCases(wire) {
  const good = `${NAME}=${wire}`;
  const remembered = await sign('true');
  const admin = await sign(`${TOKEN}:`);
  const multiName = `${NAME}_multi-${TOKEN.toLowerCase()}`;
  const line = (name, cookie, expect, row = LIVE) => ({ name, row, cookies: [cookie], expect });
  return [
    line('tok-dont-remember-as-session', `${NAME}=${remembered}`, 'deny'),
    line('tok-dont-remember-as-session-found', `${NAME}=${remembered}`, 'allow', withToken('true')),
    line('tok-with-dont-remember', `${good}; better-auth.dont_remember=${remembered}`, 'allow'),
    line('tok-with-forged-dont-remember', `${good}; better-auth.dont_remember=true.forged`, 'allow'),
    line('tok-dont-remember-only', `better-auth.dont_remember=${remembered}`, 'deny'),
    line('tok-with-session-data', `${good}; better-auth.session_data=garbage`, 'allow'),
    line('multi-cookie-only', `${multiName}=${wire}`, 'deny'),
    line('multi-cookie-replayed', `${multiName}=x; ${good}`, 'allow'),
    line('adm-cookie-as-session', `${NAME}=${admin}`, 'deny'),
  ];
}

async function secretCases(wire) {
  const current = async (name, secret, expect, options = { secret }) =>
    ({ name, options, cookies: [`${NAME}=${await sign(TOKEN, secret)}`], expect });
  const highestFirst = [{ version: 2, value: OTHER_SECRET }, { version: 1, value: SECRET }];
  const lowestFirst = [{ version: 1, value: OTHER_SECRET }, { version: 2, value: SECRET }];
  const environment = { BETTER_AUTH_SECRETS: `2:${OTHER_SECRET}, 1:${SECRET}` };
  return Promise.all([
    current('sec-other', OTHER_SECRET, 'deny', {}),
    current('sec-long-unicode', LONG_UNICODE_SECRET, 'allow'),
    current('sec-64-bytes', 'k7Qz'.repeat(16), 'allow'),
    current('sec-65-bytes', `${'k7Qz'.repeat(16)}!`, 'allow'),
    current('sec-edge-spaces', ` ${OTHER_SECRET}\n`, 'allow'),
    current('sec-edge-spaces-trimmed', OTHER_SECRET, 'deny', { secret: ` ${OTHER_SECRET}\n` }),
    current('sec-array-current', OTHER_SECRET, 'allow', { secrets: highestFirst }),
    current('sec-array-order', OTHER_SECRET, 'allow', { secrets: lowestFirst }),
    current('sec-array-old', SECRET, 'deny', { secrets: lowestFirst }),
    current('sec-array-legacy', LONG_UNICODE_SECRET, 'deny', { secret: LONG_UNICODE_SECRET, secrets: lowestFirst }),
    { ...(await current('sec-env-secrets', OTHER_SECRET, 'allow', { secret: '' })), environment },
    { ...(await current('sec-env-secrets-beats-option', OTHER_SECRET, 'allow', {})), environment },
    { name: 'sec-env-secrets-option-signed', options: {}, environment, cookies: [`${NAME}=${wire}`], expect: 'deny' },
  ]);
}

function nameCases(wire) {
  const named = (name, advanced, cookieName, expect) =>
    ({ name, options: { advanced }, cookies: [`${cookieName}=${wire}`], expect });
  const secure = (advanced) => ({ ...advanced, useSecureCookies: true });
  const prefix = { cookiePrefix: 'myapp' };
  const sid = { cookies: { session_token: { name: 'sid' } } };
  const hostSid = { cookies: { session_token: { name: '__Host-sid' } } };
  return [
    named('pfx-secure', secure(), `__Secure-${NAME}`, 'allow'),
    named('pfx-secure-missing', secure(), NAME, 'deny'),
    named('pfx-secure-unexpected', { useSecureCookies: false }, `__Secure-${NAME}`, 'deny'),
    named('pfx-secure-case', secure(), `__secure-${NAME}`, 'deny'),
    named('pfx-host-unexpected', secure(), `__Host-${NAME}`, 'deny'),
    named('pfx-custom-prefix', prefix, 'myapp.session_token', 'allow'),
    named('pfx-custom-prefix-default-name', prefix, NAME, 'deny'),
    named('pfx-custom-prefix-secure', secure(prefix), '__Secure-myapp.session_token', 'allow'),
    named('pfx-custom-name', { ...prefix, ...sid }, 'sid', 'allow'),
    named('pfx-custom-name-default-name', sid, NAME, 'deny'),
    named('pfx-custom-name-secure', secure(sid), '__Secure-sid', 'allow'),
    named('pfx-host', { ...hostSid, useSecureCookies: false }, '__Host-sid', 'allow'),
    named('pfx-host-secure', secure(hostSid), '__Secure-__Host-sid', 'allow'),
    named('pfx-host-secure-plain', secure(hostSid), '__Host-sid', 'deny'),
    {
      name: 'pfx-secure-both-plain-good',
      options: SECURE,
      cookies: [`${NAME}=${wire}; __Secure-${NAME}=x`],
      expect: 'deny',
    },
  ];
}

// What the SQLite column may hold, and when Better Auth takes it for over.
async function rowCases(wire) {
  const stored = (name, storedExpiry, expect) =>
    ({ name, row: { ...LIVE, storedExpiry }, cookies: [`${NAME}=${wire}`], expect });
  // Both sides of now, for one side alone cannot tell a date that is read from one that is not.
  const pair = (name, future, past) => [stored(name, future), stored(`${name}-expired`, past)];
  return [
    stored('row-expired-1ms', new Date(NOW - 1).toISOString(), 'deny'),
    stored('row-expires-now', new Date(NOW).toISOString(), 'allow'),
    stored('row-expires-in-1ms', new Date(NOW + 1).toISOString(), 'allow'),
    stored('row-numeric-ms', NOW + DAY, 'allow'),
    stored('row-numeric-ms-now', NOW, 'allow'),
    stored('row-numeric-ms-expired', NOW - 1, 'deny'),
    stored('row-numeric-sec', Math.floor((NOW + DAY) / 1000), 'deny'),
    stored('row-numeric-fraction-expired', NOW - 0.5),
    stored('row-numeric-fraction', NOW + 0.5),
    stored('row-numeric-text', String(NOW + DAY)),
    stored('row-numeric-zero', 0, 'deny'),
    stored('row-numeric-negative', -1, 'deny'),
    stored('row-numeric-beyond-dates', 8.64e15 + 1),
    stored('row-offset-date', '2026-01-15T13:00:00.124+01:00', 'allow'),
    stored('row-offset-date-expired', '2026-01-15T13:00:00.122+01:00', 'deny'),
    ...pair('row-offset-west', '2026-01-15T07:00:00.124-05:00', '2026-01-15T07:00:00.122-05:00'),
    ...pair('row-offset-no-colon', '2026-01-15T13:00:00.124+0100', '2026-01-15T13:00:00.122+0100'),
    stored('row-date-only', '2026-01-16', 'allow'),
    stored('row-date-only-today', '2026-01-15', 'deny'),
    ...pair('row-sql-datetime', '2026-01-15 12:00:01', '2026-01-15 11:59:59'),
    ...pair('row-sql-datetime-ms', '2026-01-15 12:00:00.124', '2026-01-15 12:00:00.122'),
    ...pair('row-sql-datetime-offset', '2026-01-15 13:00:01+01:00', '2026-01-15 12:59:59+01:00'),
    ...pair('row-sql-datetime-short-offset', '2026-01-15 13:00:01+01', '2026-01-15 12:59:59+01'),
    ...pair('row-sql-datetime-utc', '2026-01-15 12:00:01 UTC', '2026-01-15 11:59:59 UTC'),
    ...pair('row-no-zone', '2026-01-15T12:00:01', '2026-01-15T11:59:59'),
    ...pair('row-no-seconds', '2026-01-15T12:01Z', '2026-01-15T11:59Z'),
    ...pair('row-no-fraction', '2026-01-15T12:00:01Z', '2026-01-15T12:00:00Z'),
    ...pair('row-short-fraction', '2026-01-15T12:00:00.2Z', '2026-01-15T12:00:00.1Z'),
    ...pair('row-microseconds', '2026-01-15T12:00:00.123999Z', '2026-01-15T12:00:00.122999Z'),
    ...pair('row-comma-fraction', '2026-01-15T12:00:00,124Z', '2026-01-15T12:00:00,122Z'),
    ...pair('row-lower-case', '2026-01-16t00:00:00z', '2026-01-14t00:00:00z'),
    ...pair('row-edge-spaces', ' 2026-01-16T00:00:00.000Z ', ' 2026-01-14T00:00:00.000Z '),
    ...pair('row-trailing-junk', '2026-01-16T00:00:00.000Zx', '2026-01-14T00:00:00.000Zx'),
    ...pair('row-hour-24', '2026-01-15T24:00:00.000Z', '2026-01-14T24:00:00.000Z'),
    ...pair('row-no-such-day', '2026-02-30T00:00:00.000Z', '2025-02-30T00:00:00.000Z'),
    ...pair('row-no-such-month', '2026-13-01T00:00:00.000Z', '2025-13-01T00:00:00.000Z'),
    ...pair('row-six-digit-year', '+010000-01-01T00:00:00.000Z', '-000001-01-01T00:00:00.000Z'),
    ...pair('row-month-only', '2026-02', '2026-01'),
    ...pair('row-slashes', '2026/01/16', '2026/01/14'),
    ...pair('row-http-date', 'Fri, 16 Jan 2026 00:00:00 GMT', 'Wed, 14 Jan 2026 00:00:00 GMT'),
    ...pair('row-js-date-text', 'Fri Jan 16 2026 00:00:00 GMT+0000', 'Wed Jan 14 2026 00:00:00 GMT+0000'),
    stored('row-far-future', '9999-12-31T23:59:59.999Z', 'allow'),
    stored('row-year-zero', '0000-00-00 00:00:00'),
    stored('row-null-expires', null, 'deny'),
    stored('row-empty-expires', ''),
    stored('row-garbage-date', 'garbage', 'allow'),
    stored('row-infinity-date', 'infinity'),
    { name: 'row-orphan', row: { ...LIVE, orphan: true }, cookies: [`${NAME}=${wire}`], expect: 'deny' },
    { name: 'row-none', row: null, cookies: [`${NAME}=${wire}`], expect: 'deny' },
    { name: 'row-unknown-token', cookies: [`${NAME}=${await sign('unknown')}`], expect: 'deny' },
  ];
}

function substitutionCases(plain) {
  return [...plain].map((character, index) => ({
    name: `flip-${index}`,
    cookies: [`${NAME}=${replaceAt(plain, index, character === 'x' ? 'y' : 'x')}`],
  }));
}

function truncationCases(wire) {
  return Array.from({ length: wire.length + 1 }, (_, length) => ({
    name: `cut-${length}`,
    cookies: [`${NAME}=${wire.slice(0, length)}`],
  }));
}

// Away from the inner letters of the value, where substitutionCases shows that every change is fatal.
function mutationCases(wire) {
  const mutantsOf = (name, count, seed) => {
    const line = `theme=dark; ${name}=${wire}; lang=en`;
    const start = line.indexOf(wire);
    const atStake = (index) => index < start + 2 || index >= start + wire.length - 2 || '%.'.includes(line[index]);
    return mutations(line, [...line].map((_, index) => index).filter(atStake), count, seed);
  };
  return [
    ...mutantsOf(NAME, 240, 1).map((line, index) => ({ name: `mutation-${index}`, cookies: [line] })),
    ...mutantsOf(`__Secure-${NAME}`, 60, 2)
      .map((line, index) => ({ name: `mutation-secure-${index}`, options: SECURE, cookies: [line] })),
  ];
}

export function settingsCases() {
  const cases = [];
  for (const base_url of ['http://app.example.com', 'https://app.example.com']) {
    for (const use_secure_cookies of [null, true, false]) {
      for (const cookie_prefix of [null, 'myapp']) {
        for (const cookie_name of [null, 'sid', '__Host-sid']) {
          cases.push({ cookie_prefix, cookie_name, use_secure_cookies, base_url });
        }
      }
    }
  }
  return cases;
}

export function signInCases() {
  const secrets = [{ version: 2, value: OTHER_SECRET }, { version: 1, value: SECRET }];
  return [
    { name: 'plain-1', options: {} },
    { name: 'plain-2', options: {} },
    { name: 'plain-3', options: {} },
    { name: 'dont-remember', options: {}, rememberMe: false },
    { name: 'secure', options: SECURE },
    { name: 'https', options: { baseURL: 'https://app.example.com' } },
    { name: 'custom-prefix', options: { advanced: { cookiePrefix: 'myapp' } } },
    { name: 'custom-name', options: { advanced: { cookies: { session_token: { name: 'sid' } } } } },
    { name: 'secret-64-bytes', options: { secret: 'k7Qz'.repeat(16) } },
    { name: 'secret-65-bytes', options: { secret: `${'k7Qz'.repeat(16)}!` } },
    { name: 'secret-long-unicode', options: { secret: LONG_UNICODE_SECRET } },
    { name: 'secrets-array', options: { secrets } },
    { name: 'secrets-array-secure', options: { ...SECURE, secrets } },
  ];
}

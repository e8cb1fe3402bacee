// The cookies of the cookie cache, `session_data`, that mint.mjs shows to Better Auth while no session is stored.
// `expect` is what reading Better Auth's source promises; a case without it records whatever is answered.

import { compactCases, dateCases, payloadCases } from './cache-content-cases.mjs';
import {
  DAY, LEGACY_SECRET, NAME, OLD_SECRET, SESSION, TOKEN, TOKEN_NAME, USER, claimsOf, compact, jwe, jws, replaceAt,
} from './cache-cookies.mjs';
import { jweCases, jwksCases, jwtCases, rotatedCases } from './cache-jose-cases.mjs';
import { mutations } from './mutations.mjs';
import { NOW, SECRET, sign } from './oracle.mjs';

const cached = (strategy, more = {}, top = {}) =>
  ({ session: { cookieCache: { enabled: true, strategy, ...more } }, ...top });
const STATELESS = { database: undefined };
const JWKS = {
  jwtPlugin: { sessionCookieCache: true, jwks: { disablePrivateKeyEncryption: true } },
  ...cached('jwt'),
};

const SECRETS = [{ version: 3, value: SECRET }, { version: 2, value: OLD_SECRET }];
const ROTATED = { secret: LEGACY_SECRET, secrets: SECRETS };

const pairs = (cookies) => cookies.map(([name, value]) => `${name}=${value}`).join('; ');
const pieces = (text, count) => {
  const size = Math.ceil(text.length / count);
  return Array.from({ length: count }, (_, index) => text.slice(index * size, (index + 1) * size));
};

export async function cookieCacheCases(oracle) {
  const signed = `${TOKEN_NAME}=${await sign(TOKEN)}`;
  const build = (options) => (name, cookie, expect, more = {}) =>
    ({ name, options, expect, cookies: [`${signed}; ${cookie}`], ...more });
  const cases = [
    ...(await genuineCases(oracle, signed)),
    ...(await statelessCases(oracle, signed)),
    ...collectingCases(build(cached('compact')), signed),
    ...compactCases(build(cached('compact'))),
    ...payloadCases(build(cached('jwt'))),
    ...dateCases(build(cached('jwt'))),
    ...jwtCases(build(cached('jwt'))),
    ...jweCases(build(cached('jwe'))),
    ...rotatedCases(build(cached('jwe', {}, ROTATED))),
    ...(await jwksCases(oracle, build(JWKS))),
    ...mutationCases(build),
  ];
  const names = cases.map(({ name }) => name);
  const twice = names.filter((name, index) => names.indexOf(name) !== index);
  if (twice.length > 0) throw new Error(`two cases have one name: ${twice}`);
  return cases;
}

// What Better Auth wrote itself, in each strategy.
async function genuineCases(oracle, signed) {
  const cases = [];
  const strategies = { compact: cached('compact'), jwt: cached('jwt'), jwe: cached('jwe'), jwks: JWKS };
  for (const [strategy, options] of Object.entries(strategies)) {
    const mint = async (name, expect, question = {}) => {
      const { token = signed, writer = options, reader = options, edit = (all) => all, ...content } = question;
      const minted = await oracle.cacheCookies({ options: writer, session: SESSION, user: USER, ...content });
      const cookies = [[token, pairs(edit(minted))].filter(Boolean).join('; ')];
      cases.push({ name: `cc-${strategy}-${name}`, options: reader, cookies, expect });
    };
    const last = (cookies, change) =>
      cookies.map(([name, value]) => [name, value.slice(0, -20) + change(value.slice(-20))]);
    const versioned = { ...options, session: { cookieCache: { ...options.session.cookieCache, version: '2' } } };
    const other = (session) => ({ session: { ...SESSION, ...session } });
    const secure = { ...options, advanced: { useSecureCookies: true } };
    const secureSigned = signed.replace(TOKEN_NAME, `__Secure-${TOKEN_NAME}`);

    await mint('valid', 'allow');
    await mint('no-token', 'deny', { token: '' });
    await mint('other-token', 'deny', { token: `${TOKEN_NAME}=${await sign('Qk3vQ8mN1pXrT6yLw0cHdB9sJgAeUfIo')}` });
    await mint('dont-remember', 'allow', { token: `${signed}; better-auth.dont_remember=${await sign('true')}` });
    await mint('tampered', 'deny', {
      edit: (cookies) => last(cookies, (end) => replaceAt(end, 3, end[3] === 'A' ? 'B' : 'A')),
    });
    await mint('last-byte-lost', 'deny', { edit: (cookies) => last(cookies, (end) => end.slice(0, -2)) });
    await mint('version', 'deny', { reader: versioned });
    await mint('fresh-299s', 'allow', { at: NOW - 299_000 });
    // 300 seconds are the age that Better Auth gives it, and a JWT counts them from the whole second.
    await mint('boundary', strategy === 'compact' ? 'allow' : 'deny', { at: NOW - 300_000 });
    await mint('boundary-1ms', 'deny', { at: NOW - 300_001 });
    await mint('skew10s', 'deny', { at: NOW - 310_000 });
    await mint('from-the-future', 'allow', { at: NOW + 60_000 });
    await mint('session-expires-now', 'allow', other({ expiresAt: new Date(NOW) }));
    await mint('session-expired', 'deny', other({ expiresAt: new Date(NOW - 1) }));
    await mint('session-expired-long-cache', 'deny', {
      ...other({ expiresAt: new Date(NOW - 1) }),
      at: NOW + 300_000_000,
    });
    await mint('unicode', 'allow', { user: { ...USER, name: 'Größe 秘密 🔑 "\\/\b\f\n\r\t\u0001\u007f\u2028\u2029' } });
    const numbers = [0, -0, 1.5, 1e21, 1e-7, 123456789012345680000, 2 ** 53 + 2, -1e300, 5e-324, 0.1 + 0.2, 4.35, 1e20];
    await mint('numbers', 'allow', { user: { ...USER, numbers } });
    await mint('more-fields', 'allow', {
      user: {
        ...USER, role: 'admin,user', banned: false, banExpires: null, tags: ['a', { b: [] }], empty: {},
        7: 'x', 10: 'y', '01': 'z',
      },
      session: { ...SESSION, activeOrganizationId: 'org_1', impersonatedBy: null, when: new Date(NOW - 1) },
    });
    await mint('upper-email', 'allow', { user: { ...USER, email: 'ADA.Lovelace@ÉXAMPLE.COM' } });
    await mint('chunked', 'allow', { user: { ...USER, image: `data:${'Zm9v'.repeat(1500)}` } });
    await mint('chunk-lost', 'deny', {
      user: { ...USER, image: `data:${'Zm9v'.repeat(1500)}` },
      edit: (cookies) => cookies.filter(([name]) => !name.endsWith('.1')),
    });
    await mint('versioned', 'allow', { writer: versioned, reader: versioned });
    await mint('secure', 'allow', { token: secureSigned, writer: secure, reader: secure });
    if (strategy !== 'jwks') {
      const [writer, reader] = [{ ...options, secret: OLD_SECRET }, { ...options, secrets: SECRETS }];
      await mint('rotated', strategy === 'jwe' ? 'allow' : 'deny', { writer, reader });
    }
  }
  return cases;
}

// Without a database the cookie is all there is.
async function statelessCases(oracle, signed) {
  const year = 365 * DAY;
  const mint = async (name, expect, { token = signed, options = STATELESS, ...content } = {}) => {
    const cookies = await oracle.cacheCookies({ options, session: SESSION, user: USER, ...content });
    return { name, options, expect, cookies: [`${token}; ${pairs(cookies)}`] };
  };
  const long = { ...SESSION, expiresAt: new Date(NOW + year) };
  return [
    await mint('sl-valid', 'allow'),
    await mint('sl-six-days', 'allow', { at: NOW - 6 * DAY }),
    await mint('sl-refresh', 'allow', { at: NOW - 6 * DAY - DAY / 2, session: long }),
    await mint('sl-cache-expired', 'deny', { at: NOW - 7 * DAY - 1, session: long }),
    await mint('sl-session-expired', 'deny', { session: { ...SESSION, expiresAt: new Date(NOW - 1) } }),
    { name: 'sl-token-only', options: STATELESS, cookies: [signed], expect: 'deny' },
    await mint('sl-compact', 'allow', { options: { ...STATELESS, ...cached('compact') } }),
  ];
}

// How the value is found in the header.
function collectingCases(build, signed) {
  const value = compact();
  const [first, second, third] = pieces(value, 3);
  const bad = replaceAt(value, 40, value[40] === 'A' ? 'B' : 'A');
  const chunk = (index, text) => `${NAME}.${index}=${text}`;
  const three = [chunk(0, first), chunk(1, second), chunk(2, third)];
  const spread = (...cookies) => cookies.join('; ');
  return [
    build('cch-ok', `${NAME}=${value}`, 'allow'),
    build('cch-none', 'theme=dark', 'deny'),
    build('cch-empty', `${NAME}=`, 'deny'),
    build('cch-base-dup', `${NAME}=${value}; ${NAME}=${bad}`, 'allow'),
    build('cch-base-dup-bad-first', `${NAME}=${bad}; ${NAME}=${value}`, 'deny'),
    build('cch-base-quoted', `${NAME}="${value}"`, 'allow'),
    build('cch-base-encoded', `${NAME}=%65${value.slice(1)}`, 'allow'),
    build('cch-base-double-encoded', `${NAME}=%2565${value.slice(1)}`),
    build('cch-chunks', spread(...three), 'allow'),
    build('cch-chunk-one', chunk(0, value), 'allow'),
    build('cch-chunk-one-high', chunk(9_007_199_254_740_991, value), 'allow'),
    build('cch-chunk-one-too-high', chunk('9007199254740992', value), 'deny'),
    build('cch-chunk-order', spread(three[2], three[0], three[1]), 'allow'),
    build('cch-chunk-gap', spread(chunk(2, first), chunk(7, second), chunk(10, third)), 'allow'),
    build('cch-chunk-dup', spread(chunk(0, bad), chunk(0, value)), 'allow'),
    build('cch-chunk-dup-bad-last', spread(chunk(0, value), chunk(0, bad)), 'deny'),
    build('cch-chunk-dup-ill-formed-last', spread(chunk(0, value), chunk(0, 'a"b')), 'allow'),
    build('cch-chunk-dup-empty-last', spread(...three, chunk(2, '')), 'deny'),
    build('cch-chunk-and-base', spread(`${NAME}=${value}`, chunk(0, bad)), 'allow'),
    build('cch-chunk-and-bad-base', spread(`${NAME}=${bad}`, chunk(0, value)), 'deny'),
    build('cch-chunk-and-empty-base', spread(`${NAME}=`, chunk(0, value)), 'allow'),
    build('cch-chunk-leading-zero', chunk('00', value), 'deny'),
    build('cch-chunk-signed', chunk('+0', value), 'deny'),
    build('cch-chunk-negative', chunk('-0', value), 'deny'),
    build('cch-chunk-exponent', chunk('1e0', value), 'deny'),
    build('cch-chunk-hex', chunk('0x0', value), 'deny'),
    build('cch-chunk-no-index', chunk('', value), 'deny'),
    build('cch-chunk-two-dots', chunk('0.0', value), 'deny'),
    build('cch-chunk-quoted', spread(chunk(0, `"${first}"`), chunk(1, second + third)), 'allow'),
    build('cch-chunk-quote-leading-only', spread(chunk(0, `"${first}`), chunk(1, second + third)), 'deny'),
    build('cch-chunk-quote-alone', spread(chunk(0, value), chunk(1, '"')), 'allow'),
    build('cch-chunk-ws', ` \t${NAME}.0 \t= \t${value} \t`, 'allow'),
    build('cch-chunk-nbsp', chunk(0, `\u00a0${value}`), 'deny'),
    build('cch-chunk-nbsp-name', `\u00a0${chunk(0, value)}`, 'deny'),
    build('cch-chunk-ill-formed-name', `a b=1; ${chunk(0, value)}`, 'allow'),
    build('cch-chunk-valueless', `theme; ${chunk(0, value)}; lang`, 'allow'),
    build('cch-chunk-encoded', chunk(0, `%65${value.slice(1)}`), 'allow'),
    build('cch-chunk-bad-pct', spread(chunk(0, value), chunk(1, '%zz'))),
    build('cch-chunk-double-equals', chunk(0, `=${value}`)),
    build('cch-chunk-backslash', spread(chunk(0, value), chunk(1, 'a\\b')), 'allow'),
    build('cch-chunk-space', spread(chunk(0, first), chunk(1, `${second} ${third}`))),
    build('cch-chunk-other-name', `x${chunk(0, value)}`, 'deny'),
    build('cch-chunk-two-lines', '', 'allow', { cookies: [signed, chunk(1, second + third), chunk(0, first)] }),
    build('cch-chunk-many', spread(...pieces(value, 100).map((text, index) => chunk(index, text))), 'allow'),
    build('cch-chunk-101', spread(...pieces(value, 101).map((text, index) => chunk(index, text))), 'allow'),
    build('cch-chunk-proto', `__proto__=x; ${chunk(0, value)}`, 'allow'),
  ];
}

// Seeded damage.
function mutationCases(build) {
  const values = { compact: compact(), jwt: jws({ claims: claimsOf() }), jwe: jwe({}) };
  return Object.entries(values).flatMap(([strategy, value], seed) => {
    const line = `${NAME}=${value}`;
    const positions = [...line].map((_, index) => index);
    const made = build(cached(strategy));
    return mutations(line, positions, 20, 11 + seed)
      .map((mutant, index) => made(`cc-${strategy}-mutation-${index}`, mutant));
  });
}

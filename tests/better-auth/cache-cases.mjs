// The cookies of the cookie cache, `session_data`, that mint.mjs shows to Better Auth while no session is stored.
// `expect` is what reading Better Auth's source promises; a case without it records whatever is answered.
//
// Better Auth writes the genuine ones itself. The others are made here with the same secrets, for only what is signed
// right gets as far as the checks that come after the signature.

import { createCipheriv, createHash, createHmac, createPrivateKey, generateKeyPairSync, hkdfSync, sign as signWith }
  from 'node:crypto';
import { mutations } from './mutations.mjs';
import { NOW, ORIGIN, SECRET, sign } from './oracle.mjs';

const TOKEN = 'Zk3vQ8mN1pXrT6yLw0cHdB9sJgAeUfIo';
const TOKEN_NAME = 'better-auth.session_token';
const NAME = 'better-auth.session_data';
const DAY = 86_400_000;
const SECONDS = Math.floor(NOW / 1000);
const OLD_SECRET = 'another-secret-0123456789abcdef-0123456789';
const LEGACY_SECRET = 'legacy-secret-0123456789abcdef-0123456789';

const SESSION = {
  expiresAt: new Date(NOW + 7 * DAY),
  token: TOKEN,
  createdAt: new Date(NOW),
  updatedAt: new Date(NOW),
  ipAddress: '203.0.113.7',
  userAgent: 'curl/8',
  userId: 'usr_0000000000000000000000000001',
  id: 'ses_0000000000000000000000000001',
};
const USER = {
  name: 'Ada Lovelace',
  email: 'ada@example.com',
  emailVerified: true,
  image: null,
  createdAt: new Date(NOW - 30 * DAY),
  updatedAt: new Date(NOW - 30 * DAY),
  id: 'usr_0000000000000000000000000001',
};
const PAYLOAD = { session: SESSION, user: USER, updatedAt: NOW - 60_000, version: '1' };
const FRESH_UNTIL = NOW + 240_000;

const cached = (strategy, more = {}, top = {}) =>
  ({ session: { cookieCache: { enabled: true, strategy, ...more } }, ...top });
const STATELESS = { database: undefined };
const JWKS = {
  jwtPlugin: { sessionCookieCache: true, jwks: { disablePrivateKeyEncryption: true } },
  ...cached('jwt'),
};

const SECRETS = [{ version: 3, value: SECRET }, { version: 2, value: OLD_SECRET }];
const ROTATED = { secret: LEGACY_SECRET, secrets: SECRETS };

const base64url = (bytes) => Buffer.from(bytes).toString('base64url');
const replaceAt = (text, index, character) => text.slice(0, index) + character + text.slice(index + 1);
const pairs = (cookies) => cookies.map(([name, value]) => `${name}=${value}`).join('; ');
const pieces = (text, count) => {
  const size = Math.ceil(text.length / count);
  return Array.from({ length: count }, (_, index) => text.slice(index * size, (index + 1) * size));
};

// A copy of the payload with some fields replaced; those that are undefined are left out.
function payload({ session, user, ...top } = {}) {
  return { session: { ...SESSION, ...session }, user: { ...USER, ...user }, updatedAt: NOW - 60_000, version: '1', ...top };
}

function compactSignature(json, secret = SECRET) {
  return createHmac('sha256', secret).update(json).digest('base64url');
}

// `signed` is the text that the signature is of; it need not be what `text` says.
function compactText({ payload: content = PAYLOAD, expiresAt = FRESH_UNTIL, secret } = {}) {
  const signature = compactSignature(JSON.stringify({ ...content, expiresAt }), secret);
  return JSON.stringify({ session: content, expiresAt, signature });
}

const compact = (parts) => base64url(compactText(parts));

function jws({ header = { alg: 'HS256' }, claims, claimsText = JSON.stringify(claims), secret = SECRET, hash = 'sha256' }) {
  const input = `${base64url(JSON.stringify(header))}.${base64url(claimsText)}`;
  return `${input}.${createHmac(hash, secret).update(input).digest('base64url')}`;
}

const claimsOf = (content = PAYLOAD, more = {}) => ({ ...content, iat: SECONDS - 60, exp: SECONDS + 240, ...more });

function jweKey(secret) {
  const key = hkdfSync('sha256', secret, 'better-auth-session', 'BetterAuth.js Generated Encryption Key', 64);
  return Buffer.from(key);
}

function thumbprint(key) {
  return createHash('sha256').update(JSON.stringify({ k: base64url(key), kty: 'oct' })).digest('base64url');
}

const IV = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');

function jwe({
  secret = SECRET, key = jweKey(secret), kid = thumbprint(key), header = {}, claims = claimsOf(),
  claimsText = JSON.stringify(claims), iv = IV, tagBytes = 32, encryptedKey = '', wreckTag = false, wreckPadding = false,
}) {
  const protectedHeader = base64url(JSON.stringify({ alg: 'dir', enc: 'A256CBC-HS512', kid, ...header }));
  const cipher = createCipheriv('aes-256-cbc', key.subarray(32), iv.subarray(0, 16));
  let plain = Buffer.from(claimsText);
  if (wreckPadding) {
    cipher.setAutoPadding(false);
    plain = Buffer.concat([plain, Buffer.alloc(16 - (plain.length % 16), 0xee)]);
  }
  const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()]);
  const bits = Buffer.alloc(8);
  bits.writeBigUInt64BE(BigInt(protectedHeader.length * 8));
  const mac = createHmac('sha512', key.subarray(0, 32)).update(protectedHeader).update(iv).update(ciphertext).update(bits);
  const tag = mac.digest().subarray(0, tagBytes);
  if (wreckTag) tag[0] ^= 1;
  return [protectedHeader, encryptedKey, base64url(iv), base64url(ciphertext), base64url(tag)].join('.');
}

function gcm(keyPart) {
  const key = jweKey(SECRET);
  const protectedHeader = base64url(JSON.stringify({ alg: 'dir', enc: 'A256GCM', kid: thumbprint(key) }));
  const iv = IV.subarray(0, 12);
  const cipher = createCipheriv('aes-256-gcm', keyPart(key), iv).setAAD(Buffer.from(protectedHeader));
  const ciphertext = Buffer.concat([cipher.update(JSON.stringify(claimsOf())), cipher.final()]);
  return [protectedHeader, '', base64url(iv), base64url(ciphertext), base64url(cipher.getAuthTag())].join('.');
}

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
      const { token = signed, reader = options, edit = (cookies) => cookies, ...content } = question;
      const minted = await oracle.cacheCookies({ options, session: SESSION, user: USER, ...content });
      const cookies = [[token, pairs(edit(minted))].filter(Boolean).join('; ')];
      cases.push({ name: `cc-${strategy}-${name}`, options: reader, cookies, expect });
    };
    const last = (cookies, change) =>
      cookies.map(([name, value]) => [name, value.slice(0, -20) + change(value.slice(-20))]);
    const versioned = (version) => ({ ...options, session: { cookieCache: { ...options.session.cookieCache, version } } });
    const other = (session) => ({ session: { ...SESSION, ...session } });
    const secure = { ...options, advanced: { useSecureCookies: true } };
    const secureSigned = signed.replace(TOKEN_NAME, `__Secure-${TOKEN_NAME}`);

    await mint('valid', 'allow');
    await mint('no-token', 'deny', { token: '' });
    await mint('other-token', 'deny', { token: `${TOKEN_NAME}=${await sign('Qk3vQ8mN1pXrT6yLw0cHdB9sJgAeUfIo')}` });
    await mint('dont-remember', 'allow', { token: `${signed}; better-auth.dont_remember=${await sign('true')}` });
    await mint('tampered', 'deny', { edit: (cookies) => last(cookies, (end) => replaceAt(end, 3, end[3] === 'A' ? 'B' : 'A')) });
    await mint('last-byte-lost', 'deny', { edit: (cookies) => last(cookies, (end) => end.slice(0, -2)) });
    await mint('version', 'deny', { reader: versioned('2') });
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
      user: { ...USER, role: 'admin,user', banned: false, banExpires: null, tags: ['a', { b: [] }], empty: {}, 7: 'x', 10: 'y', '01': 'z' },
      session: { ...SESSION, activeOrganizationId: 'org_1', impersonatedBy: null, when: new Date(NOW - 1) },
    });
    await mint('upper-email', 'allow', { user: { ...USER, email: 'ADA.Lovelace@ÉXAMPLE.COM' } });
    await mint('chunked', 'allow', { user: { ...USER, image: `data:${'Zm9v'.repeat(1500)}` } });
    await mint('chunk-lost', 'deny', {
      user: { ...USER, image: `data:${'Zm9v'.repeat(1500)}` },
      edit: (cookies) => cookies.filter(([name]) => !name.endsWith('.1')),
    });
    cases.push({
      name: `cc-${strategy}-versioned`,
      options: versioned('2'),
      cookies: [`${signed}; ${pairs(await oracle.cacheCookies({ options: versioned('2'), session: SESSION, user: USER }))}`],
      expect: 'allow',
    });
    cases.push({
      name: `cc-${strategy}-secure`,
      options: secure,
      cookies: [`${secureSigned}; ${pairs(await oracle.cacheCookies({ options: secure, session: SESSION, user: USER }))}`],
      expect: 'allow',
    });
    if (strategy !== 'jwks') {
      const before = { ...options, secret: OLD_SECRET };
      const after = { ...options, secrets: SECRETS };
      const cookies = await oracle.cacheCookies({ options: before, session: SESSION, user: USER });
      cases.push({
        name: `cc-${strategy}-rotated`,
        options: after,
        cookies: [`${signed}; ${pairs(cookies)}`],
        expect: strategy === 'jwe' ? 'allow' : 'deny',
      });
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

// One text, spelt in other ways: Better Auth writes what it read anew before it checks the signature.
function compactCases(build) {
  const text = compactText();
  const value = base64url(text);
  const cookie = (name, encoded, expect) => build(name, `${NAME}=${encoded}`, expect);
  const edited = (name, from, to, expect) => {
    if (!text.includes(from)) throw new Error(`${name}: nothing to replace`);
    return cookie(name, base64url(text.replace(from, to)), expect);
  };
  const resigned = (name, content, expect, expiresAt) => cookie(name, compact({ payload: content, expiresAt }), expect);
  const signature = JSON.parse(text).signature;
  const withSignature = (name, other, expect) => edited(name, signature, other, expect);
  // Multiples of three bytes need no padding, two bytes less need one `=`.
  const padded = (name, spaces, tail, expect) => cookie(name, base64url(text + ' '.repeat(spaces)) + tail, expect);
  const spaces = (remainder) => (3 + remainder - (Buffer.byteLength(text) % 3)) % 3;
  // Standard base64 of a text that needs its two other characters.
  const richText = compactText({ payload: payload({ user: { name: '~~~???>>>ÿÿÿ' } }) });
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const looser = (text, bits) => replaceAt(text, text.length - 1, alphabet[alphabet.indexOf(text.at(-1)) ^ bits]);
  const reordered = { user: USER, session: SESSION, version: '1', updatedAt: NOW - 60_000 };
  return [
    edited('cch-whitespace', '{"session":{"session":', ' {\n\t"session" : {\r"session" :', 'allow'),
    edited('cch-no-break-space', '{"session":{"session":', '{"session":{\u00a0"session":', 'deny'),
    edited('cch-escapes', 'Ada', '\\u0041d\\u0061', 'allow'),
    edited('cch-escaped-slash', 'curl/8', 'curl\\/8', 'allow'),
    edited('cch-escaped-key', '"token"', '"tok\\u0065n"', 'allow'),
    edited('cch-number-forms', `"updatedAt":${NOW - 60_000}`, `"updatedAt":${NOW - 60_000}.0`, 'allow'),
    edited('cch-number-exponent', `"updatedAt":${NOW - 60_000}`, `"updatedAt":${(NOW - 60_000) / 1000}e3`, 'allow'),
    edited('cch-number-other', `"updatedAt":${NOW - 60_000}`, `"updatedAt":${NOW - 60_001}`, 'deny'),
    edited('cch-number-leading-zero', `"updatedAt":${NOW - 60_000}`, `"updatedAt":0${NOW - 60_000}`, 'deny'),
    edited('cch-expires-forms', `"expiresAt":${FRESH_UNTIL}`, `"expiresAt":${FRESH_UNTIL}.000`, 'allow'),
    edited('cch-expires-longer', `"expiresAt":${FRESH_UNTIL}`, `"expiresAt":${FRESH_UNTIL + 1}`, 'deny'),
    edited('cch-dup-keys', '"name":"Ada Lovelace"', '"name":"Grace","name":"Ada Lovelace"', 'allow'),
    edited('cch-dup-keys-wrong-last', '"name":"Ada Lovelace"', '"name":"Ada Lovelace","name":"Grace"', 'deny'),
    edited('cch-dup-session', '{"session":{"session":', '{"session":1,"session":{"session":', 'allow'),
    edited('cch-trailing-comma', '"version":"1"}', '"version":"1",}', 'deny'),
    edited('cch-outer-field', `"expiresAt":${FRESH_UNTIL}`, `"more":[1],"expiresAt":${FRESH_UNTIL}`, 'allow'),
    edited('cch-inner-field', '"version":"1"', '"version":"1","more":1', 'deny'),
    edited('cch-date-fewer-digits', '2026-01-22T12:00:00.123Z', '2026-01-22T12:00:00.1230Z', 'allow'),
    edited('cch-date-other', '2026-01-22T12:00:00.123Z', '2026-01-22T12:00:00.124Z', 'deny'),
    cookie('cch-bom', base64url(`\ufeff${text}`), 'allow'),
    cookie('cch-bom-twice', base64url(`\ufeff\ufeff${text}`), 'deny'),
    cookie('cch-bad-utf8', base64url(Buffer.concat([Buffer.from(text.slice(0, 80)), Buffer.from([0xff]), Buffer.from(text.slice(80))])), 'deny'),
    cookie('cch-replaced-utf8', badUtf8Cookie(), 'allow'),
    cookie('cch-trailing-text', base64url(`${text}x`), 'deny'),
    cookie('cch-null', base64url('null'), 'deny'),
    cookie('cch-nonjson', base64url('not json'), 'deny'),
    cookie('cch-array', base64url(`[${text}]`), 'deny'),
    cookie('cch-string', base64url(JSON.stringify(text)), 'deny'),
    cookie('cch-empty-object', base64url('{}'), 'deny'),
    cookie('cch-session-array', base64url(JSON.stringify({ session: [], expiresAt: FRESH_UNTIL, signature })), 'deny'),
    cookie('cch-deep', base64url('['.repeat(300) + ']'.repeat(300)), 'deny'),
    cookie('cch-garbage', 'not%20base64!', 'error'),
    cookie('cch-garbage-non-ascii', `%C3%A9${value}`, 'error'),
    cookie('cch-mixed-alphabets', `${base64url(richText)}+/`, 'error'),
    cookie('cch-standard-b64', encodeURIComponent(Buffer.from(richText).toString('base64')), 'allow'),
    cookie('cch-urlsafe-b64', base64url(richText), 'allow'),
    cookie('cch-spare-character', `${padSafe(text)}A`, 'allow'),
    cookie('cch-spare-character-illegal', `${padSafe(text)}!`, 'error'),
    padded('cch-padded', spaces(2), '=', 'allow'),
    padded('cch-padded-too-much', spaces(2), '====', 'allow'),
    padded('cch-trailing-after-pad', spaces(2), '=anything!%20', 'allow'),
    padded('cch-trailing-after-pad-dash', spaces(2), '=-'),
    padded('cch-loose-bits', spaces(0), '', 'allow'),
    cookie('cch-loose-bits-1', looser(base64url(text + ' '.repeat(spaces(1))), 1), 'allow'),
    cookie('cch-inner-space', `${value.slice(0, 40)}%20${value.slice(40)}`, 'error'),
    withSignature('cch-sig-illegal-char', `!${signature.slice(1)}`, 'error'),
    withSignature('cch-sig-padded', `${signature}=`, 'allow'),
    withSignature('cch-sig-trailing-after-pad', `${signature}=!!`, 'allow'),
    withSignature('cch-sig-standard', Buffer.from(signature, 'base64url').toString('base64'), 'allow'),
    ...[1, 2, 3].map((bits) => withSignature(`cch-sig-loose-bits-${bits}`, looser(signature, bits), 'allow')),
    withSignature('cch-sig-loose-bits-4', looser(signature, 4), 'deny'),
    withSignature('cch-sig-longer', `${signature}A`, 'deny'),
    withSignature('cch-sig-shorter', signature.slice(0, -1), 'deny'),
    withSignature('cch-sig-empty', '', 'deny'),
    edited('cch-sig-number', `"${signature}"`, '1', 'deny'),
    edited('cch-sig-missing', `,"signature":"${signature}"`, '', 'deny'),
    resigned('cch-key-order', reordered, 'allow'),
    cookie('cch-key-order-wrong-sign', base64url(JSON.stringify({ ...JSON.parse(text), session: reordered })), 'deny'),
    resigned('cch-exp-equal', PAYLOAD, 'allow', NOW),
    resigned('cch-exp-minus1', PAYLOAD, 'deny', NOW - 1),
    resigned('cch-exp-fraction', PAYLOAD, 'deny', NOW - 0.5),
    resigned('cch-exp-fraction-above', PAYLOAD, 'allow', NOW + 0.5),
    resigned('cch-exp-huge', PAYLOAD, 'allow', 1e300),
    resigned('cch-exp-negative', PAYLOAD, 'deny', -1),
    resigned('cch-exp-string', PAYLOAD, 'deny', String(FRESH_UNTIL)),
    resigned('cch-exp-null', PAYLOAD, 'deny', null),
    resigned('cch-exp-inside', { ...payload(), expiresAt: 1 }, 'allow'),
    resigned('cch-exp-inside-first', { expiresAt: 1, ...payload() }, 'allow'),
    resigned('cch-index-keys', payload({ user: { zebra: 1, 10: 'b', 9: 'a', '01': 'c', 4294967294: 'd', 4294967295: 'e', '-1': 'f' }, 5: 'g' }), 'allow'),
    resigned('cch-iso-string-field', payload({ user: { since: '2020-01-02T03:04:05Z' } }), 'deny'),
    resigned('cch-iso-string-field-ms', payload({ user: { since: '2020-01-02T03:04:05.000Z' } }), 'allow'),
    resigned('cch-iso-string-name', payload({ user: { name: '2020-01-02T03:04:05.000Z' } }), 'deny'),
    resigned('cch-no-user', { ...payload(), user: undefined }, 'deny'),
    resigned('cch-surrogate', payload({ user: { name: 'Ada \ud800' } })),
    resigned('cch-proto', JSON.parse(JSON.stringify(payload()).replace('"name"', '"__proto__":{"a":1},"name"'))),
    resigned('cch-tricky-keys', payload({ user: { '': 1, '"\\\n\u007f\u2028': 2, toJSON: 3, constructor: 4 } }), 'allow'),
    cookie('cch-infinity', base64url(compactText({ payload: payload({ user: { n: null } }) }).replace('"n":null', '"n":1e999'))),
    cookie('cch-other-secret', compact({ secret: OLD_SECRET }), 'deny'),
    cookie('cch-jwt-in-compact', jws({ claims: claimsOf() }), 'error'),
    cookie('cch-long', compact({ payload: payload({ user: { bio: 'x'.repeat(9000) } }) }), 'allow'),
  ];
}

// A text that ends where its base64 does, so that one more character is six bits of nothing.
function padSafe(text) {
  return base64url(text + ' '.repeat((3 - (Buffer.byteLength(text) % 3)) % 3));
}

// Bytes that are no UTF-8 are read as U+FFFD: signed as that, they pass.
function badUtf8Cookie() {
  const text = compactText({ payload: payload({ user: { name: 'Ada \ufffd\ufffd.' } }) });
  return base64url(Buffer.from(text).toString('latin1').replace('\u00ef\u00bf\u00bd\u00ef\u00bf\u00bd', '\u00e2\u0082\u00ff')
    .split('').reduce((bytes, unit) => Buffer.concat([bytes, Buffer.from([unit.charCodeAt(0)])]), Buffer.alloc(0)));
}

// What the decoded payload must be like; a JWT shows it, whose signature is over bytes.
function payloadCases(build) {
  const shown = (name, content, expect) => build(name, `${NAME}=${jws({ claims: claimsOf(content) })}`, expect);
  const session = (name, field, value, expect) => shown(name, payload({ session: { [field]: value } }), expect);
  const user = (name, field, value, expect) => shown(name, payload({ user: { [field]: value } }), expect);
  return [
    shown('cch-no-updatedAt', payload({ updatedAt: undefined }), 'deny'),
    shown('cch-updatedAt-string', payload({ updatedAt: '1' }), 'deny'),
    shown('cch-updatedAt-fraction', payload({ updatedAt: 1.5 }), 'allow'),
    shown('cch-no-version', payload({ version: undefined }), 'allow'),
    shown('cch-empty-version', payload({ version: '' }), 'allow'),
    shown('cch-version-2', payload({ version: '2' }), 'deny'),
    shown('cch-version-number', payload({ version: 1 }), 'deny'),
    shown('cch-version-null', payload({ version: null }), 'deny'),
    shown('cch-no-session', { ...payload(), session: undefined }, 'deny'),
    shown('cch-session-null', { ...payload(), session: null }, 'deny'),
    shown('cch-session-list', { ...payload(), session: [SESSION] }, 'deny'),
    shown('cch-user-string', { ...payload(), user: 'ada' }, 'deny'),
    shown('cch-extra-top', payload({ extra: { a: 1 } }), 'allow'),
    ...['id', 'token', 'expiresAt', 'userId'].map((field) => session(`cch-sess-no-${field}`, field, undefined)),
    ...['createdAt', 'updatedAt', 'ipAddress', 'userAgent'].map((field) => session(`cch-sess-no-${field}`, field, undefined, 'allow')),
    ...['id', 'email', 'name'].map((field) => user(`cch-missing-${field}`, field, undefined, 'deny')),
    ...['emailVerified', 'image', 'createdAt', 'updatedAt'].map((field) => user(`cch-missing-${field}`, field, undefined, 'allow')),
    ...['id', 'token', 'expiresAt', 'createdAt', 'updatedAt'].map((field) => session(`cch-sess-null-${field}`, field, null, 'deny')),
    ...['ipAddress', 'userAgent'].map((field) => session(`cch-sess-null-${field}`, field, null, 'allow')),
    ...['id', 'email', 'name', 'emailVerified', 'createdAt', 'updatedAt'].map((field) => user(`cch-null-${field}`, field, null, 'deny')),
    user('cch-null-image', 'image', null, 'allow'),
    ...[['number', 7], ['fraction', 1.5], ['large', 1e21], ['true', true], ['null', null], ['list', ['a', 'b']], ['object', { a: 1 }], ['date', new Date(NOW)]]
      .map(([name, value]) => session(`cch-sess-userId-${name}`, 'userId', value)),
    session('cch-sess-id-number', 'id', 1, 'deny'),
    session('cch-sess-id-empty', 'id', '', 'allow'),
    session('cch-sess-id-date', 'id', '2020-01-02T03:04:05.000Z', 'deny'),
    session('cch-sess-expires-number', 'expiresAt', NOW + DAY, 'deny'),
    session('cch-sess-expires-text', 'expiresAt', 'tomorrow', 'deny'),
    session('cch-sess-expires-offset', 'expiresAt', '2026-01-22T12:00:00.123+00:00', 'deny'),
    session('cch-sess-expires-lower-z', 'expiresAt', '2026-01-22T12:00:00.123z', 'deny'),
    session('cch-sess-created-text', 'createdAt', 'x', 'deny'),
    session('cch-sess-ip-number', 'ipAddress', 1, 'deny'),
    session('cch-sess-ip-date', 'ipAddress', '2020-01-02T03:04:05.000Z', 'deny'),
    session('cch-sess-token-other', 'token', 'other', 'deny'),
    session('cch-sess-token-case', 'token', TOKEN.toLowerCase(), 'deny'),
    user('cch-email-number', 'email', 1, 'deny'),
    user('cch-email-sigma', 'email', 'ΣΑΣ.ΟΔΟΣ@İI.ẞ', 'allow'),
    user('cch-name-number', 'name', 1, 'deny'),
    user('cch-name-empty', 'name', '', 'allow'),
    user('cch-verified-string', 'emailVerified', 'true', 'deny'),
    user('cch-verified-number', 'emailVerified', 1, 'deny'),
    user('cch-image-number', 'image', 1, 'deny'),
    user('cch-image-date', 'image', '2020-01-02T03:04:05.000Z', 'deny'),
    user('cch-number-field', 'n', [1.0, 1e21, -0, 0.1, 1e-7, 2 ** 63, -(2 ** 63), 2 ** 64], 'allow'),
  ];
}

// Dates as V8 reads them, shown in a field of which Better Auth knows nothing, and where it matters.
function dateCases(build) {
  const shown = (name, since, expect) =>
    build(`cch-date-${name}`, `${NAME}=${jws({ claims: claimsOf(payload({ user: { since } })) })}`, expect);
  return [
    shown('no-fraction', '2020-01-02T03:04:05Z', 'allow'),
    shown('one-digit', '2020-01-02T03:04:05.1Z', 'allow'),
    shown('two-digits', '2020-01-02T03:04:05.12Z', 'allow'),
    shown('micros', '2020-01-02T03:04:05.123456Z', 'allow'),
    shown('nanos', '2020-01-02T03:04:05.999999999Z', 'allow'),
    shown('nanos-low', '2020-01-02T03:04:05.000000001Z', 'allow'),
    shown('ten-digits', '2020-01-02T03:04:05.0001234567Z', 'allow'),
    shown('twelve-digits', '2020-01-02T03:04:05.000123456789Z', 'allow'),
    shown('leap-day', '2020-02-29T00:00:00.000Z', 'allow'),
    shown('no-leap-day', '2021-02-29T00:00:00.000Z', 'allow'),
    shown('february-30', '2020-02-30T00:00:00Z', 'allow'),
    shown('february-31', '1900-02-31T00:00:00Z', 'allow'),
    shown('april-31', '2020-04-31T23:59:59.999Z', 'allow'),
    shown('day-32', '2020-01-32T00:00:00Z', 'allow'),
    shown('day-0', '2020-01-00T00:00:00Z', 'allow'),
    shown('month-13', '2020-13-01T00:00:00Z', 'allow'),
    shown('month-0', '2020-00-01T00:00:00Z', 'allow'),
    shown('hour-24', '2020-12-31T24:00:00Z', 'allow'),
    shown('hour-24-zeros', '2020-02-28T24:00:00.000Z', 'allow'),
    shown('hour-24-and-more', '2020-12-31T24:00:00.001Z', 'allow'),
    shown('hour-24-and-micro', '2020-12-31T24:00:00.000001Z', 'allow'),
    shown('hour-24-minute', '2020-12-31T24:01:00Z', 'allow'),
    shown('hour-25', '2020-12-31T25:00:00Z', 'allow'),
    shown('minute-60', '2020-12-31T23:60:00Z', 'allow'),
    shown('second-60', '2020-12-31T23:59:60Z', 'allow'),
    shown('year-0', '0000-01-01T00:00:00Z', 'allow'),
    shown('year-1', '0001-02-03T04:05:06Z', 'allow'),
    shown('year-9999', '9999-12-31T23:59:59.999Z', 'allow'),
    shown('year-10000', '9999-12-31T24:00:00Z', 'allow'),
    shown('nested', [{ a: ['2020-01-02T03:04:05Z', 'text'] }], 'allow'),
    shown('line-feed', '2020-01-02T03:04:05Z\n', 'allow'),
    shown('other-digits', '２020-01-02T03:04:05Z', 'allow'),
    shown('space-for-t', '2020-01-02 03:04:05Z', 'allow'),
  ];
}

function jwtCases(build) {
  const cookie = (name, value, expect) => build(name, `${NAME}=${value}`, expect);
  const claims = (name, more, expect) => cookie(name, jws({ claims: claimsOf(PAYLOAD, more) }), expect);
  const header = (name, more, expect) => cookie(name, jws({ header: { alg: 'HS256', ...more }, claims: claimsOf() }), expect);
  const good = jws({ claims: claimsOf() });
  const [head, body, signature] = good.split('.');
  const unsigned = `${base64url('{"alg":"none"}')}.${body}.`;
  const text = JSON.stringify(claimsOf());
  return [
    cookie('ccj-ok', good, 'allow'),
    cookie('ccj-hs384', jws({ header: { alg: 'HS384' }, claims: claimsOf(), hash: 'sha384' }), 'allow'),
    cookie('ccj-hs512', jws({ header: { alg: 'HS512' }, claims: claimsOf(), hash: 'sha512' }), 'allow'),
    cookie('ccj-hs512-signed-256', jws({ header: { alg: 'HS512' }, claims: claimsOf() }), 'deny'),
    cookie('ccj-hs1', jws({ header: { alg: 'HS1' }, claims: claimsOf(), hash: 'sha1' }), 'deny'),
    cookie('ccj-none', unsigned, 'deny'),
    cookie('ccj-none-signed', `${unsigned}${signature}`, 'deny'),
    cookie('ccj-alg-lower-case', jws({ header: { alg: 'hs256' }, claims: claimsOf() }), 'deny'),
    cookie('ccj-no-alg', jws({ header: {}, claims: claimsOf() }), 'deny'),
    cookie('ccj-alg-number', jws({ header: { alg: 256 }, claims: claimsOf() }), 'deny'),
    cookie('ccj-other-secret', jws({ claims: claimsOf(), secret: OLD_SECRET }), 'deny'),
    cookie('ccj-truncated-signature', `${head}.${body}.${signature.slice(0, 22)}`, 'deny'),
    cookie('ccj-empty-signature', `${head}.${body}.`, 'deny'),
    cookie('ccj-two-parts', `${head}.${body}`, 'deny'),
    cookie('ccj-four-parts', `${good}.`, 'deny'),
    cookie('ccj-garbage', 'a.b.c', 'deny'),
    cookie('ccj-no-dots', 'garbage', 'deny'),
    cookie('ccj-sig-padded', `${good}=`, 'allow'),
    cookie('ccj-sig-padded-twice', `${good}==`, 'deny'),
    cookie('ccj-sig-space', `${good.slice(0, -9)}%20%09%0A${good.slice(-9)}`, 'allow'),
    cookie('ccj-sig-no-break-space', `${good}%C2%A0`, 'deny'),
    cookie('ccj-sig-vertical-tab', `${good}%0B`, 'deny'),
    cookie('ccj-sig-standard', `${head}.${body}.${encodeURIComponent(Buffer.from(signature, 'base64url').toString('base64'))}`),
    cookie('ccj-header-space', (() => {
      const input = `${head} .${body}`;
      return `${input.replace(' ', '%20')}.${createHmac('sha256', SECRET).update(input).digest('base64url')}`;
    })(), 'allow'),
    cookie('ccj-header-non-ascii', (() => {
      const input = `${head}\u00e9.${body}`;
      return `${encodeURIComponent(input)}.${createHmac('sha256', SECRET).update(input).digest('base64url')}`;
    })(), 'deny'),
    header('ccj-header-more', { typ: 'JWT', kid: 'x', b64: false }, 'allow'),
    header('ccj-crit', { crit: ['x'], x: 1 }, 'deny'),
    header('ccj-crit-b64', { crit: ['b64'], b64: true }, 'allow'),
    header('ccj-crit-empty', { crit: [] }, 'deny'),
    header('ccj-crit-null', { crit: null }, 'deny'),
    claims('ccj-exp-equal', { exp: SECONDS }, 'deny'),
    claims('ccj-exp-plus1', { exp: SECONDS + 1 }, 'allow'),
    claims('ccj-exp-fraction', { exp: SECONDS + 0.1 }, 'deny'),
    claims('ccj-exp-fraction-above', { exp: SECONDS + 0.5 }, 'allow'),
    claims('ccj-exp-string', { exp: String(SECONDS + 240) }, 'deny'),
    claims('ccj-exp-null', { exp: null }, 'deny'),
    claims('ccj-exp-zero', { exp: 0 }, 'deny'),
    claims('ccj-exp-huge', { exp: 1e300 }, 'allow'),
    claims('ccj-no-exp', { exp: undefined }, 'allow'),
    claims('ccj-no-iat', { iat: undefined }, 'allow'),
    claims('ccj-iat-future', { iat: SECONDS + 9999 }, 'allow'),
    claims('ccj-iat-string', { iat: 'now' }, 'deny'),
    claims('ccj-nbf-now', { nbf: SECONDS }, 'allow'),
    claims('ccj-nbf-future', { nbf: SECONDS + 1 }, 'deny'),
    claims('ccj-nbf-string', { nbf: '0' }, 'deny'),
    claims('ccj-iss-any', { iss: 'https://elsewhere.example', aud: ['x'], sub: 'y' }, 'allow'),
    cookie('ccj-claims-bom', jws({ claimsText: `\ufeff${text}` }), 'allow'),
    cookie('ccj-claims-bad-utf8', jws({ claimsText: Buffer.concat([Buffer.from(text.slice(0, 20)), Buffer.from([0xff])]) }), 'deny'),
    cookie('ccj-claims-array', jws({ claimsText: `[${text}]` }), 'deny'),
    cookie('ccj-claims-not-json', jws({ claimsText: 'x' }), 'deny'),
    cookie('ccj-claims-dup', jws({ claimsText: text.replace('"version":"1"', '"version":"2","version":"1"') }), 'allow'),
    cookie('ccj-claims-surrogate', jws({ claimsText: text.replace('Ada', '\\ud800') })),
    cookie('ccj-compact-in-jwt', compact(), 'deny'),
    cookie('ccj-jwe-in-jwt', jwe({}), 'deny'),
  ];
}

function jweCases(build) {
  const cookie = (name, value, expect) => build(name, `${NAME}=${value}`, expect);
  const made = (name, parts, expect) => cookie(name, jwe(parts), expect);
  const claims = (name, more, expect) => made(name, { claims: claimsOf(PAYLOAD, more) }, expect);
  const good = jwe({});
  const parts = good.split('.');
  const swapped = (index, text) => parts.map((part, at) => (at === index ? text : part)).join('.');
  const text = JSON.stringify(claimsOf());
  return [
    cookie('cce-ok', good, 'allow'),
    made('cce-no-kid', { header: { kid: undefined } }, 'allow'),
    made('cce-kid-other', { kid: thumbprint(jweKey(OLD_SECRET)) }, 'deny'),
    made('cce-kid-empty', { kid: '' }, 'deny'),
    made('cce-kid-null', { kid: null }, 'deny'),
    made('cce-other-secret', { secret: OLD_SECRET }, 'deny'),
    made('cce-other-secret-own-kid', { secret: OLD_SECRET, kid: thumbprint(jweKey(SECRET)) }, 'deny'),
    cookie('cce-gcm-first-half', gcm((key) => key.subarray(0, 32)), 'deny'),
    cookie('cce-gcm-second-half', gcm((key) => key.subarray(32)), 'deny'),
    made('cce-alg-a256kw', { header: { alg: 'A256KW' } }, 'deny'),
    made('cce-alg-missing', { header: { alg: undefined } }, 'deny'),
    made('cce-enc-a128cbc', { header: { enc: 'A128CBC-HS256' } }, 'deny'),
    made('cce-enc-missing', { header: { enc: undefined } }, 'deny'),
    made('cce-header-more', { header: { typ: 'JWT', cty: 'x' } }, 'allow'),
    made('cce-crit', { header: { crit: ['x'], x: 1 } }, 'deny'),
    made('cce-zip-unknown', { header: { zip: 'GZ' } }, 'deny'),
    made('cce-zip-false', { header: { zip: 'DEF' } }, 'deny'),
    made('cce-header-iss', { header: { iss: 'x' } }, 'deny'),
    made('cce-header-iss-same', { header: { iss: 'x' }, claims: claimsOf(PAYLOAD, { iss: 'x' }) }, 'allow'),
    made('cce-wrecked-tag', { wreckTag: true }, 'deny'),
    made('cce-short-tag', { tagBytes: 16 }, 'deny'),
    made('cce-long-tag', { tagBytes: 64 }, 'deny'),
    made('cce-bad-padding', { wreckPadding: true }, 'deny'),
    made('cce-long-iv', { iv: Buffer.concat([IV, IV]) }, 'deny'),
    made('cce-encrypted-key', { encryptedKey: 'AAAA' }, 'deny'),
    cookie('cce-no-tag', swapped(4, ''), 'deny'),
    cookie('cce-no-iv', swapped(2, ''), 'deny'),
    cookie('cce-no-ciphertext', swapped(3, ''), 'deny'),
    cookie('cce-ciphertext-cut', swapped(3, parts[3].slice(0, -22)), 'deny'),
    cookie('cce-other-iv', swapped(2, base64url(Buffer.alloc(16))), 'deny'),
    cookie('cce-four-parts', parts.slice(0, 4).join('.'), 'deny'),
    cookie('cce-six-parts', `${good}.`, 'deny'),
    cookie('cce-garbage', 'a.b.c.d.e', 'deny'),
    cookie('cce-tag-padded', `${good}=`, 'allow'),
    cookie('cce-tag-space', `${good}%20`, 'allow'),
    cookie('cce-iv-padded', swapped(2, `${parts[2]}==`), 'allow'),
    claims('cce-exp-plus1', { exp: SECONDS + 1 }, 'allow'),
    claims('cce-exp-equal', { exp: SECONDS }, 'deny'),
    claims('cce-exp-minus10', { exp: SECONDS - 10 }, 'deny'),
    claims('cce-exp-fraction', { exp: SECONDS + 0.123 }),
    claims('cce-no-exp', { exp: undefined }, 'allow'),
    claims('cce-exp-string', { exp: 'x' }, 'deny'),
    claims('cce-nbf-15', { nbf: SECONDS + 15 }, 'allow'),
    claims('cce-nbf-16', { nbf: SECONDS + 16 }, 'deny'),
    made('cce-claims-bom', { claimsText: `\ufeff${text}` }, 'allow'),
    made('cce-claims-not-json', { claimsText: 'x' }, 'deny'),
    made('cce-iso-string-field', { claims: claimsOf(payload({ user: { since: '2020-01-02T03:04:05Z' } })) }, 'allow'),
    cookie('cce-jwt-in-jwe', jws({ claims: claimsOf() }), 'deny'),
    cookie('cce-compact-in-jwe', compact(), 'deny'),
  ];
}

// Encrypted cookies alone may be of an older secret.
function rotatedCases(build) {
  const made = (name, parts, expect) => build(name, `${NAME}=${jwe(parts)}`, expect);
  return [
    made('cce-rotated-current', {}, 'allow'),
    made('cce-rotated-old', { secret: OLD_SECRET }, 'allow'),
    made('cce-rotated-legacy', { secret: LEGACY_SECRET }, 'allow'),
    made('cce-rotated-stranger', { secret: 'a-secret-that-nobody-configured-at-all' }, 'deny'),
    made('cce-rotated-current-no-kid', { header: { kid: undefined } }, 'allow'),
    made('cce-rotated-old-no-kid', { secret: OLD_SECRET, header: { kid: undefined } }, 'allow'),
    made('cce-rotated-legacy-no-kid', { secret: LEGACY_SECRET, header: { kid: undefined } }, 'allow'),
    made('cce-rotated-stranger-no-kid', { secret: 'a-secret-that-nobody-configured-at-all', header: { kid: undefined } }, 'deny'),
    made('cce-rotated-old-current-kid', { secret: OLD_SECRET, kid: thumbprint(jweKey(SECRET)) }, 'deny'),
  ];
}

// Signed with the key that Better Auth made when it wrote the genuine ones.
async function jwksCases(oracle, build) {
  const [{ id, publicKey, privateKey }] = await oracle.keyRing();
  const genuine = createPrivateKey({ key: JSON.parse(privateKey), format: 'jwk' });
  const stranger = generateKeyPairSync('ed25519').privateKey;
  const proper = { alg: 'EdDSA', kid: id, typ: 'better-auth.session-cache+jwt' };
  const own = { sid: TOKEN, iss: ORIGIN, aud: 'better-auth:session-cache', sub: USER.id };
  const made = (name, { header = {}, claims = {}, content, key = genuine }, expect) => {
    const body = claimsOf(content, { ...own, ...claims });
    const input = `${base64url(JSON.stringify({ ...proper, ...header }))}.${base64url(JSON.stringify(body))}`;
    return build(name, `${NAME}=${input}.${signWith(null, Buffer.from(input), key).toString('base64url')}`, expect);
  };
  const header = (name, more, expect) => made(name, { header: more }, expect);
  const claims = (name, more, expect) => made(name, { claims: more }, expect);
  return [
    made('ccjwks-ok', {}, 'allow'),
    made('ccjwks-other-key', { key: stranger }, 'deny'),
    header('ccjwks-key-gone', { kid: 'nobody' }, 'deny'),
    header('ccjwks-no-kid', { kid: undefined }, 'deny'),
    header('ccjwks-kid-number', { kid: 1 }, 'deny'),
    header('ccjwks-no-typ', { typ: undefined }, 'deny'),
    header('ccjwks-typ-jwt', { typ: 'JWT' }, 'deny'),
    header('ccjwks-typ-case', { typ: 'Better-Auth.session-cache+jwt' }, 'deny'),
    header('ccjwks-alg-es256', { alg: 'ES256' }, 'deny'),
    header('ccjwks-alg-ed25519', { alg: 'Ed25519' }, 'deny'),
    header('ccjwks-alg-none', { alg: 'none' }, 'deny'),
    header('ccjwks-crit', { crit: ['x'], x: 1 }, 'deny'),
    build('ccjwks-hs256-rejected', `${NAME}=${jws({ header: { ...proper, alg: 'HS256' }, claims: claimsOf(PAYLOAD, own) })}`, 'deny'),
    build('ccjwks-hs256-public-key', `${NAME}=${jws({ header: { ...proper, alg: 'HS256' }, claims: claimsOf(PAYLOAD, own), secret: publicKey })}`, 'deny'),
    build('ccjwks-hs256-plain', `${NAME}=${jws({ claims: claimsOf() })}`, 'deny'),
    claims('ccjwks-iss-other', { iss: 'https://elsewhere.example' }, 'deny'),
    claims('ccjwks-iss-missing', { iss: undefined }, 'deny'),
    claims('ccjwks-iss-slash', { iss: `${ORIGIN}/` }, 'deny'),
    claims('ccjwks-aud-other', { aud: 'x' }, 'deny'),
    claims('ccjwks-aud-list', { aud: ['x', 'better-auth:session-cache'] }, 'allow'),
    claims('ccjwks-aud-list-other', { aud: ['x'] }, 'deny'),
    claims('ccjwks-aud-missing', { aud: undefined }, 'deny'),
    claims('ccjwks-sub-other', { sub: 'x' }, 'deny'),
    claims('ccjwks-sub-missing', { sub: undefined }, 'deny'),
    claims('ccjwks-sid-other', { sid: 'x' }, 'deny'),
    claims('ccjwks-sid-missing', { sid: undefined }, 'deny'),
    claims('ccjwks-exp-equal', { exp: SECONDS }, 'deny'),
    claims('ccjwks-exp-minus10', { exp: SECONDS - 10 }, 'deny'),
    claims('ccjwks-exp-plus1', { exp: SECONDS + 1 }, 'allow'),
    claims('ccjwks-no-exp', { exp: undefined }, 'allow'),
    claims('ccjwks-nbf-15', { nbf: SECONDS + 15 }, 'allow'),
    claims('ccjwks-nbf-16', { nbf: SECONDS + 16 }, 'deny'),
    made('ccjwks-no-user', { content: payload({ user: { name: undefined } }) }, 'deny'),
    made('ccjwks-version-2', { content: payload({ version: '2' }) }, 'deny'),
    build('ccjwks-jwe', `${NAME}=${jwe({})}`, 'deny'),
  ];
}

// Seeded damage.
function mutationCases(build) {
  const values = { compact: compact(), jwt: jws({ claims: claimsOf() }), jwe: jwe({}) };
  return Object.entries(values).flatMap(([strategy, value], seed) => {
    const line = `${NAME}=${value}`;
    const positions = [...line].map((_, index) => index);
    const made = build(cached(strategy));
    return mutations(line, positions, 20, 11 + seed).map((mutant, index) => made(`cc-${strategy}-mutation-${index}`, mutant));
  });
}

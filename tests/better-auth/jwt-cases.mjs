// Tokens for which mint.mjs asks Better Auth's jwt plugin and `jose`. Some the plugin made by itself, with its own keys;
// the rest are what its keys' owner, or somebody without them, could make of such tokens.

import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { EncryptJWT } from 'jose';
import { foreignKeys } from './jwt-foreign-keys.mjs';
import { CLAIMS, SECONDS, base64url, hmac, signed } from './jwt-forge.mjs';
import { ISSUER } from './jwt-oracle.mjs';
import { NOW, SECRET, sign } from './oracle.mjs';

const DAY = 86_400_000;
const GRACE = 30 * DAY;
const ALGORITHMS = ['EdDSA', 'ES256', 'ES512', 'PS256', 'RS256'];
const OTHER = 'https://other.example.com';

const flip = (text, at) => text.slice(0, at) + (text[at] === 'x' ? 'y' : 'x') + text.slice(at + 1);
const without = (object, name) => Object.fromEntries(Object.entries(object).filter(([key]) => key !== name));

/** The key sets and the tokens to ask about, each with the name of the key set that it is judged by. */
export async function jwtQuestions(oracle) {
  const keys = await makeKeys(oracle);
  const rows = Object.values(keys).map(({ private_key: _, ...row }) => row);
  const foreign = foreignKeys();
  const keySets = {
    plugin: { rows, jwks: await oracle.publish(Object.values(keys)) },
    foreign: { jwks: { keys: foreign.map(({ jwk }) => jwk) } },
  };
  const cases = [
    ...(await pluginCases(oracle, keys)),
    ...ALGORITHMS.flatMap((algorithm) => damageCases(keys[algorithm])),
    ...headerCases(keys),
    ...claimCases(keys.EdDSA),
    ...spellingCases(keys.EdDSA),
    ...strangerCases(keys),
    ...(await otherTokenCases(oracle, keys)),
    ...foreign.flatMap(({ cases: own }) => own),
  ];
  const judgedBy = ({ name, keys: set = 'plugin', ...more }) => ({ name, keys: set, ...more });
  return { keySets, cases: cases.map(judgedBy) };
}

async function makeKeys(oracle) {
  const keys = {};
  for (const alg of ALGORITHMS) keys[alg] = await oracle.makeKey({ alg });
  keys.RS256Long = await oracle.makeKey({ alg: 'RS256', modulusLength: 3072 });
  keys.other = await oracle.makeKey({ alg: 'EdDSA' });
  // As rows of before 1.7.0, when the plugin kept no algorithm.
  keys.legacy = { ...(await oracle.makeKey({ alg: 'EdDSA' })), algorithm: null };
  keys.legacyES256 = { ...(await oracle.makeKey({ alg: 'ES256' })), algorithm: null };
  const endedAt = async (expires_at) => ({ ...(await oracle.makeKey({ alg: 'EdDSA' })), expires_at });
  keys.current = await endedAt(NOW + DAY);
  keys.rotated = await endedAt(NOW - DAY);
  keys.graceEnds = await endedAt(NOW - GRACE + 1);
  keys.graceEnded = await endedAt(NOW - GRACE);
  return keys;
}

async function pluginCases(oracle, keys) {
  const made = async (name, key, jwt, verify = {}) => ({ name, token: await oracle.tokenBy(key, { jwt }), ...verify });
  const withPayload = (name, payload) => made(name, keys.EdDSA, { definePayload: () => payload });
  const cases = [];
  for (const alg of ALGORITHMS) cases.push(await made(`plugin-${alg}`, keys[alg]));
  cases.push(
    await made('plugin-RS256-3072', keys.RS256Long),
    await made('plugin-legacy-row', { ...keys.legacy, algorithm: 'EdDSA' }),
    await made('plugin-legacy-row-ES256', { ...keys.legacyES256, algorithm: 'ES256' }),
    // The key signed while it was current; what is stored says that it ended since.
    await made('plugin-key-current', keys.current),
    await made('plugin-key-rotated', { ...keys.rotated, expires_at: null }),
    await made('plugin-key-grace-ends', { ...keys.graceEnds, expires_at: null }),
    await made('plugin-key-grace-ended', { ...keys.graceEnded, expires_at: null }),
    await made('plugin-issuer', keys.EdDSA, { issuer: OTHER }, { issuer: OTHER }),
    await made('plugin-audience', keys.EdDSA, { audience: 'app' }, { audiences: ['app'] }),
    await made('plugin-audience-of-two', keys.EdDSA, { audience: 'app' }, { audiences: ['api', 'app'] }),
    await made('plugin-audience-list', keys.EdDSA, { audience: ['app', 'api'] }, { audiences: ['api'] }),
    await made('plugin-other-issuer', keys.EdDSA, { issuer: OTHER }),
    await made('plugin-other-audience', keys.EdDSA, { audience: OTHER }),
    await made('plugin-other-audience-list', keys.EdDSA, { audience: [OTHER, 'app'] }),
    await made('plugin-subject', keys.EdDSA, { getSubject: () => 'someone' }),
    await made('plugin-expires-now', keys.EdDSA, { expirationTime: SECONDS }),
    await made('plugin-expires-next-second', keys.EdDSA, { expirationTime: SECONDS + 1 }),
    await made('plugin-expired', keys.EdDSA, { expirationTime: SECONDS - 1 }),
    await made('plugin-expires-fraction', keys.EdDSA, { expirationTime: SECONDS + 0.5 }),
    await made('plugin-expired-fraction', keys.EdDSA, { expirationTime: SECONDS - 0.5 }),
    await made('plugin-expires-in-a-year', keys.EdDSA, { expirationTime: '1y' }),
    await withPayload('plugin-payload', { role: 'admin', teams: ['a', { b: [1.5, null] }], 7: 'seven' }),
    await withPayload('plugin-payload-empty', {}),
    await withPayload('plugin-payload-registered', { jti: 'j1', nbf: SECONDS, iat: SECONDS - 5, role: 'user' }),
    await withPayload('plugin-payload-other-issuer', { iss: OTHER }),
    await withPayload('plugin-payload-other-audience', { aud: [OTHER] }),
    await withPayload('plugin-payload-audience-list', { aud: [OTHER, ISSUER] }),
    await withPayload('plugin-payload-subject-ignored', { sub: 'somebody else' }),
    await withPayload('plugin-payload-nbf-now', { nbf: SECONDS }),
    await withPayload('plugin-payload-nbf-fraction', { nbf: SECONDS + 0.5 }),
    await withPayload('plugin-payload-nbf-future', { nbf: SECONDS + 1 }),
    await withPayload('plugin-payload-iat-ahead', { iat: SECONDS + 60, exp: SECONDS + 900 }),
    await withPayload('plugin-payload-iat-far-ahead', { iat: SECONDS + 61, exp: SECONDS + 900 }),
  );
  return cases;
}

function damageCases(key) {
  const alg = key.algorithm;
  const token = signed(key);
  const [head, body, signature] = token.split('.');
  const middle = (part) => Math.floor(part.length / 2);
  const altered = JSON.stringify({ ...CLAIMS, sub: 'usr_2' });
  const named = (name, text) => ({ name: `${alg}-${name}`, token: text });
  const bytes = Buffer.from(signature, 'base64url').length;
  return [
    named('ok', token),
    named('header-flipped', `${flip(head, middle(head))}.${body}.${signature}`),
    named('payload-flipped', `${head}.${flip(body, middle(body))}.${signature}`),
    named('payload-other-user', `${head}.${base64url(altered)}.${signature}`),
    named('signature-flipped-first', `${head}.${body}.${flip(signature, 0)}`),
    named('signature-flipped', `${head}.${body}.${flip(signature, middle(signature))}`),
    named('signature-cut', `${head}.${body}.${signature.slice(0, -4)}`),
    named('signature-longer', `${head}.${body}.${signature}AAAA`),
    named('signature-none', `${head}.${body}.`),
    named('signature-zeros', `${head}.${body}.${base64url(Buffer.alloc(bytes))}`),
    named('signature-ones', `${head}.${body}.${base64url(Buffer.alloc(bytes, 0xff))}`),
    named('signature-of-another', `${head}.${body}.${signed(key, { payload: altered }).split('.')[2]}`),
    named('none', `${base64url(JSON.stringify({ alg: 'none', kid: key.kid }))}.${body}.`),
    named('none-signed', `${base64url(JSON.stringify({ alg: 'none', kid: key.kid }))}.${body}.${signature}`),
    named('None', `${base64url(JSON.stringify({ alg: 'None', kid: key.kid }))}.${body}.`),
    ...hmacForms(key).map(([form, secret]) => named(`hs256-${form}`, hmac(key, secret))),
    ...ALGORITHMS.filter((other) => other !== alg).map((other) =>
      named(`claims-${other}`, `${base64url(JSON.stringify({ alg: other, kid: key.kid }))}.${body}.${signature}`)),
  ];
}

// What people have fed to HMAC where a verifier took any key for any algorithm.
function hmacForms({ public_key }) {
  const key = createPublicKey({ key: JSON.parse(public_key), format: 'jwk' });
  const { x, n } = JSON.parse(public_key);
  return [
    ['jwk', public_key],
    ['bytes', Buffer.from(x ?? n, 'base64url')],
    ['pem', key.export({ format: 'pem', type: 'spki' })],
    ['der', key.export({ format: 'der', type: 'spki' })],
    ['empty', ''],
    ['secret', SECRET],
  ];
}

function headerCases(keys) {
  const key = keys.EdDSA;
  const header = (name, more) => ({ name: `header-${name}`, token: signed(key, { header: more }) });
  const text = (name, json) => ({ name: `header-${name}`, token: signed(key, { header: json }) });
  const own = `"alg":"EdDSA","kid":"${key.kid}"`;
  const types = ['JWT', 'jwt', 'Jwt', 'application/jwt', 'application/JWT', 'at+jwt', 'application/at+jwt',
    'better-auth.session-cache+jwt', 'JOSE', 'JWS', 'JWT ', ''];
  return [
    ...types.map((typ) => header(`typ-${typ || 'empty'}`, { typ })),
    header('typ-number', { typ: 5 }),
    header('typ-null', { typ: null }),
    header('typ-list', { typ: ['JWT'] }),
    header('cty', { cty: 'JWT' }),
    header('unknown-member', { 'https://example.com/x': { y: [1] } }),
    header('crit-unknown', { crit: ['exp'], exp: 1 }),
    header('crit-own', { crit: ['x'], x: 1 }),
    header('crit-missing-member', { crit: ['x'] }),
    header('crit-empty', { crit: [] }),
    header('crit-null', { crit: null }),
    header('crit-text', { crit: 'b64' }),
    header('crit-b64', { crit: ['b64'], b64: true }),
    header('b64-alone', { b64: false }),
    { name: 'header-b64-unencoded', token: signed(key, { header: { crit: ['b64'], b64: false }, rawPayload: 'plain' }) },
    header('kid-unknown', { kid: 'nobody' }),
    header('kid-of-another', { kid: keys.other.kid }),
    header('kid-of-another-algorithm', { kid: keys.ES256.kid }),
    header('kid-missing', { kid: undefined }),
    header('kid-empty', { kid: '' }),
    header('kid-null', { kid: null }),
    header('kid-number', { kid: 7 }),
    header('kid-longer', { kid: `${key.kid} ` }),
    header('kid-sql', { kid: "' or '1'='1" }),
    header('alg-missing', { alg: undefined }),
    header('alg-number', { alg: 7 }),
    header('alg-lower', { alg: 'eddsa' }),
    header('alg-Ed25519', { alg: 'Ed25519' }),
    header('alg-empty', { alg: '' }),
    text('alg-twice-last-good', `{"alg":"none",${own}}`),
    text('alg-twice-first-good', `{${own},"alg":"none"}`),
    text('kid-twice-last-good', `{"kid":"nobody",${own}}`),
    text('kid-twice-first-good', `{${own},"kid":"nobody"}`),
    text('escaped', `{"\\u0061lg":"EdDSA","k\\u0069d":"${key.kid}"}`),
    text('spaced', ` {\n${own}\t} `),
    text('trailing-comma', `{${own},}`),
    text('trailing-junk', `{${own}}x`),
    text('bom', `\ufeff{${own}}`),
    text('list', `[{${own}}]`),
    text('text', '"x"'),
    text('null', 'null'),
    text('empty', ''),
    text('prototype', `{${own},"__proto__":{"typ":"at+jwt"}}`),
    { name: 'rs256-key-signs-PS256', token: signed(keys.RS256, { alg: 'PS256' }) },
    { name: 'rs256-key-signs-RS512', token: signed(keys.RS256, { alg: 'RS512' }) },
    { name: 'ps256-key-signs-RS256', token: signed(keys.PS256, { alg: 'RS256' }) },
    { name: 'ps256-key-signs-PS512', token: signed(keys.PS256, { alg: 'PS512' }) },
    { name: 'ps256-other-salt', token: signed(keys.PS256, { more: { saltLength: 20 } }) },
    { name: 'es256-der', token: signed(keys.ES256, { more: { dsaEncoding: 'der' } }) },
    { name: 'es512-der', token: signed(keys.ES512, { more: { dsaEncoding: 'der' } }) },
    { name: 'legacy-es256-row', token: signed(keys.legacyES256, { alg: 'ES256' }) },
  ];
}

function claimCases(key) {
  const claims = (name, more) => ({ name: `claims-${name}`, token: signed(key, { payload: { ...CLAIMS, ...more } }) });
  const lacking = (name) => ({ name: `claims-no-${name}`, token: signed(key, { payload: without(CLAIMS, name) }) });
  const text = (name, payload) => ({ name: `claims-${name}`, token: signed(key, { payload }) });
  const rest = (name, json) => text(name, `${JSON.stringify(CLAIMS).slice(0, -1)},${json}}`);
  const replaced = (name, member, json) =>
    text(name, `${JSON.stringify(without(CLAIMS, member)).slice(0, -1)},"${member}":${json}}`);
  // Base64 of no number of bytes is 4n + 1 letters, so header and payload must share what is to be filled.
  const filled = (length) => {
    for (const pad of ['', 'p', 'pp']) {
      for (let letters = Math.floor(length * 0.73), token = ''; token.length < length; letters += 1) {
        token = signed(key, { header: { pad }, payload: { ...CLAIMS, filler: 'f'.repeat(letters) } });
        if (token.length === length) return token;
      }
    }
    throw new Error(`no token is of ${length} bytes`);
  };
  return [
    ...['name', 'iat', 'exp', 'iss', 'aud', 'sub'].map(lacking),
    claims('exp-text', { exp: String(SECONDS + 900) }),
    claims('exp-null', { exp: null }),
    claims('exp-true', { exp: true }),
    claims('exp-list', { exp: [SECONDS + 900] }),
    claims('exp-negative', { exp: -1 }),
    claims('exp-zero', { exp: 0 }),
    claims('exp-far', { exp: 1e20 }),
    claims('exp-milliseconds', { exp: NOW + 900_000 }),
    replaced('exp-infinite', 'exp', '1e400'),
    replaced('exp-exponent', 'exp', `${SECONDS + 900}e0`),
    replaced('exp-expired-exponent', 'exp', '1e3'),
    rest('exp-twice-last-past', '"exp":1'),
    replaced('exp-twice-last-future', 'exp', `1,"exp":${SECONDS + 900}`),
    claims('nbf-past', { nbf: SECONDS - 60 }),
    claims('nbf-now', { nbf: SECONDS }),
    claims('nbf-future', { nbf: SECONDS + 1 }),
    claims('nbf-text', { nbf: String(SECONDS) }),
    claims('nbf-null', { nbf: null }),
    claims('nbf-far', { nbf: 1e20 }),
    claims('iat-ahead', { iat: SECONDS + 60 }),
    claims('iat-far-ahead', { iat: SECONDS + 61 }),
    claims('iat-text', { iat: String(SECONDS) }),
    claims('iat-null', { iat: null }),
    claims('iss-empty', { iss: '' }),
    claims('iss-slash', { iss: `${ISSUER}/` }),
    claims('iss-case', { iss: ISSUER.toUpperCase() }),
    claims('iss-longer', { iss: `${ISSUER}.evil.example` }),
    claims('iss-list', { iss: [ISSUER] }),
    claims('iss-number', { iss: 7 }),
    rest('iss-twice', `"iss":"${OTHER}"`),
    claims('aud-empty', { aud: '' }),
    claims('aud-slash', { aud: `${ISSUER}/` }),
    claims('aud-list', { aud: [OTHER, ISSUER] }),
    claims('aud-list-of-one', { aud: [ISSUER] }),
    claims('aud-list-empty', { aud: [] }),
    claims('aud-list-mixed', { aud: [7, null, ISSUER] }),
    claims('aud-list-nested', { aud: [[ISSUER]] }),
    claims('aud-object', { aud: { 0: ISSUER } }),
    claims('aud-number', { aud: 7 }),
    claims('aud-null', { aud: null }),
    claims('aud-cookie-cache', { aud: 'better-auth:session-cache' }),
    claims('sub-empty', { sub: '' }),
    claims('sub-null', { sub: null }),
    claims('sub-number', { sub: 7 }),
    claims('sub-list', { sub: ['usr_1'] }),
    claims('sub-space', { sub: ' ' }),
    claims('sub-unicode', { sub: 'Größe-秘密-🔑' }),
    rest('sub-twice', '"sub":"usr_2"'),
    rest('user-member-twice', '"name":"Eve"'),
    rest('twice-inside', '"team":{"id":"a","id":"b"}'),
    rest('surrogate', '"nick":"\\ud800"'),
    rest('nul', '"nick":"\\u0000"'),
    rest('prototype', '"__proto__":{"role":"admin"}'),
    rest('deep', `"deep":${'['.repeat(60)}${']'.repeat(60)}`),
    rest('too-deep', `"deep":${'['.repeat(200)}${']'.repeat(200)}`),
    text('list', JSON.stringify([CLAIMS])),
    text('text', '"x"'),
    text('null', 'null'),
    text('empty', ''),
    text('spaced', ` ${JSON.stringify(CLAIMS, null, 2)}\n`),
    text('bom', `\ufeff${JSON.stringify(CLAIMS)}`),
    text('trailing-junk', `${JSON.stringify(CLAIMS)}}`),
    text('not-utf8', Buffer.concat([Buffer.from(JSON.stringify(CLAIMS).slice(0, -1)), Buffer.from(',"a":"\xff"}', 'latin1')])),
    { name: 'claims-16-kib', token: filled(16_384) },
    { name: 'claims-over-16-kib', token: filled(16_385) },
  ];
}

function spellingCases(key) {
  const token = signed(key);
  const [head, body, signature] = token.split('.');
  const spelt = (name, text) => ({ name: `spelling-${name}`, token: text });
  const loose = (part) => part.slice(0, -1) + String.fromCharCode(part.charCodeAt(part.length - 1) + 1);
  const padded = (part) => part + '='.repeat((4 - (part.length % 4)) % 4);
  // One byte more than a multiple of three: base64 of it has four loose bits, and room for two `=`.
  const unaligned = (json) => base64url(json + ' '.repeat((4 - (json.length % 3)) % 3));
  const header = unaligned(`{"alg":"EdDSA","kid":"${key.kid}"}`);
  const payload = unaligned(JSON.stringify(CLAIMS));
  return [
    spelt('two-parts', `${head}.${body}`),
    spelt('one-part', head),
    spelt('empty', ''),
    spelt('dots', '..'),
    spelt('four-dots', '....'),
    spelt('four-parts', `${token}.x`),
    spelt('trailing-dot', `${token}.`),
    spelt('leading-dot', `.${token}`),
    spelt('no-payload', `${head}..${signature}`),
    spelt('no-header', `.${body}.${signature}`),
    spelt('space-before', ` ${token}`),
    spelt('space-after', `${token} `),
    spelt('newline-after', `${token}\n`),
    spelt('space-in-signature', `${head}.${body}.${signature.slice(0, 9)} ${signature.slice(9)}`),
    spelt('padded-signature', `${head}.${body}.${padded(signature)}`),
    spelt('loose-signature', `${head}.${body}.${loose(signature)}`),
    spelt('standard-signature', inStandardAlphabet(key)),
    spelt('padded-header', signed(key, { rawHeader: padded(header) })),
    spelt('loose-header', signed(key, { rawHeader: loose(header) })),
    spelt('padded-payload', signed(key, { rawPayload: padded(payload) })),
    spelt('loose-payload', signed(key, { rawPayload: loose(payload) })),
    spelt('spaced-payload', signed(key, { rawPayload: ` ${payload}` })),
    spelt('percent-encoded', token.replaceAll('.', '%2E')),
    spelt('not-ascii', `${token.slice(0, -1)}\u00e9`),
    spelt('nul', `${token}\0`),
  ];
}

// Not every signature holds a letter that differs.
function inStandardAlphabet(key) {
  for (let nonce = 0; ; nonce += 1) {
    const [head, body, signature] = signed(key, { payload: { ...CLAIMS, nonce } }).split('.');
    const standard = signature.replaceAll('-', '+').replaceAll('_', '/');
    if (standard !== signature) return `${head}.${body}.${standard}`;
  }
}

// Keys that a token brings along are nobody's but its bearer's.
function strangerCases({ EdDSA: key }) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const jwk = publicKey.export({ format: 'jwk' });
  const stranger = { kid: 'stranger', algorithm: 'EdDSA', private_key: JSON.stringify(privateKey.export({ format: 'jwk' })) };
  const by = (name, header) => ({ name: `stranger-${name}`, token: signed(stranger, { header }) });
  return [
    by('own-kid', {}),
    by('our-kid', { kid: key.kid }),
    by('jwk', { jwk }),
    by('jwk-our-kid', { kid: key.kid, jwk }),
    by('jku', { jku: 'https://evil.example/jwks' }),
    by('jku-our-kid', { kid: key.kid, jku: 'https://evil.example/jwks' }),
    by('kid-path', { kid: '../../dev/null' }),
  ];
}

async function otherTokenCases(oracle, { EdDSA: key }) {
  const encrypted = new EncryptJWT(CLAIMS).setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: key.kid });
  return [
    { name: 'other-session-cache', token: await oracle.sessionCacheBy(key) },
    {
      name: 'other-session-cache-its-audience',
      token: await oracle.sessionCacheBy(key),
      audiences: ['better-auth:session-cache'],
    },
    { name: 'other-session-cookie', token: decodeURIComponent(await sign('Zk3vQ8mN1pXrT6yLw0cHdB9sJgAeUfIo')) },
    { name: 'other-encrypted', token: await encrypted.encrypt(Buffer.alloc(32, 7)) },
  ];
}

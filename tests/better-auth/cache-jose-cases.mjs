// Cookies of the cookie cache that are JWTs: signed with a secret, encrypted, signed with a key of Better Auth's.
// `build(name, cookie, expect)` makes a case of a Cookie line beside the session cookie.

import { createHmac, createPrivateKey, generateKeyPairSync, sign as signWith } from 'node:crypto';
import {
  IV, LEGACY_SECRET, NAME, OLD_SECRET, PAYLOAD, SECONDS, STRANGER, TOKEN, USER, base64url, claimsOf, compact, gcm,
  jwe, jweKey, jws, payload, thumbprint,
} from './cache-cookies.mjs';
import { ORIGIN, SECRET } from './oracle.mjs';

export function jwtCases(build) {
  const cookie = (name, value, expect) => build(name, `${NAME}=${value}`, expect);
  const claims = (name, more, expect) => cookie(name, jws({ claims: claimsOf(PAYLOAD, more) }), expect);
  const header = (name, more, expect) =>
    cookie(name, jws({ header: { alg: 'HS256', ...more }, claims: claimsOf() }), expect);
  const good = jws({ claims: claimsOf() });
  const [head, body, signature] = good.split('.');
  const standardSignature = Buffer.from(signature, 'base64url').toString('base64');
  const unsigned = `${base64url('{"alg":"none"}')}.${body}.`;
  const badUtf8 = Buffer.from(`${JSON.stringify(claimsOf()).slice(0, 20)}\u00ff`, 'latin1');
  const respelt = (head) => {
    const input = `${head}.${body}`;
    return encodeURIComponent(`${input}.${createHmac('sha256', SECRET).update(input).digest('base64url')}`);
  };
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
    cookie('ccj-sig-standard', `${head}.${body}.${encodeURIComponent(standardSignature)}`, 'allow'),
    cookie('ccj-header-space', respelt(`${head} `), 'allow'),
    cookie('ccj-header-non-ascii', respelt(`${head}\u00e9`), 'deny'),
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
    cookie('ccj-claims-bad-utf8', jws({ claimsText: badUtf8 }), 'deny'),
    cookie('ccj-claims-array', jws({ claimsText: `[${text}]` }), 'deny'),
    cookie('ccj-claims-not-json', jws({ claimsText: 'x' }), 'deny'),
    cookie('ccj-claims-dup', jws({ claimsText: text.replace('"version"', '"version":"2","version"') }), 'allow'),
    cookie('ccj-claims-surrogate', jws({ claimsText: text.replace('Ada', '\\ud800') })),
    cookie('ccj-compact-in-jwt', compact(), 'deny'),
    cookie('ccj-jwe-in-jwt', jwe({}), 'deny'),
  ];
}

export function jweCases(build) {
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
export function rotatedCases(build) {
  const made = (name, parts, expect) => build(name, `${NAME}=${jwe(parts)}`, expect);
  return [
    made('cce-rotated-current', {}, 'allow'),
    made('cce-rotated-old', { secret: OLD_SECRET }, 'allow'),
    made('cce-rotated-legacy', { secret: LEGACY_SECRET }, 'allow'),
    made('cce-rotated-stranger', { secret: STRANGER }, 'deny'),
    made('cce-rotated-current-no-kid', { header: { kid: undefined } }, 'allow'),
    made('cce-rotated-old-no-kid', { secret: OLD_SECRET, header: { kid: undefined } }, 'allow'),
    made('cce-rotated-legacy-no-kid', { secret: LEGACY_SECRET, header: { kid: undefined } }, 'allow'),
    made('cce-rotated-stranger-no-kid', { secret: STRANGER, header: { kid: undefined } }, 'deny'),
    made('cce-rotated-old-current-kid', { secret: OLD_SECRET, kid: thumbprint(jweKey(SECRET)) }, 'deny'),
  ];
}

// Signed with the key that Better Auth made when it wrote the genuine ones.
export async function jwksCases(oracle, build) {
  const [{ id, publicKey, privateKey }] = await oracle.keyRing();
  const genuine = createPrivateKey({ key: JSON.parse(privateKey), format: 'jwk' });
  const stranger = generateKeyPairSync('ed25519').privateKey;
  const proper = { alg: 'EdDSA', kid: id, typ: 'better-auth.session-cache+jwt' };
  const own = { sid: TOKEN, iss: ORIGIN, aud: 'better-auth:session-cache', sub: USER.id };
  const symmetric = { header: { ...proper, alg: 'HS256' }, claims: claimsOf(PAYLOAD, own) };
  const made = (name, { header = {}, claims = {}, content, key = genuine }, expect) => {
    const body = claimsOf(content, { ...own, ...claims });
    const input = [{ ...proper, ...header }, body].map((part) => base64url(JSON.stringify(part))).join('.');
    const signature = signWith(null, Buffer.from(input), key).toString('base64url');
    return build(name, `${NAME}=${input}.${signature}`, expect);
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
    build('ccjwks-hs256-rejected', `${NAME}=${jws(symmetric)}`, 'deny'),
    build('ccjwks-hs256-public-key', `${NAME}=${jws({ ...symmetric, secret: publicKey })}`, 'deny'),
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

// What is inside a cookie of the cookie cache: one text in its many spellings, fields, dates.
// `build(name, cookie, expect)` makes a case of a Cookie line beside the session cookie.

import {
  DAY, FRESH_UNTIL, NAME, OLD_SECRET, PAYLOAD, SESSION, TOKEN, USER, base64url, claimsOf, compact, compactText, jws,
  payload, replaceAt,
} from './cache-cookies.mjs';
import { NOW } from './oracle.mjs';

// One text, spelt in other ways: Better Auth writes what it read anew before it checks the signature.
export function compactCases(build) {
  const text = compactText();
  const value = base64url(text);
  const cookie = (name, encoded, expect) => build(name, `${NAME}=${encoded}`, expect);
  const edited = (name, from, to, expect) => {
    if (!text.includes(from)) throw new Error(`${name}: nothing to replace`);
    return cookie(name, base64url(text.replace(from, to)), expect);
  };
  const resigned = (name, content, expect, expiresAt) => cookie(name, compact({ payload: content, expiresAt }), expect);
  const outer = JSON.parse(text);
  const { signature } = outer;
  const withSignature = (name, other, expect) => edited(name, signature, other, expect);
  // Multiples of three bytes need no padding, two bytes less need one `=`.
  const padded = (name, spaces, tail, expect) => cookie(name, base64url(text + ' '.repeat(spaces)) + tail, expect);
  const spaces = (remainder) => (3 + remainder - (Buffer.byteLength(text) % 3)) % 3;
  // Standard base64 of a text that needs its two other characters.
  const richText = compactText({ payload: payload({ user: { name: '~~~???>>>ÿÿÿ' } }) });
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const looser = (text, bits) => replaceAt(text, text.length - 1, alphabet[alphabet.indexOf(text.at(-1)) ^ bits]);
  const indexed = { zebra: 1, 10: 'b', 9: 'a', '01': 'c', 4294967294: 'd', 4294967295: 'e', '-1': 'f' };
  const prototyped = JSON.parse(JSON.stringify(PAYLOAD).replace('"name"', '"__proto__":{"a":1},"name"'));
  const tricky = { '': 1, '"\\\n\u007f\u2028': 2, toJSON: 3, constructor: 4 };
  const numbered = compactText({ payload: payload({ user: { n: null } }) });
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
    cookie('cch-bad-utf8', base64url(Buffer.from(`${text.slice(0, 80)}\u00ff${text.slice(80)}`, 'latin1')), 'deny'),
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
    cookie('cch-key-order-wrong-sign', base64url(JSON.stringify({ ...outer, session: reordered })), 'deny'),
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
    resigned('cch-index-keys', payload({ user: indexed, 5: 'g' }), 'allow'),
    resigned('cch-iso-string-field', payload({ user: { since: '2020-01-02T03:04:05Z' } }), 'deny'),
    resigned('cch-iso-string-field-ms', payload({ user: { since: '2020-01-02T03:04:05.000Z' } }), 'allow'),
    resigned('cch-iso-string-name', payload({ user: { name: '2020-01-02T03:04:05.000Z' } }), 'deny'),
    resigned('cch-no-user', { ...payload(), user: undefined }, 'deny'),
    resigned('cch-surrogate', payload({ user: { name: 'Ada \ud800' } })),
    resigned('cch-proto', prototyped),
    resigned('cch-tricky-keys', payload({ user: tricky }), 'allow'),
    cookie('cch-infinity', base64url(numbered.replace('"n":null', '"n":1e999'))),
    cookie('cch-other-secret', compact({ secret: OLD_SECRET }), 'deny'),
    cookie('cch-jwt-in-compact', jws({ claims: claimsOf() }), 'error'),
    cookie('cch-long', compact({ payload: payload({ user: { bio: 'x'.repeat(9000) } }) }), 'allow'),
  ];
}

// A text that ends where its base64 does, so that one more character is six bits of nothing.
function padSafe(text) {
  return base64url(text + ' '.repeat((3 - (Buffer.byteLength(text) % 3)) % 3));
}

// Bytes that are no UTF-8 are read as U+FFFD, as many as there are beginnings of characters: signed as that, they pass.
function badUtf8Cookie() {
  const text = compactText({ payload: payload({ user: { name: 'Ada \ufffd\ufffd.' } }) });
  const replaced = Buffer.from('\ufffd\ufffd').toString('latin1');
  return base64url(Buffer.from(Buffer.from(text).toString('latin1').replace(replaced, '\u00e2\u0082\u00ff'), 'latin1'));
}

// What the decoded payload must be like; a JWT shows it, whose signature is over bytes.
export function payloadCases(build) {
  const shown = (name, content, expect) => build(name, `${NAME}=${jws({ claims: claimsOf(content) })}`, expect);
  const session = (name, field, value, expect) => shown(name, payload({ session: { [field]: value } }), expect);
  const user = (name, field, value, expect) => shown(name, payload({ user: { [field]: value } }), expect);
  const each = (fields, of, name, value, expect) =>
    fields.map((field) => of(`${name}-${field}`, field, value, expect));
  const userIds = {
    number: 7, fraction: 1.5, large: 1e21, true: true, null: null, list: ['a', 'b'], object: { a: 1 },
    date: new Date(NOW),
  };
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
    ...each(['id', 'token', 'expiresAt', 'userId'], session, 'cch-sess-no', undefined, 'deny'),
    ...each(['createdAt', 'updatedAt', 'ipAddress', 'userAgent'], session, 'cch-sess-no', undefined, 'allow'),
    ...each(['id', 'token', 'expiresAt', 'createdAt', 'updatedAt'], session, 'cch-sess-null', null, 'deny'),
    ...each(['ipAddress', 'userAgent'], session, 'cch-sess-null', null, 'allow'),
    ...each(['id', 'email', 'name'], user, 'cch-missing', undefined, 'deny'),
    ...each(['emailVerified', 'image', 'createdAt', 'updatedAt'], user, 'cch-missing', undefined, 'allow'),
    ...each(['id', 'email', 'name', 'emailVerified', 'createdAt', 'updatedAt'], user, 'cch-null', null, 'deny'),
    ...each(['image'], user, 'cch-null', null, 'allow'),
    ...Object.entries(userIds).map(([name, value]) => session(`cch-sess-userId-${name}`, 'userId', value, 'allow')),
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
export function dateCases(build) {
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

// Makes the cookies of the cookie cache that Better Auth would not write by itself, with the same secrets: only what is
// signed right gets as far as the checks that come after the signature.

import { createCipheriv, createHash, createHmac, hkdfSync } from 'node:crypto';
import { NOW, SECRET } from './oracle.mjs';

export const TOKEN = 'Zk3vQ8mN1pXrT6yLw0cHdB9sJgAeUfIo';
export const TOKEN_NAME = 'better-auth.session_token';
export const NAME = 'better-auth.session_data';
export const DAY = 86_400_000;
export const SECONDS = Math.floor(NOW / 1000);
export const OLD_SECRET = 'another-secret-0123456789abcdef-0123456789';
export const STRANGER = 'a-secret-that-nobody-configured-at-all';
export const LEGACY_SECRET = 'legacy-secret-0123456789abcdef-0123456789';

export const SESSION = {
  expiresAt: new Date(NOW + 7 * DAY),
  token: TOKEN,
  createdAt: new Date(NOW),
  updatedAt: new Date(NOW),
  ipAddress: '203.0.113.7',
  userAgent: 'curl/8',
  userId: 'usr_0000000000000000000000000001',
  id: 'ses_0000000000000000000000000001',
};
export const USER = {
  name: 'Ada Lovelace',
  email: 'ada@example.com',
  emailVerified: true,
  image: null,
  createdAt: new Date(NOW - 30 * DAY),
  updatedAt: new Date(NOW - 30 * DAY),
  id: 'usr_0000000000000000000000000001',
};
export const PAYLOAD = { session: SESSION, user: USER, updatedAt: NOW - 60_000, version: '1' };
export const FRESH_UNTIL = NOW + 240_000;

export const base64url = (bytes) => Buffer.from(bytes).toString('base64url');
export const replaceAt = (text, index, character) => text.slice(0, index) + character + text.slice(index + 1);
// A copy of the payload with some fields replaced; those that are undefined are left out.
export function payload({ session, user, ...top } = {}) {
  const [ofSession, ofUser] = [{ ...SESSION, ...session }, { ...USER, ...user }];
  return { session: ofSession, user: ofUser, updatedAt: NOW - 60_000, version: '1', ...top };
}

export function compactSignature(json, secret = SECRET) {
  return createHmac('sha256', secret).update(json).digest('base64url');
}

export function compactText({ payload: content = PAYLOAD, expiresAt = FRESH_UNTIL, secret } = {}) {
  const signature = compactSignature(JSON.stringify({ ...content, expiresAt }), secret);
  return JSON.stringify({ session: content, expiresAt, signature });
}

export const compact = (parts) => base64url(compactText(parts));

export function jws({
  header = { alg: 'HS256' }, claims, claimsText = JSON.stringify(claims), secret = SECRET, hash = 'sha256',
}) {
  const input = `${base64url(JSON.stringify(header))}.${base64url(claimsText)}`;
  return `${input}.${createHmac(hash, secret).update(input).digest('base64url')}`;
}

export const claimsOf = (content = PAYLOAD, more = {}) =>
  ({ ...content, iat: SECONDS - 60, exp: SECONDS + 240, ...more });

export function jweKey(secret) {
  const key = hkdfSync('sha256', secret, 'better-auth-session', 'BetterAuth.js Generated Encryption Key', 64);
  return Buffer.from(key);
}

export function thumbprint(key) {
  return createHash('sha256').update(JSON.stringify({ k: base64url(key), kty: 'oct' })).digest('base64url');
}

export const IV = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');

export function jwe({
  secret = SECRET, key = jweKey(secret), kid = thumbprint(key), header = {}, claims = claimsOf(),
  claimsText = JSON.stringify(claims), iv = IV, tagBytes = 32, encryptedKey = '', wreckTag = false,
  wreckPadding = false,
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
  const authenticated = Buffer.concat([Buffer.from(protectedHeader), iv, ciphertext, bits]);
  const tag = createHmac('sha512', key.subarray(0, 32)).update(authenticated).digest().subarray(0, tagBytes);
  if (wreckTag) tag[0] ^= 1;
  return [protectedHeader, encryptedKey, base64url(iv), base64url(ciphertext), base64url(tag)].join('.');
}

export function gcm(keyPart) {
  const key = jweKey(SECRET);
  const protectedHeader = base64url(JSON.stringify({ alg: 'dir', enc: 'A256GCM', kid: thumbprint(key) }));
  const iv = IV.subarray(0, 12);
  const cipher = createCipheriv('aes-256-gcm', keyPart(key), iv).setAAD(Buffer.from(protectedHeader));
  const ciphertext = Buffer.concat([cipher.update(JSON.stringify(claimsOf())), cipher.final()]);
  return [protectedHeader, '', base64url(iv), base64url(ciphertext), base64url(cipher.getAuthTag())].join('.');
}

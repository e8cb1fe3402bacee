// Signs tokens that Better Auth's jwt plugin would not make, with the keys that it made.

import { constants, createHmac, createPrivateKey, sign as signBytes } from 'node:crypto';
import { ISSUER } from './jwt-oracle.mjs';
import { NOW } from './oracle.mjs';

export const SECONDS = Math.floor(NOW / 1000);

export const base64url = (bytes) => Buffer.from(bytes).toString('base64url');

export const CLAIMS = { name: 'Ada', sub: 'usr_1', iat: SECONDS, exp: SECONDS + 900, iss: ISSUER, aud: ISSUER };

/** A token of any header and payload, signed by a key under the header's algorithm or another one. */
export function signed(key, { header, payload, alg, more, rawHeader, rawPayload } = {}) {
  const own = key.algorithm ?? 'EdDSA';
  const head = rawHeader ?? base64url(asJson(header, { alg: alg ?? own, kid: key.kid, ...header }));
  const body = rawPayload ?? base64url(asJson(payload, payload ?? CLAIMS));
  return `${head}.${body}.${signatureOf(`${head}.${body}`, key, alg ?? own, more)}`;
}

// What is text or bytes already may be no JSON at all.
const asJson = (given, value) =>
  (typeof given === 'string' || given instanceof Buffer ? given : JSON.stringify(value));

/** A token that is signed with a shared secret, whatever the key of that name is. */
export function hmac({ kid }, secret) {
  const input = `${base64url(JSON.stringify({ alg: 'HS256', kid }))}.${base64url(JSON.stringify(CLAIMS))}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

const PADDING = { RS: constants.RSA_PKCS1_PADDING, PS: constants.RSA_PKCS1_PSS_PADDING };

/** The signature of `text` by a stored key, under any algorithm that fits it, as JWS writes it. */
function signatureOf(text, { private_key }, algorithm, more = {}) {
  const key = createPrivateKey({ key: JSON.parse(private_key), format: 'jwk' });
  const kind = algorithm.slice(0, 2);
  const hash = kind === 'Ed' ? null : `sha${algorithm.slice(2, 5)}`;
  const options = { key, dsaEncoding: 'ieee-p1363', padding: PADDING[kind], saltLength: 32, ...more };
  if (kind !== 'PS') delete options.saltLength;
  return signBytes(hash, Buffer.from(text), options).toString('base64url');
}

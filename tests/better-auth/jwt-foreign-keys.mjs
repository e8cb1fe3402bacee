// A set of keys that no plugin of Better Auth published: `jwks.remoteUrl` may name any. Only `jose` judges by it.

import { generateKeyPairSync } from 'node:crypto';
import { base64url, hmac, signed } from './jwt-forge.mjs';
import { SECRET } from './oracle.mjs';

/** Each key of the set, with the tokens that its owner signed. */
export function foreignKeys() {
  const key = (name, alg, type, options, change = (jwk) => jwk) => {
    const { publicKey, privateKey } = generateKeyPairSync(type, options);
    const kid = `foreign-${name}`;
    const jwk = change({ ...publicKey.export({ format: 'jwk' }), kid, alg });
    const by = { kid, algorithm: alg, private_key: JSON.stringify(privateKey.export({ format: 'jwk' })) };
    return { jwk, by, cases: [{ name: kid, keys: 'foreign', token: signed(by) }] };
  };
  const ed25519 = (name, change) => key(name, 'EdDSA', 'ed25519', {}, change);
  const rsa = (name, alg, modulusLength, change) => key(name, alg, 'rsa', { modulusLength }, change);
  const withLeadingZero = (number) => base64url(Buffer.concat([Buffer.alloc(1), Buffer.from(number, 'base64url')]));
  const noAlg = ({ alg: _, ...jwk }) => jwk;
  const twin = ed25519('twin');
  const moved = (jwk) => ({ ...jwk, kid: 'foreign-twin' });
  return [
    ed25519('plain'),
    ed25519('no-alg', noAlg),
    ed25519('no-kid', ({ kid: _, ...jwk }) => jwk),
    ed25519('use-sig', (jwk) => ({ ...jwk, use: 'sig' })),
    ed25519('use-enc', (jwk) => ({ ...jwk, use: 'enc' })),
    ed25519('ops-verify', (jwk) => ({ ...jwk, key_ops: ['verify'] })),
    ed25519('ops-sign', (jwk) => ({ ...jwk, key_ops: ['sign'] })),
    ed25519('alg-other', (jwk) => ({ ...jwk, alg: 'ES256' })),
    ed25519('alg-null', (jwk) => ({ ...jwk, alg: null })),
    ed25519('short', (jwk) => ({ ...jwk, x: jwk.x.slice(0, -2) })),
    ed25519('curve-other', (jwk) => ({ ...jwk, crv: 'X25519' })),
    twin,
    ed25519('second-twin', moved),
    key('P-256-no-alg', 'ES256', 'ec', { namedCurve: 'P-256' }, noAlg),
    key('P-521-no-alg', 'ES512', 'ec', { namedCurve: 'P-521' }, noAlg),
    key('P-256-off-curve', 'ES256', 'ec', { namedCurve: 'P-256' }, (jwk) => ({ ...jwk, y: jwk.x })),
    key('P-521-off-curve', 'ES512', 'ec', { namedCurve: 'P-521' }, (jwk) => ({ ...jwk, y: jwk.x })),
    key('P-384', 'ES384', 'ec', { namedCurve: 'P-384' }),
    rsa('RS256-1024', 'RS256', 1024),
    rsa('RS256-no-alg', 'RS256', 2048, noAlg),
    rsa('RS256-4096', 'RS256', 4096),
    rsa('RS256-leading-zero', 'RS256', 2048, (jwk) => ({ ...jwk, n: withLeadingZero(jwk.n) })),
    rsa('RS256-no-modulus', 'RS256', 2048, ({ n: _, ...jwk }) => jwk),
    rsa('RS384', 'RS384', 2048),
    rsa('PS256-use', 'PS256', 2048, (jwk) => ({ ...jwk, use: 'sig' })),
    { jwk: { kty: 'oct', kid: 'foreign-oct', alg: 'HS256', k: base64url(SECRET) }, cases: [
      { name: 'foreign-oct', keys: 'foreign', token: hmac({ kid: 'foreign-oct' }, SECRET) },
    ] },
    { jwk: { kty: 'new', kid: 'foreign-kind', alg: 'NEW' }, cases: [] },
  ];
}

// What a request with an Authorization header is asked about: the bearer plugin, with and without `requireSignature`.
// `expect` is what reading the plugin's source promises; a case without it records whatever is answered.

import { NOW, sign } from './oracle.mjs';

const TOKEN = 'Zk3vQ8mN1pXrT6yLw0cHdB9sJgAeUfIo';
const NAME = 'better-auth.session_token';
const ROW = {
  token: TOKEN,
  session_id: 'ses_0000000000000000000000000001',
  user_id: 'usr_0000000000000000000000000001',
  expiresAt: NOW + 7 * 86_400_000,
};
const OTHER_SECRET = 'another-secret-0123456789abcdef-0123456789';

export async function bearerCases() {
  const wire = await sign(TOKEN);
  const plain = decodeURIComponent(wire);
  const signature = plain.slice(TOKEN.length + 1);
  const good = `${NAME}=${wire}`;
  const unknown = await sign('unknown-token-of-nobody');
  const foreign = await sign(TOKEN, OTHER_SECRET);
  const jwt = 'eyJhbGciOiJFZERTQSIsImtpZCI6IngifQ.eyJzdWIiOiJ1c3JfMSJ9.c2lnbmF0dXJl';
  const dotted = 'a.dotted.token';

  // Each as it is, and beside a cookie that is genuine by itself.
  const texts = {
    'brr-signed': [`Bearer ${wire}`],
    'brr-signed-raw': [`Bearer ${plain}`],
    'brr-signed-lower-hex': [`Bearer ${wire.replace(/%../g, (hex) => hex.toLowerCase())}`],
    'brr-scheme-case': [`bEaReR ${plain}`],
    'brr-spaces': [`Bearer    ${plain}   `],
    'brr-nbsp': [`Bearer \u00a0${plain}\u00a0`],
    'brr-tab': [`Bearer\t${plain}`],
    'brr-two-schemes': [`Bearer Bearer ${plain}`],
    'brr-no-space': [`Bearer${plain}`],
    'brr-empty': ['Bearer '],
    'brr-blank': ['Bearer     '],
    'brr-scheme-only': ['Bearer'],
    'brr-basic': ['Basic dXNlcjpwYXNz'],
    'brr-token-scheme': [`Token ${plain}`],
    'brr-bad-sig': [`Bearer ${TOKEN}.${'A'.repeat(43)}=`],
    'brr-foreign-sig': [`Bearer ${foreign}`],
    'brr-unknown-signed': [`Bearer ${unknown}`],
    'brr-sig-nopad': [`Bearer ${plain.slice(0, -1)}`],
    'brr-sig-double-pad': [`Bearer ${plain}=`],
    'brr-sig-after-pad': [`Bearer ${plain}junk`],
    'brr-sig-urlsafe': [`Bearer ${TOKEN}.${signature.replaceAll('+', '-').replaceAll('/', '_')}`],
    'brr-sig-mixed-alphabets': [`Bearer ${TOKEN}.${signature.replace('/', '_')}`],
    'brr-sig-space-for-plus': [`Bearer ${plain.replaceAll('+', ' ')}`],
    'brr-empty-sig': [`Bearer ${TOKEN}.`],
    'brr-empty-token': [`Bearer .${signature}`],
    'brr-dot': ['Bearer .'],
    'brr-extra-segment': [`Bearer ${plain}.x`],
    'brr-extra-signature': [`Bearer ${plain}.${signature}`],
    'brr-encoded-dot': [`Bearer ${wire.replace('.', '%2E')}`],
    'brr-bad-pct': [`Bearer ${plain}%`],
    'brr-double-encoded': [`Bearer ${encodeURIComponent(wire)}`],
    'brr-quoted': [`Bearer "${plain}"`],
    'brr-comma': [`Bearer ${plain}, Bearer ${plain}`],
    'brr-jwt': [`Bearer ${jwt}`],
    'brr-dotted': [`Bearer ${await sign(dotted)}`],
    'brr-unsigned': [`Bearer ${TOKEN}`],
    'brr-unsigned-unknown': ['Bearer opaque-api-token-of-somebody-else'],
    'brr-unsigned-percent': [`Bearer ${TOKEN.replace('Z', '%5A')}`],
    'brr-unsigned-latin1': [`Bearer ${TOKEN}\u00e9`],
    'brr-unsigned-case': [`Bearer ${TOKEN.toLowerCase()}`],
    'brr-unsigned-equals': [`Bearer ${TOKEN}=`],
  };
  const expected = {
    'brr-signed': 'allow',
    'brr-signed-raw': 'allow',
    'brr-scheme-case': 'allow',
    'brr-tab': 'deny',
    'brr-bad-sig': 'deny',
    'brr-bad-sig-good-cookie': 'allow',
    'brr-sig-nopad': 'deny',
    'brr-sig-nopad-good-cookie': 'deny',
    'brr-sig-urlsafe': 'deny',
    'brr-unknown-signed-good-cookie': 'deny',
    'brr-jwt-good-cookie': 'allow',
  };

  const cases = [];
  for (const requireSignature of [true, false]) {
    for (const [base, authorization] of Object.entries(texts)) {
      for (const cookies of [[], [good]]) {
        const name = cookies.length > 0 ? `${base}-good-cookie` : base;
        const row = base.startsWith('brr-dotted') ? { ...ROW, token: dotted } : ROW;
        cases.push({
          name: requireSignature ? name : `${name}-unsigned-taken`,
          requireSignature,
          question: { options: { bearerPlugin: { requireSignature } }, row, cookies, authorization },
          expect: expected[name],
        });
      }
    }
  }
  return cases;
}

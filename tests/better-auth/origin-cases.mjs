// Whose pages may send what changes something: asked of Better Auth itself, by signing out with a cookie.
// Better Auth checks this before it looks at the session, so none is needed, nor a database.

import { betterAuth } from 'better-auth';

const BASE = 'https://auth.example.com';

const APP = 'https://app.example.com';
const BELOW = 'https://*.example.com';

// [trusted, origin, sec-fetch-site]; null where there is no such header.
const QUESTIONS = {
  own: [[APP], APP, null],
  'own, and the browser says so': [[APP], APP, 'same-origin'],
  'own, from a sibling': [[APP], APP, 'same-site'],
  'own, from elsewhere': [[APP], APP, 'cross-site'],
  'another of two': [['https://first.example.com', APP], APP, null],
  'nobody trusted': [[], APP, null],
  foreign: [[APP], 'https://evil.example', 'cross-site'],
  'foreign, by a browser without Sec-Fetch-Site': [[APP], 'https://evil.example', null],
  sibling: [[APP], 'https://other.example.com', 'same-site'],
  'unlisted name of the same site': [[APP], 'https://www.example.com', 'same-origin'],
  'neither header': [[APP], null, null],
  'only Sec-Fetch-Site, same-origin': [[APP], null, 'same-origin'],
  'only Sec-Fetch-Site, none': [[APP], null, 'none'],
  'only Sec-Fetch-Site, cross-site': [[APP], null, 'cross-site'],
  null: [[APP], 'null', null],
  'null from elsewhere': [[APP], 'null', 'cross-site'],
  'null from a sibling': [[APP], 'null', 'same-site'],
  'null, and the browser says same-origin': [[APP], 'null', 'same-origin'],
  'null is in the list': [['null'], 'null', null],
  empty: [[APP], '', null],
  'http for https': [[APP], 'http://app.example.com', null],
  'https for http': [['http://app.example.com'], APP, null],
  'port of its own': [[APP], `${APP}:8443`, null],
  'port in the list': [[`${APP}:8443`], `${APP}:8443`, null],
  'port in the list alone': [[`${APP}:8443`], APP, null],
  'default port written out': [[APP], `${APP}:443`, null],
  'default port of http': [['http://localhost'], 'http://localhost:80', null],
  'default port of the other scheme': [[APP], `${APP}:80`, null],
  'capital letters': [[APP], 'HTTPS://APP.Example.COM', null],
  'slash at the end': [[APP], `${APP}/`, null],
  path: [[APP], `${APP}/evil`, null],
  query: [[APP], `${APP}?x`, null],
  user: [[APP], 'https://app.example.com@evil.example', null],
  'user before it': [[APP], 'https://evil@app.example.com', null],
  'longer name': [[APP], 'https://app.example.com.evil.example', null],
  'shorter name': [[APP], 'https://example.com', null],
  'name with something before it': [[APP], 'https://evilapp.example.com', null],
  'dot at the end': [[APP], 'https://app.example.com.', null],
  'two joined': [[APP], `${APP}, https://evil.example`, null],
  'two joined the other way round': [[APP], `https://evil.example, ${APP}`, null],
  'one twice, joined': [[APP], `${APP}, ${APP}`, null],
  'no scheme': [[APP], 'app.example.com', null],
  'no slashes': [[APP], 'https:app.example.com', null],
  backslashes: [[APP], 'https:\\\\app.example.com', null],
  extension: [[APP], 'chrome-extension://abcdefghijklmnop', 'none'],
  'below, one label': [[BELOW], APP, null],
  'below, two labels': [[BELOW], 'https://a.b.example.com', null],
  'below, none': [[BELOW], 'https://example.com', null],
  'below, an empty label': [[BELOW], 'https://.example.com', null],
  'below, another scheme': [[BELOW], 'http://app.example.com', null],
  'below, another port': [[BELOW], `${APP}:8443`, null],
  'below, with its port': [[`${BELOW}:8443`], `${APP}:8443`, null],
  'below, no dot': [[BELOW], 'https://evilexample.com', null],
  'below, longer name': [[BELOW], 'https://app.example.com.evil.example', null],
  'below, an escape': [[BELOW], 'https://evil.example%23.example.com', null],
  'below, a slash': [[BELOW], 'https://evil.example/.example.com', null],
  'below, a fragment': [[BELOW], 'https://evil.example#.example.com', null],
  'below, a user': [[BELOW], 'https://evil.example:x@a.example.com', null],
  'below, a space': [[BELOW], 'https://evil.example .example.com', null],
  localhost: [['http://localhost:3000'], 'http://localhost:3000', 'same-origin'],
  'localhost, another port': [['http://localhost:3000'], 'http://localhost:3001', 'same-site'],
  'IPv4 address': [['http://127.0.0.1:8080'], 'http://127.0.0.1:8080', null],
  'IPv4 address in another form': [['http://127.0.0.1:8080'], 'http://127.1:8080', null],
  'IPv6 address': [['http://[::1]:3000'], 'http://[::1]:3000', null],
  'scheme of an app': [['capacitor://localhost'], 'capacitor://localhost', null],
  'scheme of another app': [['capacitor://localhost'], 'ionic://localhost', null],
};

/** Each question with what Better Auth answers: `passes`, or the code of why not. */
export async function originCases() {
  const cases = [];
  for (const [name, [trusted, origin, site]] of Object.entries(QUESTIONS)) {
    cases.push({ name, trusted, origin, site, verdict: await verdict(trusted, origin, site) });
  }
  return cases;
}

async function verdict(trustedOrigins, origin, site) {
  const auth = betterAuth({
    baseURL: BASE,
    secret: 'sidegate-oracle-secret-0123456789abcdef',
    trustedOrigins,
    telemetry: { enabled: false },
    logger: { disabled: true },
  });
  const headers = new Headers({ cookie: '__Secure-better-auth.session_token=anything' });
  if (origin !== null) headers.set('origin', origin);
  if (site !== null) headers.set('sec-fetch-site', site);
  const answer = await auth.handler(new Request(`${BASE}/api/auth/sign-out`, { method: 'POST', headers }));
  if (answer.status === 200) return 'passes';
  const { code } = await answer.json();
  if (answer.status !== 403 || !code) throw new Error(`${origin}: ${answer.status} ${code}`);
  return code;
}

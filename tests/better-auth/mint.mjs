// Mints tests/vectors/ by asking the real Better Auth. Every verdict written is its answer; where a case expects
// one as well, another answer stops the mint.
//
//   node mint.mjs           writes those of session-cookie.json, settings.json, sign-in.json, bearer.json,
//                           cookie-cache.json, jwt.json, get-session-body.json, secondary-storage.json and origin.json
//                           that differ
//   node mint.mjs --check   shows what differs, and writes nothing
//
// Node's version is no difference, nor are the random tokens of sign-in.json, the keys of cookie-cache.json and jwt.json
// and what was made with them. What was once written of jwt.json is asked about again, too.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { bearerCases } from './bearer-cases.mjs';
import { cookieCacheCases } from './cache-cases.mjs';
import { mintBodies } from './bodies.mjs';
import { sessionCookieCases, settingsCases, signInCases } from './cases.mjs';
import { jwtQuestions } from './jwt-cases.mjs';
import { ISSUER, openJwtOracle } from './jwt-oracle.mjs';
import { originCases } from './origin-cases.mjs';
import { NOW, ORIGIN, SECRET, installedVersion, madeBy, openOracle } from './oracle.mjs';
import { mintSecondaryStorage } from './storage-oracle.mjs';

const VECTORS = new URL('../vectors/', import.meta.url);

async function mintSessionCookies(oracle) {
  const cases = [];
  for (const { name, expect, ...question } of await sessionCookieCases()) {
    const { secret, ...answer } = await oracle.ask(question);
    if (expect && answer.verdict !== expect) {
      throw new Error(`${name}: expected ${expect}, Better Auth answers ${answer.verdict}`);
    }
    cases.push({ name, ...(secret !== SECRET && { secret }), ...answer });
  }
  return cases;
}

async function mintSettings(oracle) {
  const cases = [];
  for (const setting of settingsCases()) {
    const { name, attributes } = await oracle.sessionCookie(optionsOf(setting));
    cases.push({ ...setting, secure: attributes.secure, wire_name: name });
  }
  return cases;
}

async function mintBearers(oracle) {
  const cases = [];
  for (const { name, expect, requireSignature, question } of await bearerCases()) {
    const { secret, ...answer } = await oracle.ask(question);
    if (expect && requireSignature && answer.verdict !== expect) {
      throw new Error(`${name}: expected ${expect}, Better Auth answers ${answer.verdict}`);
    }
    cases.push({ name, require_signature: requireSignature, ...answer });
  }
  return cases;
}

function optionsOf({ cookie_prefix, cookie_name, use_secure_cookies, base_url }) {
  return {
    baseURL: base_url,
    advanced: {
      useSecureCookies: use_secure_cookies ?? undefined,
      cookiePrefix: cookie_prefix ?? undefined,
      cookies: cookie_name === null ? undefined : { session_token: { name: cookie_name } },
    },
  };
}

async function mintSignIns(oracle) {
  const cases = [];
  for (const { name, ...question } of signInCases()) cases.push({ name, ...(await oracle.signIn(question)) });
  return cases;
}

async function mintCookieCaches(oracle) {
  const cases = [];
  const unexpected = [];
  for (const { name, expect, options, cookies } of await cookieCacheCases(oracle)) {
    const { verdict, ...answer } = await oracle.askCache({ options, cookies });
    if (expect && verdict !== expect) unexpected.push(`${name}: expected ${expect}, Better Auth answers ${verdict}`);
    cases.push({ name, ...readerOf(options), ...answer, verdict });
  }
  if (unexpected.length > 0) throw new Error(unexpected.join('\n'));
  return cases;
}

// What a reader of the cookie must be told of these options.
function readerOf({ database = true, jwtPlugin, session, secret = SECRET, secrets }) {
  const { strategy = 'jwe', version } = session?.cookieCache ?? {};
  const values = secrets?.map(({ value }) => value) ?? [];
  const all = [...new Set([...values, secret])];
  return {
    strategy: jwtPlugin ? 'jwks' : strategy,
    ...(!database && { stateless: true }),
    ...(version && { version }),
    ...((secrets || secret !== SECRET) && { secrets: all }),
  };
}

async function mintJwts(oracle) {
  const { keySets, cases } = await jwtQuestions(oracle);
  return jwtText(keySets, await oracle.judge(keySets, cases));
}

function jwtText(keySets, cases) {
  const verdicts = {
    better_auth: 'auth.api.verifyJWT of its jwt plugin, with the rows of the key set in its table',
    jose: 'jwtVerify of jose, with the same issuer and audiences and the JWKS that the plugin publishes of these rows',
  };
  const header = { made_by: { ...madeBy, jose: installedVersion('jose') }, verdicts, now: NOW, issuer: ISSUER };
  return render({ ...header, key_sets: keySets }, cases);
}

// The committed tokens, judged now.
async function rejudged(oracle, committed) {
  const { key_sets, cases } = JSON.parse(committed);
  return jwtText(key_sets, await oracle.judge(key_sets, cases));
}

function render(header, cases) {
  const fields = Object.entries(header).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},\n`);
  const lines = cases.map((one) => JSON.stringify(one)).join(',\n');
  return asciiOnly(`{\n${fields.join('')}  "cases": [\n${lines}\n  ]\n}\n`);
}

// So that no-break spaces and C1 controls can be seen in a diff.
function asciiOnly(json) {
  return json.replace(/[^\n\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function differences(committed, minted) {
  const before = new Set(committed.split('\n'));
  const after = new Set(minted.split('\n'));
  return [
    ...[...before].filter((line) => !after.has(line)).map((line) => `- ${line}`),
    ...[...after].filter((line) => !before.has(line)).map((line) => `+ ${line}`),
  ];
}

function withoutNodeVersion(text) {
  return text.replace(/"node":"[^"]*"/, '"node":"…"');
}

function withoutRandomParts(text) {
  return withoutNodeVersion(text)
    .replace(/"token":"[A-Za-z0-9]{32}"/g, '"token":"…"')
    .replace(/=[A-Za-z0-9]{32}\.(?:[A-Za-z0-9]|%2F|%2B){43}%3D;/g, '=…;');
}

// Better Auth encrypts and signs with what is random: of those the question and the verdict are compared, not the
// cookies.
function withoutRandomCookies(text) {
  const random = /(\{"name":"(?:cc-jwe-(?!mutation)|cc-jwks-|ccjwks-|sl-).*)"cookies":\[.*?\](,"(?:body|verdict)":)/g;
  return withoutNodeVersion(text).replace(/"keys": .*/, '"keys": …').replace(random, '$1"cookies":…$2');
}

function withoutKeys(text) {
  return withoutNodeVersion(text)
    .replace(/^ {2}"key_sets":.*\n/m, '')
    .replace(/"token":"(?:[^"\\]|\\.)*"/g, '"token":"…"');
}

const oracle = await openOracle();
const cookieCaches = await mintCookieCaches(oracle);
const keys = (await oracle.keyRing()).map(({ id, publicKey }) => ({ kid: id, ...JSON.parse(publicKey) }));
const jwtOracle = await openJwtOracle();
const files = [
  {
    name: 'session-cookie.json',
    text: render({ made_by: madeBy, secret: SECRET, now: NOW, timezone: 'UTC' }, await mintSessionCookies(oracle)),
    comparable: withoutNodeVersion,
  },
  {
    name: 'settings.json',
    text: render({ made_by: madeBy }, await mintSettings(oracle)),
    comparable: withoutNodeVersion,
  },
  {
    name: 'get-session-body.json',
    text: render({ made_by: madeBy, now: NOW, timezone: 'UTC' }, await mintBodies()),
    comparable: withoutNodeVersion,
  },
  {
    name: 'sign-in.json',
    text: render({ made_by: madeBy, now: NOW }, await mintSignIns(oracle)),
    comparable: withoutRandomParts,
  },
  {
    name: 'secondary-storage.json',
    text: render({ made_by: madeBy, secret: SECRET, now: NOW }, await mintSecondaryStorage()),
    comparable: withoutNodeVersion,
  },
  {
    name: 'origin.json',
    text: render({ made_by: madeBy }, await originCases()),
    comparable: withoutNodeVersion,
  },
  {
    name: 'bearer.json',
    text: render({ made_by: madeBy, secret: SECRET, now: NOW, timezone: 'UTC' }, await mintBearers(oracle)),
    comparable: withoutNodeVersion,
  },
  {
    name: 'cookie-cache.json',
    text: render({ made_by: madeBy, secret: SECRET, now: NOW, issuer: ORIGIN, keys }, cookieCaches),
    comparable: withoutRandomCookies,
  },
  {
    name: 'jwt.json',
    text: await mintJwts(jwtOracle),
    comparable: withoutKeys,
    again: (committed) => rejudged(jwtOracle, committed),
  },
];

for (const { name, text, comparable, again } of files) {
  const path = new URL(name, VECTORS);
  const committed = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const found = differences(comparable(committed), comparable(text));
  if (committed && again) {
    found.push(...differences(withoutNodeVersion(committed), withoutNodeVersion(await again(committed))));
  }
  if (found.length === 0) continue;
  if (process.argv.includes('--check')) {
    console.error(`${name} is not what Better Auth ${madeBy['better-auth']} answers:\n${found.join('\n')}`);
    process.exitCode = 1;
  } else {
    writeFileSync(path, text);
  }
}
oracle.close();
jwtOracle.close();

// Mints tests/vectors/ by asking the real Better Auth. Every verdict written is its answer; where a case expects
// one as well, another answer stops the mint.
//
//   node mint.mjs           writes those of session-cookie.json, settings.json, get-session-body.json and sign-in.json
//                           that differ
//   node mint.mjs --check   shows what differs, and writes nothing
//
// Node's version and the random tokens of sign-in.json are no difference.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mintBodies } from './bodies.mjs';
import { sessionCookieCases, settingsCases, signInCases } from './cases.mjs';
import { NOW, SECRET, madeBy, openOracle } from './oracle.mjs';

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

const oracle = await openOracle();
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
];
oracle.close();

for (const { name, text, comparable } of files) {
  const path = new URL(name, VECTORS);
  const committed = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const found = differences(comparable(committed), comparable(text));
  if (found.length === 0) continue;
  if (process.argv.includes('--check')) {
    console.error(`${name} is not what Better Auth ${madeBy['better-auth']} answers:\n${found.join('\n')}`);
    process.exitCode = 1;
  } else {
    writeFileSync(path, text);
  }
}

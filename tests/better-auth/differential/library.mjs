// One version of Better Auth: where its parts are exported from differs from minor to minor.
//
// The newest is the one that everything else here runs, tests/better-auth/node_modules; the older ones stand beside
// this file under names of their own.

import { readFileSync } from 'node:fs';

const NEWEST = '1.7';
const OLDER = ['1.3', '1.4', '1.5', '1.6'];

export async function libraryOf(minor) {
  if (minor !== NEWEST && !OLDER.includes(minor)) throw new Error(`there is no Better Auth ${minor} here`);
  const root = minor === NEWEST ? 'better-auth' : `better-auth-${minor}`;
  const [{ betterAuth }, { toNodeHandler }, plugins, { getMigrations }] = await Promise.all([
    import(root),
    import(`${root}/node`),
    import(`${root}/plugins`),
    // Moved in 1.5.
    import(['1.3', '1.4'].includes(minor) ? `${root}/db` : `${root}/db/migration`),
  ]);
  const plugin = async (name, options) => (plugins[name] ?? (await separate(name)))(options);
  return { version: versionOf(root), betterAuth, toNodeHandler, plugin, getMigrations, sessionContext };

  // What 1.3 wants to know of the request in which a session begins.
  function sessionContext(context) {
    return minor === '1.3' ? [{ context }] : [];
  }
}

// A package of its own since 1.5, of which the newest is here.
async function separate(name) {
  if (name !== 'apiKey') throw new Error(`there is no plugin ${name}`);
  const { apiKey } = await import('@better-auth/api-key');
  return apiKey;
}

function versionOf(root) {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.resolve(root)), 'utf8')).version;
}

// Serves Better Auth, in the version that its one argument names (1.3 … 1.7), under as many sets of options as are
// asked for, one after the other or at once. Each has a port of its own for get-session.
//
// Ready: one line on stdout, {"port":12345,"betterAuth":"1.3.34"}. On that port of 127.0.0.1 it takes commands: POST
// with a JSON body to /open (see instance.mjs), /sign, or /<id>/<command> for an instance that /open made. A command
// that fails is answered with 500 and the reason. SIGTERM ends it at once.

import './clock.mjs';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { openInstance, sign } from './instance.mjs';
import { libraryOf } from './library.mjs';

const library = await libraryOf(process.argv[2]);
const instances = new Map();

async function open(options) {
  const instance = await openInstance(library, options);
  const id = String(instances.size + 1);
  instances.set(id, instance);
  return { id, port: instance.port, cookieNames: instance.cookieNames };
}

async function signAll({ values }) {
  return { signed: await Promise.all(values.map(sign)) };
}

function commandAt(path) {
  if (path === '/open') return open;
  if (path === '/sign') return signAll;
  const [, id, command] = path.split('/');
  return instances.get(id)[command];
}

const server = createServer(async (request, response) => {
  try {
    const answer = await commandAt(request.url)(await json(request));
    response.end(JSON.stringify(answer));
  } catch (error) {
    response.statusCode = 500;
    response.end(error.stack);
  }
}).listen(0, '127.0.0.1');
await once(server, 'listening');

console.log(JSON.stringify({ port: server.address().port, betterAuth: library.version }));

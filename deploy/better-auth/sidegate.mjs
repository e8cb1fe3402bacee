// Tells sidegate of sessions that ended and users that changed, as soon as Better Auth has written it: POST /revoke on
// sidegate's admin listener. Copy it beside your auth.ts; README.md says how it is set up.
//
//   const revocations = tellSidegate({ urls: ['http://127.0.0.1:4181'], secret: process.env.SIDEGATE_REVOKE_SECRET });
//   export const auth = betterAuth({ …, plugins: [revocations.plugin] });
//
// An answer of Better Auth waits until every sidegate took it, but no longer than `timeout`, and fails never: what did not
// get through is sent again in the background for `retryFor`. No token leaves this process, only its SHA-256.

/** More than these at once are all of them: it is what `POST /revoke` takes. */
const NAMES_MAX = 1000;
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5000;

/** Keys of a secondary storage that say nothing of a session, and the marker that ends a user's sessions. */
const OTHER_KEYS = /^(active-sessions-|verification:|api-key:)|\|\//;
const MARKER = 'revoked-sessions-before-';

/**
 * @param {object} options
 * @param {string | string[]} options.urls where the admin listeners of all sidegates are; with `revocation_redis`, of any
 * @param {string} options.secret what is in sidegate's `revoke_secret_file`
 * @param {number} [options.timeout] longest time in milliseconds that an answer of Better Auth waits
 * @param {number} [options.retryFor] how long in milliseconds what did not get through is sent again
 * @param {(message: string) => void} [options.log] is told what did not get through, and why
 */
export function tellSidegate({ urls, secret, timeout = 1000, retryFor = 30_000, log = console.warn }) {
  if (!secret) throw new Error('tellSidegate: secret is empty; it is what is in revoke_secret_file');
  const outboxes = [urls].flat().map((url) => new Outbox(new URL('/revoke', url), { secret, timeout, retryFor, log }));
  if (outboxes.length === 0) throw new Error('tellSidegate: urls names no sidegate');

  const tell = (kind, name) => outboxes.forEach((outbox) => outbox.put(kind, name));
  const session = (token) => token && tell('tokens', token);
  const user = (id) => id && tell('users', id);

  /** Resolves when all that was told has arrived, or did not in time. */
  async function told() {
    const attempts = outboxes.map((outbox) => outbox.attempt).filter(Boolean);
    const limit = pause(timeout);
    await Promise.race([Promise.all(attempts), limit]);
    limit.cancel();
  }

  const plugin = {
    id: 'sidegate',
    // Better Auth runs these once the transaction is committed.
    init: () => ({
      options: {
        databaseHooks: {
          session: {
            update: { after: async (row) => session(row?.token) },
            // Of more than a hundred at once it runs for a hundred, so their user is told as well.
            delete: {
              after: async (row) => {
                session(row?.token);
                user(row?.userId);
              },
            },
          },
          user: {
            update: { after: async (row) => user(row?.id) },
            delete: { after: async (row) => user(row?.id) },
          },
        },
      },
    }),
    hooks: {
      after: [
        {
          matcher: () => outboxes.some((outbox) => outbox.attempt),
          handler: async () => {
            await told();
            return {};
          },
        },
      ],
    },
  };

  /** For a secondary storage without sessions in the database, where Better Auth has no hooks to run. */
  const watch = (storage) => {
    const changed = (key) => {
      if (key.startsWith(MARKER)) user(key.slice(MARKER.length));
      else if (!OTHER_KEYS.test(key)) session(key);
    };
    const ours = {
      set: async (key, ...rest) => {
        await storage.set(key, ...rest);
        changed(key);
      },
      delete: async (key) => {
        await storage.delete(key);
        changed(key);
      },
    };
    const own = (value) => (typeof value === 'function' ? value.bind(storage) : value);
    return new Proxy(storage, { get: (_, name) => ours[name] ?? own(storage[name]) });
  };

  return { plugin, watch, session, user, everything: () => tell('everything'), told };
}

/** What one sidegate has yet to be told. */
class Outbox {
  #url;
  #options;
  #names = { tokens: new Set(), users: new Set() };
  #everything = false;
  #since;
  #isSending = false;
  /** Settles when nothing is left or it did not get through; undefined while there is nothing to wait for. */
  attempt;

  constructor(url, options) {
    this.#url = url;
    this.#options = options;
  }

  put(kind, name) {
    if (kind === 'everything') this.#everything = true;
    else this.#names[kind].add(name);
    if (this.#names.tokens.size + this.#names.users.size > NAMES_MAX) this.#everything = true;
    this.#since ??= Date.now();
    if (this.#isSending) return;
    this.#isSending = true;
    this.attempt = new Promise((resolve) => void this.#send(resolve));
  }

  async #send(settle) {
    let failingSince;
    let longest = FIRST_PAUSE;
    // Rows that are deleted together are told together.
    await pause(0);
    while (this.#since !== undefined) {
      const batch = this.#take();
      const failure = await this.#post(batch);
      if (!failure) {
        failingSince = undefined;
        longest = FIRST_PAUSE;
        continue;
      }
      this.attempt = undefined;
      settle();
      failingSince ??= Date.now();
      const isOver = Date.now() - failingSince >= this.#options.retryFor;
      if (failure.isFinal || isOver) {
        this.#options.log(`sidegate at ${this.#url.host} was not told of revocations: ${failure.why}`);
        failingSince = undefined;
        continue;
      }
      this.#putBack(batch);
      await pause(longest * (0.5 + Math.random() / 2));
      longest = Math.min(2 * longest, LONGEST_PAUSE);
    }
    this.#isSending = false;
    this.attempt = undefined;
    settle();
  }

  #take() {
    const batch = { ...this.#names, everything: this.#everything, since: this.#since };
    this.#names = { tokens: new Set(), users: new Set() };
    this.#everything = false;
    this.#since = undefined;
    return batch;
  }

  #putBack(batch) {
    batch.tokens.forEach((name) => this.#names.tokens.add(name));
    batch.users.forEach((name) => this.#names.users.add(name));
    this.#everything ||= batch.everything || this.#names.tokens.size + this.#names.users.size > NAMES_MAX;
    this.#since = batch.since;
  }

  /** Why it did not get through; undefined if it did. */
  async #post({ tokens, users, everything, since }) {
    try {
      const body = everything
        ? { everything, at: since }
        : { token_digest: await Promise.all([...tokens].map(digest)), user_id: [...users], at: since };
      const { status } = await fetch(this.#url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${this.#options.secret}` },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(this.#options.timeout),
        redirect: 'error',
      });
      if (status === 204) return undefined;
      return { why: `it answered ${status}`, isFinal: status < 500 && status !== 408 && status !== 429 };
    } catch (error) {
      return { why: error.cause?.message ?? error.message, isFinal: false };
    }
  }
}

async function digest(token) {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token));
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A timer that can be cancelled. */
function pause(milliseconds) {
  let timer;
  const promise = new Promise((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  promise.cancel = () => clearTimeout(timer);
  return promise;
}

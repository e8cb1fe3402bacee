//! The table of all settings.

/// One setting: file key `cache_ttl`, flag `--cache-ttl`, variable `SIDEGATE_CACHE_TTL`.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The file key.
    pub name: &'static str,
    /// What kind of value it takes, for help.
    pub value: &'static str,
    /// The value if nobody gives one; `None` if there is none.
    pub default: Option<&'static str>,
    /// What it does for the user, with its unit and what the extremes mean.
    pub help: &'static str,
    /// When a change of it in the file counts.
    pub counts: Counts,
}

/// When a change counts that is made while sidegate runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// As soon as it is read.
    AtOnce,
    /// When sidegate is started the next time: it is about sockets, threads, the log, or the store and what is remembered of it.
    AtStart,
}

impl Setting {
    /// The flag, without its dashes.
    #[must_use]
    pub fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    /// The environment variable.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("SIDEGATE_{}", self.name.to_ascii_uppercase())
    }

    /// The files that `text`, its value, has read.
    #[must_use]
    pub fn files<'t>(&self, text: &'t str) -> Vec<&'t str> {
        match self.value {
            "PATH" => vec![text],
            "PATHS" => text.split(',').map(str::trim).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether it is on or off.
    #[must_use]
    pub fn is_switch(&self) -> bool {
        self.value == "BOOL"
    }
}

const fn setting(
    name: &'static str,
    value: &'static str,
    default: Option<&'static str>,
    help: &'static str,
) -> Setting {
    Setting { name, value, default, help, counts: Counts::AtOnce }
}

/// One that a running sidegate does not change.
const fn at_start(
    name: &'static str,
    value: &'static str,
    default: Option<&'static str>,
    help: &'static str,
) -> Setting {
    Setting { counts: Counts::AtStart, ..setting(name, value, default, help) }
}

/// All of them, in the order in which they are told.
pub const SETTINGS: &[Setting] = &[
    at_start(
        "listen",
        "ADDRESS",
        Some("127.0.0.1:4180"),
        "Where proxies ask: 127.0.0.1:4180, unix:/run/sidegate/sidegate.sock or fd:3 (passed by systemd)",
    ),
    at_start("listen_mode", "OCTAL", Some("0660"), "Permission bits of a UNIX socket's file"),
    at_start(
        "admin_listen",
        "ADDRESS",
        Some("127.0.0.1:4181"),
        "Where /livez, /readyz, /metrics and /.well-known/jwks.json are; the forms of listen. Keep it off the internet",
    ),
    at_start(
        "store",
        "URL",
        None,
        "Where Better Auth keeps its sessions: postgres://, mysql://, mariadb://, sqlite:, redis:// (secondary \
         storage), https:// (Better Auth itself is asked) or none (cookie cache alone). If absent, DATABASE_URL",
    ),
    at_start(
        "fallback_store",
        "URL",
        None,
        "Asked where store has no entry: the database, where store is redis:// and Better Auth keeps sessions in both \
         (storeSessionInDatabase without preserveSessionInDatabase)",
    ),
    at_start(
        "redis_key_prefix",
        "TEXT",
        Some("better-auth:"),
        "What stands before Better Auth's keys in Redis: keyPrefix of @better-auth/redis-storage",
    ),
    setting(
        "auth_url",
        "URL",
        None,
        "Where Better Auth answers, such as http://127.0.0.1:3000; /api/auth is added where it has no path. If absent, \
         store where that is http(s)://",
    ),
    setting(
        "secret_file",
        "PATH",
        None,
        "File that holds Better Auth's secret; one line end at its end is ignored. If absent, the variable \
         BETTER_AUTH_SECRETS, BETTER_AUTH_SECRET or AUTH_SECRET, as Better Auth reads them",
    ),
    setting(
        "previous_secret_file",
        "PATH",
        None,
        "While the secret is being replaced: file with the one before, whose signatures count too until \
         previous_secret_until. Better Auth itself takes the present secret alone",
    ),
    setting(
        "previous_secret_until",
        "TIME",
        None,
        "When the previous secret ends, such as 2026-12-24T18:00:00Z; at most 31 days ahead",
    ),
    at_start(
        "cookie_name",
        "NAME",
        None,
        "Exact name of the session cookie, where advanced.cookies.session_token.name is set in Better Auth",
    ),
    at_start(
        "cookie_prefix",
        "PREFIX",
        Some("better-auth"),
        "Better Auth's advanced.cookiePrefix: the cookie is PREFIX.session_token",
    ),
    at_start(
        "secure_cookies",
        "BOOL",
        Some("false"),
        "Whether the cookie's name begins with __Secure-, as it does where Better Auth's baseURL is https, \
         useSecureCookies is on, or NODE_ENV is production without a baseURL",
    ),
    setting(
        "refuse_banned",
        "BOOL",
        Some("true"),
        "Whether users whom an administrator banned get 403, even while a session of theirs lives",
    ),
    setting(
        "bearer",
        "BOOL",
        Some("false"),
        "Whether signed session tokens are read from Authorization: Bearer, before the cookie (Better Auth's bearer \
         plugin)",
    ),
    setting(
        "trust_unsigned_bearer",
        "BOOL",
        Some("false"),
        "Whether bearer takes tokens without a signature, as the plugin does without requireSignature. Whoever can read \
         the session table, a backup or a log of it can then sign in as anybody",
    ),
    setting(
        "jwt",
        "BOOL",
        Some("false"),
        "Whether JSON Web Tokens of Better Auth's jwt plugin are taken from Authorization: Bearer. They outlive a \
         sign-out until they expire",
    ),
    setting(
        "jwks_url",
        "URL",
        None,
        "Where the keys of those tokens are. If absent, the jwks table of store, or auth_url's /jwks where store has none",
    ),
    setting(
        "jwt_issuer",
        "TEXT",
        None,
        "The iss that those tokens must have. If absent, the origin of auth_url, Better Auth's own default",
    ),
    setting(
        "jwt_audience",
        "TEXT",
        None,
        "The aud that those tokens must have. If absent, jwt_issuer, Better Auth's own default",
    ),
    setting(
        "jwks_ttl",
        "DURATION",
        Some("5m"),
        "How long the keys are remembered. An unknown key's name has them read again, at most every ten seconds",
    ),
    setting(
        "api_key_header",
        "NAME",
        None,
        "Header of Better Auth's API keys, such as x-api-key: requests that carry it are judged by Better Auth itself \
         (auth_url). If absent, API keys are not looked at",
    ),
    setting(
        "api_key_ttl",
        "DURATION",
        Some("5s"),
        "How long Better Auth's answer to an API key is remembered: its rate limits and quotas count one request each time",
    ),
    setting(
        "cookie_cache",
        "STRATEGY",
        Some("off"),
        "Better Auth's session.cookieCache.strategy, compact, jwt, jwe or jwks: the session_data cookie answers while the \
         store is down, or always where store is none. What it says may be as old as Better Auth's maxAge. off: it is \
         never read",
    ),
    setting(
        "cookie_cache_version",
        "TEXT",
        Some("1"),
        "Better Auth's session.cookieCache.version: cookies of another one do not count",
    ),
    setting(
        "cookie_cache_name",
        "NAME",
        None,
        "Exact name of the session_data cookie, where advanced.cookies.session_data.name is set in Better Auth",
    ),
    at_start(
        "get_session",
        "BOOL",
        Some("false"),
        "Whether GET /api/auth/get-session is answered as Better Auth does, for apps that call it. A remembered session \
         takes more memory then",
    ),
    setting(
        "refresh",
        "MODE",
        Some("off"),
        "delegate: a session that is due is prolonged by asking Better Auth (auth_url). off: sidegate prolongs nothing",
    ),
    setting(
        "session_expires_in",
        "DURATION",
        Some("168h"),
        "Better Auth's session.expiresIn, for knowing when a session is due",
    ),
    setting(
        "session_update_age",
        "DURATION",
        Some("24h"),
        "Better Auth's session.updateAge, for knowing when a session is due",
    ),
    setting(
        "relay_set_cookie",
        "BOOL",
        Some("false"),
        "Whether the proxy hands an allowing answer's Set-Cookie on to the browser (nginx/refresh.conf does): a refresh is \
         waited for then, and its cookie sent along",
    ),
    at_start(
        "cache_ttl",
        "DURATION",
        None,
        "Longest time a session is believed without asking the store, which is how long a signed-out one can still be let \
         through where nothing tells of sign-outs. If absent, 30s while revocations are heard of (`sidegate check` \
         tells) and 5s otherwise. 0s asks the store every time",
    ),
    at_start(
        "cache_capacity",
        "COUNT",
        Some("1000000"),
        "Most sessions remembered at once; beyond it the least used are forgotten",
    ),
    at_start(
        "negative_ttl",
        "DURATION",
        Some("1s"),
        "How long the absence of a session is remembered, for genuine tokens only. 0s not at all",
    ),
    at_start(
        "store_timeout",
        "DURATION",
        Some("500ms"),
        "Longest time a request waits for the store; then it is a 503",
    ),
    at_start(
        "store_connect_timeout",
        "DURATION",
        Some("2s"),
        "Longest time a lookup waits for a connection; it goes on in the background when the request has given up",
    ),
    at_start(
        "store_connections",
        "COUNT",
        Some("8"),
        "Most connections to the store; 4 to 8 serve two cores",
    ),
    at_start(
        "store_queue",
        "COUNT",
        Some("1024"),
        "Most lookups that wait for one of them, for store_timeout at the longest; the next ones get 503 at once",
    ),
    at_start(
        "stale_if_error",
        "DURATION",
        Some("60s"),
        "How much longer than cache_ttl a session passes that passed before, while the store cannot be asked: marked by \
         X-Auth-Freshness, and never beyond its end or its revocation. 0s not at all, which is the default where cache_ttl \
         is 0s",
    ),
    setting(
        "stale_methods",
        "LIST",
        Some(""),
        "Methods in which stale_if_error counts, such as GET,HEAD. Empty: all",
    ),
    at_start(
        "revocation",
        "CHANNEL",
        Some("auto"),
        "How sign-outs and bans are heard of as they happen: listen (PostgreSQL), outbox (any database), tracking (Redis), \
         auto (whichever the store is prepared for, see `sidegate revocation`) or off",
    ),
    at_start("revocation_poll", "DURATION", Some("250ms"), "How often the outbox is looked into"),
    setting(
        "revoke_secret_file",
        "PATH",
        None,
        "File that holds the bearer secret of POST /revoke on admin_listen, at least 16 characters, by which \
         deploy/better-auth tells of sign-outs and bans. If absent, there is no such endpoint",
    ),
    at_start(
        "revocation_redis",
        "URL",
        None,
        "redis:// URL by which what one replica is told by POST /revoke reaches all of them. If absent, each has to be told",
    ),
    setting(
        "trusted_proxies",
        "LIST",
        Some("loopback,unix"),
        "Who may ask: addresses, networks such as 10.0.0.0/8, and the words loopback and unix. All others get 403",
    ),
    setting(
        "login_url",
        "URL",
        None,
        "Where people sign in: a path such as /login, or an http(s) URL. Traefik, Caddy and Envoy redirect pages there; \
         nginx and HAProxy are told in X-Auth-Login",
    ),
    setting(
        "return_to_param",
        "NAME",
        Some("return_to"),
        "Query parameter of login_url that takes the path to return to. Empty: none is added",
    ),
    setting(
        "allowed_return_hosts",
        "LIST",
        Some(""),
        "Where login_url is on a host of its own: hosts to which people may come back, such as app.example.com or \
         *.example.com. For these the place to return to is a whole URL",
    ),
    setting(
        "header_preset",
        "PRESET",
        Some("sidegate"),
        "Names of the identity headers: sidegate (X-Auth-User-Id and so on), oauth2-proxy (X-Auth-Request-User, -Email, \
         -Preferred-Username, -Groups) or authelia (Remote-User, -Email, -Name, -Groups)",
    ),
    setting(
        "header_names",
        "MAP",
        Some(""),
        "Other names for single identity headers: user_id=X-User,user_email=X-Mail. user_name= leaves one out",
    ),
    setting(
        "preflight",
        "MODE",
        Some("deny"),
        "pass: CORS preflights, which carry no credentials, reach the app as X-Auth-Status: anonymous. deny: they get 401",
    ),
    setting(
        "allowed_origins",
        "LIST",
        Some(""),
        "Origins whose pages may send requests that change something with the session cookie, or open a WebSocket: \
         https://app.example.com, https://*.example.com. All others get 403. Empty: any page may",
    ),
    setting(
        "allowed_fetch_sites",
        "LIST",
        Some("same-origin,none"),
        "Where allowed_origins is set: values of Sec-Fetch-Site, by which a browser tells where a request comes from, that are \
         enough too: same-origin, same-site (any subdomain), none (nobody's page). Empty: Origin alone counts",
    ),
    setting(
        "mode",
        "MODE",
        Some("enforce"),
        "shadow: everything passes, and log and metrics tell what would not have; for trying sidegate out. enforce: it \
         does not pass",
    ),
    setting(
        "assertion_audience",
        "TEXT",
        None,
        "Whom X-Auth-Assertion is for, a signed JSON Web Token that tells an app who somebody is without its having to \
         trust the proxy: its aud. If absent, nothing is signed",
    ),
    setting("assertion_issuer", "TEXT", Some("sidegate"), "The iss of assertions"),
    setting(
        "assertion_key_file",
        "PATHS",
        None,
        "PEM file (PKCS#8) with the Ed25519 or P-256 key that signs assertions; after a comma a second one, whose key is \
         published too, while keys are replaced. If absent, a key is made at each start",
    ),
    setting(
        "assertion_algorithm",
        "NAME",
        Some("EdDSA"),
        "EdDSA or ES256: how the key signs that is made at the start. One in a file has its own",
    ),
    setting(
        "assertion_bind",
        "LIST",
        Some(""),
        "host and/or request: what of its request an assertion is tied to besides, so that it proves nothing elsewhere \
         (claims host and req)",
    ),
    setting(
        "assertion_jwks_file",
        "FILE",
        None,
        "File that the public keys are written to at the start and when they change, as /.well-known/jwks.json on admin_listen tells them",
    ),
    at_start(
        "session_table",
        "NAME",
        Some("session"),
        "Better Auth's session.modelName; schema.table where it needs one",
    ),
    at_start(
        "user_table",
        "NAME",
        Some("user"),
        "Better Auth's user.modelName; schema.table where it needs one",
    ),
    at_start(
        "column_case",
        "CASE",
        Some("camel"),
        "How columns are spelt: camel (expiresAt: Better Auth's migrations, Prisma) or snake (expires_at: Drizzle)",
    ),
    at_start(
        "session_fields",
        "MAP",
        Some(""),
        "Better Auth's session.fields: renamed columns, such as expiresAt=valid_until,userId=owner",
    ),
    at_start(
        "user_fields",
        "MAP",
        Some(""),
        "Better Auth's user.fields: renamed columns, such as email=mail",
    ),
    at_start(
        "session_additional_fields",
        "MAP",
        Some(""),
        "Better Auth's session.additionalFields that are told by get_session, each with its type: \
         device:string,trust=trust_level:number. Types: string, number, boolean, date, json, string[], number[]",
    ),
    at_start(
        "user_additional_fields",
        "MAP",
        Some(""),
        "Better Auth's user.additionalFields that are told by get_session, in their order, without those of returned: false",
    ),
    at_start(
        "member_table",
        "NAME",
        Some("member"),
        "The organization plugin's member.modelName, for the role in the active organization",
    ),
    at_start("jwks_table", "NAME", Some("jwks"), "The jwt plugin's jwks.modelName"),
    at_start(
        "time_zone",
        "ZONE",
        Some("UTC"),
        "Zone of dates that are stored without one, such as America/New_York: that of Better Auth's process",
    ),
    at_start(
        "connections_max",
        "COUNT",
        Some("4096"),
        "Most connections at once; the next ones wait to be accepted",
    ),
    at_start(
        "header_bytes_max",
        "BYTES",
        Some("65536"),
        "Longest head of a question, at least 8192; more is answered with 431. nginx sends up to 32 KiB by default",
    ),
    at_start("headers_max", "COUNT", Some("100"), "Most headers of a question; more is answered with 431"),
    at_start(
        "header_read_timeout",
        "DURATION",
        Some("5s"),
        "Longest time from the first byte of a head to its last; then the connection is closed",
    ),
    at_start(
        "idle_timeout",
        "DURATION",
        Some("75s"),
        "Longest time between two requests of a connection. Keep it above the proxy's own (nginx: 60s)",
    ),
    at_start(
        "drain_timeout",
        "DURATION",
        Some("10s"),
        "Longest time that requests under way are waited for after SIGTERM",
    ),
    setting(
        "reload_interval",
        "DURATION",
        Some("5s"),
        "How often the configuration file and the files that it names are looked at: what changed there counts a second later. 0s: \
         only when SIGHUP comes",
    ),
    at_start("workers", "COUNT", Some("0"), "Threads that serve. 0: as many as there are cores to run on"),
    at_start(
        "log_format",
        "FORMAT",
        Some("text"),
        "text for people, json for collectors; both go to standard error",
    ),
    at_start("log_level", "LEVEL", Some("info"), "error, warn, info (one event a denial), debug or trace"),
    at_start(
        "log_denials",
        "BOOL",
        Some("true"),
        "Whether each denial is an event; the metrics count them in any case",
    ),
];

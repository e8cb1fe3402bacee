"""The matrix of the differential suite: what Better Auth is told, and what sidegate is told for it to agree.

Every pair of choices from two axes meets in at least one configuration. Decides nothing about sessions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

from .better_auth import SECRET
from .pairs import covering

DIMENSIONS = (
    "version",
    "store",
    "cookie",
    "secret",
    "ids",
    "schema",
    "plugins",
    "lifetime",
    "bearer",
    "previous_secret_file",
    "http",
    "api_key_header",
    "get_session",
    "refuse_banned",
    "redis",
    "cookie_cache",
)
"""What is on: axes below, and features that a choice needs. A choice that needs something else is not collected."""

OTHER_SECRET = "the-secret-of-some-other-deployment-0123456789"
UNICODE_SECRET = "Größe-秘密-🔑-" * 8
NEWER = ("1.5", "1.6", "1.7")
CACHED_COOKIES = ("", "secure", "prefix", "secure-prefix", "name-and-prefix")
"""Of the choices of names, those that say something of the cookie cache's name too."""
STORES = ("sqlite", "postgres", "mariadb", "http", "redis", "redis-and-rows", "redis-and-old-rows")

SNAKE_SESSION = {
    "expiresAt": "expires_at",
    "userId": "user_id",
    "createdAt": "created_at",
    "updatedAt": "updated_at",
    "ipAddress": "ip_address",
    "userAgent": "user_agent",
}
SNAKE_USER = {"emailVerified": "email_verified", "createdAt": "created_at", "updatedAt": "updated_at"}


@dataclass(frozen=True)
class Choice:
    """One value of an axis."""

    name: str = ""
    """Part of a configuration's name; empty for what most people have."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Better Auth's options."""
    plugins: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    """Better Auth's plugins, each with its options."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What Better Auth's whole process has in its environment."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """sidegate's settings."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Where both look for a secret: Better Auth when it starts, and sidegate."""
    secret: str | None = None
    """What cookies are signed with, if not the rig's own secret."""
    previous_secret: str | None = None
    """What sidegate is told was the secret before."""
    needs: str | None = None
    """The dimension that has to be on."""
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What it can be combined with: axis and names."""
    before_1_4: "Choice | None" = None
    """The same, where 1.3 has it in another way."""


PLAIN = Choice()


SNAKE = {
    "session": {"modelName": "sessions", "fields": SNAKE_SESSION},
    "user": {"modelName": "users", "fields": SNAKE_USER},
}
SNAKE_TABLES = {"session_table": "sessions", "user_table": "users"}


def named_fields(fields: Mapping[str, str]) -> str:
    return ",".join(f"{field}={column}" for field, column in fields.items())


def advanced(name: str, settings: Mapping[str, str], **options: Any) -> Choice:
    return Choice(name, options={"advanced": options}, settings=settings)


def named(cookie: str) -> dict[str, Any]:
    return {"session_token": {"name": cookie}}


def ids(**options: Any) -> dict[str, Any]:
    return {"advanced": {"database": options}}


HTTPS = {"baseURL": "https://app.example"}


def in_both(*, preserved: bool) -> dict[str, Any]:
    return {"session": {"storeSessionInDatabase": True, "preserveSessionInDatabase": preserved}}


def cached(**options: Any) -> dict[str, Any]:
    """For ten days, in which sessions can end."""
    return {"session": {"cookieCache": {"enabled": True, "maxAge": 864_000} | options}}


def cache(name: str, strategy: str, settings: Mapping[str, str] | None = None, **more: Any) -> Choice:
    """The cookie cache, as the only source that sidegate has."""
    return Choice(
        name,
        options=cached(strategy=strategy, **more),
        settings={"cookie_cache": strategy} | dict(settings or {}),
        # 1.3 wrote it in another form.
        only={"store": ("none",), "version": ("1.4", *NEWER), "cookie": CACHED_COOKIES},
    )


PRODUCTION = {"NODE_ENV": "production"}
SECURE = {"secure_cookies": "true"}

AXES: dict[str, tuple[Choice, ...]] = {
    "version": tuple(Choice(minor) for minor in ("1.7", "1.6", "1.5", "1.4", "1.3")),
    "store": (
        Choice("sqlite"),
        Choice("postgres"),
        Choice("mariadb"),
        Choice("http", needs="http"),
        Choice("redis", needs="redis"),
        Choice("redis-and-rows", options=in_both(preserved=False), needs="redis"),
        Choice("redis-and-old-rows", options=in_both(preserved=True), needs="redis"),
        Choice("none", needs="cookie_cache", only={"version": ("1.4", *NEWER)}),
    ),
    "cookie": (
        PLAIN,
        advanced("secure", SECURE, useSecureCookies=True),
        Choice("https", options=HTTPS, settings=SECURE),
        Choice("https-plain", options=HTTPS | {"advanced": {"useSecureCookies": False}}),
        Choice("production", environment=PRODUCTION, settings=SECURE, before_1_4=Choice(environment=PRODUCTION)),
        Choice(
            "subdomains",
            options=HTTPS | {"advanced": {"crossSubDomainCookies": {"enabled": True, "domain": "app.example"}}},
            settings=SECURE,
        ),
        advanced("prefix", {"cookie_prefix": "shop"}, cookiePrefix="shop"),
        advanced("secure-prefix", SECURE | {"cookie_prefix": "shop"}, useSecureCookies=True, cookiePrefix="shop"),
        advanced("name", {"cookie_name": "sid"}, cookiePrefix="shop", cookies=named("sid")),
        # The cookie cache's name has the prefix all the same; where that is not read, only one of them may be set.
        replace(
            advanced(
                "name-and-prefix",
                {"cookie_name": "sid", "cookie_prefix": "shop"},
                cookiePrefix="shop",
                cookies=named("sid"),
            ),
            needs="cookie_cache",
            only={"store": ("none",)},
        ),
        advanced("secure-name", SECURE | {"cookie_name": "sid"}, useSecureCookies=True, cookies=named("sid")),
        advanced("host-name", {"cookie_name": "__Host-sid"}, useSecureCookies=False, cookies=named("__Host-sid")),
    ),
    "secret": (
        PLAIN,
        Choice("long-secret", secret=UNICODE_SECRET, variables={"BETTER_AUTH_SECRET": UNICODE_SECRET}),
        Choice("auth-secret", variables={"AUTH_SECRET": SECRET}),
        Choice(
            "secrets",
            secret=UNICODE_SECRET,
            variables={"BETTER_AUTH_SECRETS": f"1:{UNICODE_SECRET}, 2:{OTHER_SECRET}", "BETTER_AUTH_SECRET": SECRET},
            only={"version": NEWER},
        ),
        Choice("rolling", previous_secret=OTHER_SECRET, needs="previous_secret_file"),
    ),
    "ids": (
        PLAIN,
        Choice("serial", options=ids(generateId="serial"), before_1_4=Choice(options=ids(useNumberId=True))),
        Choice("uuid", options=ids(generateId="uuid"), only={"version": ("1.4", *NEWER)}),
    ),
    "schema": (
        PLAIN,
        # Columns of plugins keep their names, which in a schema of Drizzle's they do not.
        Choice("snake", options=SNAKE, settings=SNAKE_TABLES | {"column_case": "snake"}, only={"plugins": ("", "jwt")}),
        Choice(
            "named",
            options=SNAKE,
            settings=SNAKE_TABLES
            | {"session_fields": named_fields(SNAKE_SESSION), "user_fields": named_fields(SNAKE_USER)},
        ),
        Choice(
            "odd",
            options={
                "session": {"modelName": "Log In", "fields": {"token": "the token", "userId": "WHO"}},
                "user": {"modelName": "order", "fields": {"email": "e-mail", "name": "key"}},
            },
            settings={
                "session_table": "Log In",
                "user_table": "order",
                "session_fields": "token=the token,userId=WHO",
                "user_fields": "email=e-mail,name=key",
            },
        ),
        Choice(
            "additional",
            options={
                "session": {"additionalFields": {"theme": {"type": "string", "required": False}}},
                "user": {
                    "additionalFields": {
                        "age": {"type": "number", "required": False},
                        "since": {"type": "date", "required": False},
                        "hidden": {"type": "string", "required": False, "returned": False},
                    }
                },
            },
            settings={"session_additional_fields": "theme:string", "user_additional_fields": "age:number,since:date"},
        ),
    ),
    "plugins": (
        PLAIN,
        Choice("admin", plugins=(("admin", {}),)),
        Choice("lenient-admin", plugins=(("admin", {}),), settings={"refuse_banned": "false"}, needs="refuse_banned"),
        # The migrations of 1.3 make tables of teams before what they refer to.
        Choice(
            "organization",
            plugins=(("organization", {"teams": {"enabled": True}}),),
            before_1_4=Choice(plugins=(("organization", {}),)),
        ),
        Choice("crowd", plugins=(("username", {}), ("anonymous", {}), ("phoneNumber", {}))),
        # On PostgreSQL, 1.3 cannot sign out with it.
        Choice("multi-session", plugins=(("multiSession", {}),), before_1_4=Choice()),
        Choice("jwt", plugins=(("jwt", {}),)),
    ),
    "lifetime": (
        PLAIN,
        Choice("short", options={"session": {"expiresIn": 3600, "updateAge": 0}}),
        Choice("never-refreshed", options={"session": {"disableSessionRefresh": True}}),
        Choice("deferred", options={"session": {"deferSessionRefresh": True}}),
    ),
    "bearer": (
        PLAIN,
        Choice("bearer", plugins=(("bearer", {}),), settings={"bearer": "true", "trust_unsigned_bearer": "true"}),
        Choice("signed-bearer", plugins=(("bearer", {"requireSignature": True}),), settings={"bearer": "true"}),
    ),
    "get_session": (PLAIN, Choice("endpoint", settings={"get_session": "true"})),
    "api_key_header": (
        PLAIN,
        Choice(
            "api-key",
            plugins=(("apiKey", {"enableSessionForAPIKeys": True, "rateLimit": {"enabled": False}}),),
            settings={"api_key_header": "x-api-key", "api_key_ttl": "0s"},
            # Of the package that it is since 1.5 there is one for the newest alone.
            only={"version": ("1.3", "1.4", "1.7")},
        ),
    ),
    "cookie_cache": (
        Choice("", only={"store": STORES}),
        cache("compact", "compact"),
        cache("version-2", "compact", {"cookie_cache_version": "2"}, version="2"),
        cache("jwt-cache", "jwt"),
        cache("jwe-cache", "jwe"),
    ),
}


@dataclass(frozen=True)
class Configuration:
    """One choice from each axis."""

    choices: Mapping[str, Choice]

    @property
    def name(self) -> str:
        return "-".join(choice.name for choice in self.choices.values() if choice.name)

    @property
    def version(self) -> str:
        return self.choices["version"].name

    @property
    def store(self) -> str:
        return self.choices["store"].name

    @property
    def database(self) -> str:
        """Where Better Auth's tables are."""
        return self.store if self.store in ("sqlite", "postgres", "mariadb") else "sqlite"

    @property
    def has_redis(self) -> bool:
        return self.store.startswith("redis")

    @property
    def has_rows(self) -> bool:
        """Whether there is a table of sessions."""
        return self.store != "redis"

    def has(self, axis: str, *names: str) -> bool:
        """Whether one of these was chosen from that axis."""
        return axis in self.choices and self.choices[axis].name in names

    @property
    def options(self) -> dict[str, Any]:
        return reduce(merged, (choice.options for choice in self.choices.values()), {})

    @property
    def plugins(self) -> list[tuple[str, Mapping[str, Any]]]:
        return [plugin for choice in self.choices.values() for plugin in choice.plugins]

    @property
    def environment(self) -> dict[str, str]:
        return self._joined("environment")

    @property
    def settings(self) -> dict[str, str]:
        return self._joined("settings")

    @property
    def variables(self) -> dict[str, str]:
        return self._joined("variables") or {"BETTER_AUTH_SECRET": SECRET}

    @property
    def secret(self) -> str:
        return next((choice.secret for choice in self.choices.values() if choice.secret), SECRET)

    @property
    def previous_secret(self) -> str | None:
        return next((choice.previous_secret for choice in self.choices.values() if choice.previous_secret), None)

    def table(self, model: str) -> str:
        """The table's name."""
        name: str = self.options.get(model, {}).get("modelName", model)
        return name

    def column(self, model: str, logical: str) -> str:
        """The column's name."""
        name: str = self.options.get(model, {}).get("fields", {}).get(logical, logical)
        return name

    def _joined(self, attribute: str) -> dict[str, str]:
        return reduce(lambda left, right: left | right, (getattr(c, attribute) for c in self.choices.values()), {})


def merged(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    """Both, and what is a mapping in both merged likewise."""
    result = dict(left)
    for key, value in right.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if both else value
    return result


def configurations() -> list[Configuration]:
    """The whole matrix. Always the same, so that a test's name means something."""
    axes = {
        axis: [choice for choice in choices if choice.needs is None or choice.needs in DIMENSIONS]
        for axis, choices in AXES.items()
        if axis in DIMENSIONS
    }
    return [
        Configuration({axis: spelt(choice, chosen["version"].name) for axis, choice in chosen.items()})
        for chosen in covering(axes)
    ]


def spelt(choice: Choice, version: str) -> Choice:
    """The choice as that version takes it."""
    if choice.before_1_4 is None or version != "1.3":
        return choice
    return replace(choice.before_1_4, name=choice.name)

"""The real Better Auth on Node: whatever it says of a session is what sidegate has to say."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx

from . import secrets
from .places import BETTER_AUTH, node
from .process import Process

SECRET = "end-to-end-secret-of-sidegate-0123456789"
PASSWORD = "correct horse battery staple"

secrets.remember("the secret", SECRET)


@dataclass(frozen=True)
class SignedIn:
    """What a browser holds after signing in."""

    name: str
    """The cookie's name."""
    value: str
    """Its value, as it stood in Set-Cookie."""
    email: str
    cookies: dict[str, str]
    """All cookies that were set, in their wire form."""

    @property
    def cookie(self) -> str:
        """The Cookie header."""
        return f"{self.name}={self.value}"

    @property
    def all_cookies(self) -> str:
        """The Cookie header with all that signing in set, Better Auth's cookie cache among it."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    @property
    def cookie_cache(self) -> str:
        """The cookie cache's part of the Cookie header."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items() if "session_data" in name)

    @property
    def token(self) -> str:
        return unquote(self.value).rpartition(".")[0]

    @property
    def signature(self) -> str:
        return unquote(self.value).rpartition(".")[2]


@dataclass(frozen=True)
class Person(SignedIn):
    """Somebody whom Better Auth's own adapter made and signed in."""

    id: str


class BetterAuth:
    """Better Auth on a database of its own or a shared one."""

    def __init__(
        self,
        home: Path,
        database: str,
        *,
        origins: Sequence[str] = (),
        options: dict[str, Any] | None = None,
        plugins: dict[str, Any] | None = None,
        secret: str = SECRET,
        port: int = 0,
        env: Mapping[str, str] | None = None,
    ) -> None:
        settings = dict(env or {}) | {
            "PORT": str(port),
            "DATABASE_URL": database,
            "BETTER_AUTH_SECRET": secret,
            "BASE_URL": ",".join(origins),
            "BETTER_AUTH_OPTIONS": json.dumps(options or {}),
            "BETTER_AUTH_PLUGINS": json.dumps(plugins or {}),
        }
        self.process = Process("better-auth", [node(), BETTER_AUTH / "serve.mjs"], home, env=settings)
        ready = self.process.wait_for(r'^\{"port":(\d+)')
        self.port = int(ready[1])
        self.origin = origins[0] if origins else f"http://127.0.0.1:{self.port}"
        self.url = f"http://127.0.0.1:{self.port}"
        # Nothing is kept between calls, cookies least of all.
        self._client = httpx.Client(
            base_url=self.url, headers={"Origin": self.origin}, timeout=20, trust_env=False
        )
        self.base_path = (options or {}).get("basePath", "/api/auth")
        self._users = 0

    def stop(self) -> None:
        self._client.close()
        self.process.discard()

    def sign_up(self, name: str = "Ada Lovelace") -> str:
        """Makes a user; the e-mail address."""
        self._users += 1
        email = f"user{self._users}@example.com"
        body = {"email": email, "password": PASSWORD, "name": name}
        remember_cookies(cookies_of(self._post(self.base_path + "/sign-up/email", body)))
        return email

    def sign_in(self, email: str | None = None, *, remember_me: bool = True) -> SignedIn:
        """Signs in, as a new user if none is named."""
        email = email or self.sign_up()
        body = {"email": email, "password": PASSWORD, "rememberMe": remember_me}
        return signed_in(self._post(self.base_path + "/sign-in/email", body), email)

    def sign_in_anonymously(self) -> SignedIn:
        """As a new user, by the anonymous plugin: no password has to be hashed, so it takes no time."""
        return signed_in(self._post(self.base_path + "/sign-in/anonymous", {}), "")

    def sign_out(self, who: SignedIn) -> None:
        self._post(self.base_path + "/sign-out", {}, who.cookie)

    def create_api_key(self, owner: SignedIn, **body: Any) -> dict[str, Any]:
        """A key, as the api-key plugin tells it once: `id` and `key` among it."""
        created: dict[str, Any] = self._post(self.base_path + "/api-key/create", body, owner.cookie).json()
        secrets.remember("an API key", created["key"])
        return created

    def delete_api_key(self, owner: SignedIn, key: dict[str, Any]) -> None:
        self._post(self.base_path + "/api-key/delete", {"keyId": key["id"]}, owner.cookie)

    def session_of(self, cookie: str | bytes | None) -> dict[str, Any] | None:
        """Better Auth's own verdict on a Cookie header: the session and its user, or None."""
        headers = [(b"cookie", cookie if isinstance(cookie, bytes) else cookie.encode())] if cookie else []
        # Asked whole, not joined to the client's: it is the header that is judged.
        answer = self._client.get(self.base_path + "/get-session", headers=headers)
        self._client.cookies.clear()
        assert answer.status_code == 200, answer.text
        verdict: dict[str, Any] | None = answer.json()
        return verdict

    def json_web_token(self, person: SignedIn) -> str:
        """What the jwt plugin gives to somebody signed in."""
        answer = self._client.get(self.base_path + "/token", headers={"Cookie": person.cookie})
        self._client.cookies.clear()
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["token"]
        secrets.remember("a JSON Web Token", token)
        secrets.remember("a JSON Web Token's signature", token.rpartition(".")[2])
        return token

    def requests(self, path: str) -> int:
        """How often a path was asked for, whatever the query."""
        counts: dict[str, int] = self._client.get("/requests").json()
        return sum(count for name, count in counts.items() if name.split("?")[0] == path)

    def verdict_on(self, cookie: str) -> str:
        """What get-session makes of a Cookie header: `allow`, `deny`, or `error` where it fails."""
        answer = self._client.get("/api/auth/get-session", headers={"cookie": cookie})
        self._client.cookies.clear()
        if answer.status_code == 500:
            return "error"
        assert answer.status_code == 200, answer.text
        return "allow" if answer.json() else "deny"

    def call(self, path: str, body: dict[str, Any], person: SignedIn) -> dict[str, Any]:
        """What Better Auth answers to somebody signed in who posts to one of its endpoints."""
        answer: dict[str, Any] = self._post(path, body, person.cookie).json()
        return answer

    def people(self, count: int) -> list[Person]:
        """So many users with a session each, without a password, whose hash is what takes time.

        Only some of their cookies are looked for in what others write: of thousands that would take longer than the test.
        """
        answer = self._client.post("/people", content=str(count), timeout=120)
        assert answer.status_code == 200, answer.text
        people = [
            Person(one["name"], one["value"], one["email"], {one["name"]: one["value"]}, one["id"])
            for one in answer.json()
        ]
        for person in people[:10]:
            secrets.remember_cookie(person.value)
        return people

    def make_administrator(self, email: str) -> None:
        """By Better Auth's own adapter, whatever that stands on."""
        answer = self._client.post("/administrators", content=email)
        assert answer.status_code == 200, answer.text

    def impersonate(self, user_id: str, admin: SignedIn) -> SignedIn:
        """The session of an administrator who acts as somebody else."""
        answer = self._post("/api/auth/admin/impersonate-user", {"userId": user_id}, admin.cookie)
        value = cookies_of(answer)[admin.name]
        secrets.remember_cookie(value)
        return SignedIn(admin.name, value, admin.email, {admin.name: value})

    def enable_two_factor(self, person: SignedIn) -> SignedIn:
        """The session that takes the place of theirs, for two factors from now on."""
        answer = self._post("/api/auth/two-factor/enable", {"password": PASSWORD}, person.cookie)
        return signed_in(answer, person.email)

    def _post(self, path: str, body: dict[str, Any], cookie: str | None = None) -> httpx.Response:
        answer = self._client.post(path, json=body, headers={"Cookie": cookie} if cookie else None)
        self._client.cookies.clear()
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer


def cookies_of(answer: httpx.Response) -> dict[str, str]:
    """Name and wire value of each cookie that an answer sets."""
    lines = answer.headers.get_list("set-cookie")
    return dict(line.split(";", 1)[0].split("=", 1) for line in lines)


def signed_in(answer: httpx.Response, email: str) -> SignedIn:
    """The session that an answer of Better Auth started: the one cookie that lives as long as a session does."""
    cookies = cookies_of(answer)
    remember_cookies(cookies)
    others = ("dont_remember", "last_used_login_method")
    name = next(name for name in cookies if "session_data" not in name and not name.endswith(others))
    return SignedIn(name, cookies[name], email, cookies)


def remember_cookies(cookies: dict[str, str]) -> None:
    """Those among them that hold a secret are long."""
    for value in cookies.values():
        if len(value) > 60:
            secrets.remember_cookie(value)

"""GET /api/auth/get-session: who gets an answer, whose session it tells, and what it leaves as it was."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from conftest import World
from rig.get_session import PATH, READING, all_cookies, ask, assert_null, assert_same
from rig.places import ASKING_APP
from rig.sidegate import Sidegate
from rig.stack import Stack
from rig.uvicorn import Uvicorn
from test_plugins import change_user
from test_refresh import DELEGATE, DUE, age, end_of

GET_SESSION = f"GET {PATH}"
PLUGINS: dict[str, Any] = {
    "admin": {},
    "bearer": {},
    "jwt": {},
    "apiKey": {"enableSessionForAPIKeys": True, "rateLimit": {"enabled": False}},
}
DOWN = "postgres://nobody@127.0.0.1:1/none"
NEVER_KEPT = {"cache_ttl": "0s", "negative_ttl": "0s"}


@pytest.fixture(scope="module")
def stack(world: World) -> Iterator[Stack]:
    stack = world.new_stack(world.sqlite, "get-session", None, PLUGINS)
    yield stack
    stack.stop()


@pytest.fixture
def gate(stack: Stack) -> Iterator[Sidegate]:
    with answering(stack) as gate:
        yield gate


def answering(stack: Stack, **settings: str) -> Sidegate:
    settings = NEVER_KEPT | settings
    return Sidegate(stack.home, settings.pop("store", stack.store), get_session="true", **settings)


def bearer(text: str) -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {text}")]


def test_nobody_is_told_as_null(stack: Stack, gate: Sidegate) -> None:
    gone, over = stack.better_auth.sign_in(), stack.better_auth.sign_in()
    stack.better_auth.sign_out(gone)
    stack.run(f"UPDATE session SET expiresAt = {stack.database.past} WHERE token = '{over.token}'")
    cookies = {
        "no_credential": None,
        "bad_signature": f"{stack.ada.name}={stack.ada.token}.{'A' * 43}=",
        "no_session": gone.cookie,
        "expired": over.cookie,
    }
    for reason, cookie in cookies.items():
        assert_null(gate, cookie)
        assert ask(gate, cookie).get("x-auth-reason") == reason
        assert ask(gate, cookie).get("set-cookie") is None, "what is in the browser is not taken away"
    for cookie in cookies.values():
        assert ask(stack.better_auth, cookie).body == b"null"
    assert_null(stack.better_auth, None)


def test_a_banned_user_is_nobody_unless_better_auths_own_verdict_is_wanted(stack: Stack, gate: Sidegate) -> None:
    person = stack.better_auth.sign_in()
    change_user(stack, person, banned="true", banReason="'noise'")
    assert_null(gate, person.cookie)
    assert ask(gate, person.cookie).get("x-auth-reason") == "banned"
    with answering(stack, refuse_banned="false") as lenient:
        assert assert_same(stack.better_auth, lenient, person.cookie)["user"]["banned"] is True


def test_a_store_that_cannot_say_is_no_null(stack: Stack) -> None:
    with answering(stack, store=DOWN, store_timeout="300ms") as gate:
        reply = ask(gate, stack.ada.cookie)
        assert (reply.status, reply.get("retry-after"), reply.get("cache-control")) == (503, "1", "no-store")
        assert json.loads(reply.body)["reason"] == "store_unavailable"
        assert_null(gate, None)


def test_it_is_off_unless_asked_for(stack: Stack) -> None:
    with Sidegate(stack.home, stack.store) as gate:
        assert ask(gate, stack.ada.cookie).status == 404
        assert gate.ask(stack.ada.cookie).status == 200
    with answering(stack) as gate:
        assert gate.ask(stack.ada.cookie).status == 200, "nginx is answered as before"


def test_other_methods_are_not_answered(stack: Stack, gate: Sidegate) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "HEAD"):
        reply = ask(gate, stack.ada.cookie, method=method, headers=[("Content-Length", "0")])
        assert (reply.status, reply.get("allow")) == (405, "GET")
    origin = [("Origin", stack.better_auth.origin), ("Content-Length", "0")]
    assert ask(stack.better_auth, stack.ada.cookie, method="POST", headers=origin).status == 405


def test_whoever_is_not_trusted_is_refused(stack: Stack) -> None:
    with answering(stack, trusted_proxies="192.0.2.1") as gate:
        reply = ask(gate, stack.ada.cookie)
        assert (reply.status, reply.get("x-auth-reason")) == (403, "untrusted_peer")


def test_a_query_may_say_anything_and_is_told_to_nobody(stack: Stack, gate: Sidegate) -> None:
    for query in ("?", "?disableCookieCache=true&disableRefresh=true", "?x=%ff%00&y=a+b", "?disableRefresh=1;a"):
        assert_same(stack.better_auth, gate, stack.ada.cookie, query=query)
    assert_null(gate, None, query="?told=to-nobody-at-all")
    assert gate.denials(at_least=1)[-1]["path"] == PATH
    assert "to-nobody-at-all" not in gate.process.text()


def test_headers_of_the_browser_that_an_app_sends_on_change_nothing(stack: Stack, gate: Sidegate) -> None:
    headers = [
        ("User-Agent", "Mozilla/5.0"),
        ("Origin", "https://elsewhere.example"),
        ("X-Forwarded-For", "203.0.113.7"),
        ("X-Forwarded-For", "203.0.113.8"),
        ("X-Auth-User-Id", "evil"),
        ("X_Auth_User_Id", "evil"),
        ("Cookie", "theme=dark"),
    ]
    assert_same(stack.better_auth, gate, stack.ada.cookie, headers)


class TestBearer:
    def test_signed_tokens(self, stack: Stack, gate: Sidegate) -> None:
        person = stack.better_auth.sign_in()
        for text in (person.value, f"{person.token}.{person.signature}"):
            assert_null(gate, None, bearer(text))
            with answering(stack, bearer="true") as bearing:
                told = assert_same(stack.better_auth, bearing, stack.ada.cookie, bearer(text))
                assert told["user"]["email"] == person.email

    def test_unsigned_tokens(self, stack: Stack) -> None:
        with answering(stack, bearer="true", trust_unsigned_bearer="true") as gate:
            assert_same(stack.better_auth, gate, None, bearer(stack.ada.token))
        with answering(stack, bearer="true") as gate:
            assert_null(gate, None, bearer(stack.ada.token))

    def test_two_are_refused(self, stack: Stack) -> None:
        with answering(stack, bearer="true") as gate:
            reply = ask(gate, stack.ada.cookie, headers=[*bearer(stack.ada.value), *bearer(stack.ada.value)])
            assert (reply.status, reply.get("x-auth-reason")) == (403, "duplicate_header")


def test_tokens_of_the_jwt_plugin_are_no_sessions_here(stack: Stack) -> None:
    with httpx.Client(trust_env=False) as client:
        answer = client.get(f"{stack.better_auth.url}/api/auth/token", headers={"Cookie": stack.ada.cookie})
    token = answer.json()["token"]
    person = stack.better_auth.sign_in()
    with answering(stack, jwt="true", jwt_issuer=stack.better_auth.origin) as gate:
        assert gate.ask(None, bearer(token)).status == 200, "it is a good one"
        assert_null(gate, None, bearer(token))
        assert ask(stack.better_auth, None, headers=bearer(token)).body == b"null"
        told = assert_same(stack.better_auth, gate, person.cookie, bearer(token))
        assert told["user"]["email"] == person.email


class TestApiKeys:
    SETTINGS = {"api_key_header": "x-api-key", "store_timeout": "20s"}

    def test_what_better_auth_says_of_a_key_is_told(self, stack: Stack) -> None:
        key = stack.better_auth.create_api_key(stack.ada, expiresIn=86400 * 2)
        headers = [("X-Api-Key", key["key"])]
        with answering(stack, auth_url=stack.better_auth.url, api_key_ttl="60s", **self.SETTINGS) as gate:
            first, second = ask(gate, None, headers=headers), ask(gate, None, headers=headers)
            own = ask(stack.better_auth, None, READING, headers)
        assert first.body == second.body
        told, known = json.loads(first.body), json.loads(own.body)
        assert told["session"]["id"] == key["id"] and told["user"]["email"] == stack.ada.email
        assert told["session"]["userAgent"].startswith("sidegate/"), "it is sidegate that asked"
        # There is no session: it is made up for each question, of the instant and of whoever asks.
        for field in ("createdAt", "updatedAt", "userAgent"):
            told["session"][field] = known["session"][field]
        assert json.dumps(told) == json.dumps(known)

    def test_one_that_is_refused_is_nobody_whatever_the_cookie_says(self, stack: Stack) -> None:
        headers = [("X-Api-Key", "x" * 64)]
        with answering(stack, auth_url=stack.better_auth.url, **self.SETTINGS) as gate:
            assert_null(gate, stack.ada.cookie, headers)
            assert ask(gate, stack.ada.cookie, headers=headers).get("x-auth-reason") == "api_key_refused"
        # Better Auth answers with an error there.
        assert ask(stack.better_auth, stack.ada.cookie, headers=headers).status == 401


class TestRefresh:
    FORBIDDING = ("?disableRefresh=true", "?disableRefresh=false", "?disableRefresh=0", "?x&disableRefresh=%20",
                  "?disable%52efresh=1", "?disableRefresh=&disableRefresh=", "?disableRefresh==")  # fmt: skip
    ALLOWING = ("", "?", "?disableRefresh", "?disableRefresh=", "?disablerefresh=1", "?x=disableRefresh=1",
                "?disableCookieCache=true")  # fmt: skip

    def relaying(self, stack: Stack) -> Sidegate:
        return answering(stack, auth_url=stack.better_auth.url, relay_set_cookie="true", cache_ttl="1h", **DELEGATE)

    def test_a_session_that_is_due_is_prolonged_and_its_new_end_told(self, stack: Stack) -> None:
        person = stack.better_auth.sign_in()
        before = age(stack, person, DUE)
        with self.relaying(stack) as gate:
            reply = ask(gate, person.cookie)
            own = f"{person.cookie}; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax"
            assert (reply.status, reply.get("set-cookie")) == (200, own)
            assert end_of(stack, person) > before
            assert reply.body == ask(stack.better_auth, person.cookie, READING).body
            assert_same(stack.better_auth, gate, person.cookie)

    @pytest.mark.parametrize("query", FORBIDDING)
    def test_it_is_left_alone_where_the_query_says_so(self, stack: Stack, query: str) -> None:
        person = stack.better_auth.sign_in()
        before = age(stack, person, DUE)
        with self.relaying(stack) as gate:
            asked = stack.better_auth.requests(GET_SESSION)
            for _ in range(2):
                reply = ask(gate, person.cookie, query)
                assert (reply.status, reply.get("set-cookie")) == (200, None)
            assert stack.better_auth.requests(GET_SESSION) == asked
            assert_same(stack.better_auth, gate, person.cookie, query=query)
        assert end_of(stack, person) == before, "Better Auth takes the query so too"

    @pytest.mark.parametrize("query", ALLOWING)
    def test_it_is_prolonged_where_better_auth_would(self, stack: Stack, query: str) -> None:
        there, here = stack.better_auth.sign_in(), stack.better_auth.sign_in()
        before = age(stack, there, DUE), age(stack, here, DUE)
        assert ask(stack.better_auth, there.cookie, query).get("set-cookie")
        with self.relaying(stack) as gate:
            assert ask(gate, here.cookie, query).get("set-cookie")
        assert end_of(stack, there) > before[0] and end_of(stack, here) > before[1]

    def test_where_no_cookie_is_relayed_none_is_sent(self, stack: Stack) -> None:
        person = stack.better_auth.sign_in()
        age(stack, person, DUE)
        with answering(stack, auth_url=stack.better_auth.url, **DELEGATE) as gate:
            assert ask(gate, person.cookie).get("set-cookie") is None

    def test_off_nothing_is_prolonged(self, stack: Stack, gate: Sidegate) -> None:
        person = stack.better_auth.sign_in()
        before = age(stack, person, DUE)
        assert_same(stack.better_auth, gate, person.cookie)
        assert ask(gate, person.cookie).get("set-cookie") is None
        assert end_of(stack, person) == before

    def test_of_a_deferred_refresh_nothing_is_told(self, world: World, home: Path) -> None:
        """`needsRefresh` is for whoever would send the POST, which sidegate sends itself or not at all."""
        stack = world.new_stack(world.sqlite, "get-session-deferred", {"session": {"deferSessionRefresh": True}})
        person = stack.better_auth.sign_in()
        age(stack, person, DUE)
        with self.relaying(stack) as gate:
            assert list(json.loads(ask(gate, person.cookie).body)) == ["session", "user"]
            assert list(json.loads(ask(stack.better_auth, person.cookie).body))[-1] == "needsRefresh"
        stack.stop()


def test_an_app_that_asks_better_auth_asks_sidegate_by_one_base_url(stack: Stack, gate: Sidegate, home: Path) -> None:
    assert isinstance(gate.address, tuple)
    bases = {"better-auth": stack.better_auth.url, "sidegate": f"http://127.0.0.1:{gate.address[1]}"}
    apps = [Uvicorn(f"asking-{name}", ASKING_APP, home, {"BETTER_AUTH_URL": base}) for name, base in bases.items()]
    gone = stack.better_auth.sign_in()
    stack.better_auth.sign_out(gone)
    asked = stack.better_auth.requests(GET_SESSION)
    with httpx.Client(trust_env=False) as browser:
        for cookie, status in ((all_cookies(stack.ada), 200), (gone.cookie, 401), ("theme=dark", 401)):
            answers = [browser.get(f"http://127.0.0.1:{app.port}/me", headers={"Cookie": cookie}) for app in apps]
            assert [answer.status_code for answer in answers] == [status, status]
            assert answers[0].content == answers[1].content
            if status == 200:
                assert answers[0].json()["user"]["email"] == stack.ada.email
    assert stack.better_auth.requests(GET_SESSION) == asked + 3, "sidegate asked the store alone"
    for app in apps:
        app.stop()

"""Signing in, being somebody, signing out: the whole loop, on each database, as the app sees it."""

import time
from datetime import UTC, datetime

import pytest

from rig.browser import Browser
from rig.process import until
from rig.sidegate import Sidegate
from rig.sql import literal, named
from rig.stack import Stack


def test_whoever_signed_in_through_nginx_is_who_better_auth_says(stack: Stack, gate: Sidegate) -> None:
    with Browser(stack.fastapi) as browser:
        browser.sign_up("grace@example.com", "Grace Hopper")
        told, known = browser.get("/api/me").json(), browser.get("/api/auth/get-session").json()
    assert (told["email"], told["name"]) == ("grace@example.com", "Grace Hopper")
    assert told["id"] == known["user"]["id"]
    assert told["session_id"] == known["session"]["id"]
    assert instant(told["session_expires"]) == instant(known["session"]["expiresAt"])


NAMES = [
    "Jörg Übel",
    "山田 太郎 🙂",
    "100% %41 a+b",
    " space\tand\u00a0tab ",
    '"quoted", \\ & ;=',
    "é\u0301\u202e",
    "a\r\nX-Auth-User-Role: admin",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_reaches_the_app_as_better_auth_has_it(stack: Stack, gate: Sidegate, name: str) -> None:
    person = stack.better_auth.sign_in(stack.better_auth.sign_up(name))
    known = stack.better_auth.session_of(person.cookie)
    told = stack.fastapi.ask("/api/me", person.cookie)
    assert known and told.json()["name"] == known["user"]["name"] == name


def test_a_name_too_long_for_a_header_is_left_out(stack: Stack, gate: Sidegate) -> None:
    person = stack.better_auth.sign_in(stack.better_auth.sign_up("Jörg" * 60))
    set_name(stack, person.email, "Ö" * 5000)
    told = stack.fastapi.ask("/api/me", person.cookie)
    assert (told.status_code, told.json()["email"], told.json()["name"]) == (200, person.email, None)


def test_whoever_has_no_cookie_gets_401_and_the_app_sees_nothing(stack: Stack, gate: Sidegate) -> None:
    assert stack.echo.ask("/api/x").status_code == 401


def test_with_no_cache_a_sign_out_counts_at_once(stack: Stack) -> None:
    with stack.sidegate(cache_ttl="0s"), Browser(stack.fastapi) as browser:
        kept = browser.sign_in(stack.better_auth.sign_up())
        assert browser.get("/api/me").status_code == 200
        browser.sign_out()
        assert stack.fastapi.ask("/api/me", kept.cookie).status_code == 401


def test_a_sign_out_counts_after_cache_ttl_at_the_latest(stack: Stack) -> None:
    with stack.sidegate(cache_ttl="1s"), Browser(stack.fastapi) as browser:
        kept = browser.sign_in(stack.better_auth.sign_up())
        assert browser.get("/api/me").status_code == 200
        browser.sign_out()
        until(lambda: stack.fastapi.ask("/api/me", kept.cookie).status_code == 401, "signed out")


def test_the_other_sessions_of_somebody_who_signed_out_live_on(stack: Stack) -> None:
    with stack.sidegate(cache_ttl="0s"), Browser(stack.fastapi) as browser:
        email = stack.better_auth.sign_up()
        other = stack.better_auth.sign_in(email)
        browser.sign_in(email)
        browser.sign_out()
        assert stack.fastapi.ask("/api/me", other.cookie).status_code == 200


def test_a_session_that_was_signed_out_before_its_first_use_is_refused(stack: Stack, gate: Sidegate) -> None:
    with Browser(stack.fastapi) as browser:
        kept = browser.sign_in(stack.better_auth.sign_up())
        browser.sign_out()
    assert stack.fastapi.ask("/api/me", kept.cookie).status_code == 401
    assert gate.denials(1)[-1]["reason"] == "no_session"


def test_an_expired_session_is_refused(stack: Stack, gate: Sidegate) -> None:
    person = stack.better_auth.sign_in()
    expire(stack, person.token)
    assert stack.fastapi.ask("/api/me", person.cookie).status_code == 401
    assert gate.denials(1)[-1]["reason"] == "expired"
    assert stack.better_auth.session_of(person.cookie) is None


def test_a_remembered_session_is_not_let_through_beyond_its_end(stack: Stack) -> None:
    person = stack.better_auth.sign_in()
    ends = time.time() + 1.5
    text = datetime.fromtimestamp(ends, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    form = {"sqlite": f"{text.replace(' ', 'T')}Z", "postgres": f"{text}Z", "mariadb": text}[stack.database.name]
    set_expiry(stack, person.token, literal(form))
    with stack.sidegate(cache_ttl="1h"):
        asked = time.time()
        while (status := stack.fastapi.ask("/api/me", person.cookie).status_code) == 200:
            # The millisecond that is stored as its end still counts.
            assert asked <= ends + 0.001, "let through although asked after its end"
            asked = time.time()
        assert status == 401
        assert time.time() >= float(f"{ends:.3f}") - 0.001, "refused before its end"


def test_a_user_who_was_deleted_is_refused(stack: Stack, gate: Sidegate) -> None:
    person = stack.better_auth.sign_in()
    user = named(stack.database, "user")
    stack.run(f"DELETE FROM {user} WHERE email = {literal(person.email)}")
    assert stack.fastapi.ask("/api/me", person.cookie).status_code == 401
    assert stack.better_auth.session_of(person.cookie) is None


def expire(stack: Stack, token: str) -> None:
    set_expiry(stack, token, stack.database.past)


def set_expiry(stack: Stack, token: str, expiry: str) -> None:
    table, column = named(stack.database, "session"), named(stack.database, "expiresAt")
    stack.run(f"UPDATE {table} SET {column} = {expiry} WHERE token = {literal(token)}")


def set_name(stack: Stack, email: str, name: str) -> None:
    table = named(stack.database, "user")
    if stack.database.name == "mariadb":  # varchar(255) as Better Auth makes it
        stack.run(f"ALTER TABLE {table} MODIFY name text")
    stack.run(f"UPDATE {table} SET name = {literal(name)} WHERE email = {literal(email)}")


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)

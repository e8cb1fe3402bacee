"""Who is asking, and what that makes of it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from rig.better_auth import PASSWORD, signed_in
from rig.conformance import NOBODY, PREFLIGHT, Cell
from rig.sidegate import Sidegate
from rig.site import Site
from rig.wire import Wire
from test_identity_headers import SPOOFS

from . import Scenarios


class TestWhoIsAsking(Scenarios):
    """Who is asking"""

    def test_whoever_is_signed_in_reaches_the_app_as_themselves(self, site: Site, cell: Cell) -> None:
        """signed in"""
        cell.ask("/api/x", site.ada).reaches_the_app(site.ada.identity)

    def test_whoever_has_no_cookie_is_refused(self, cell: Cell) -> None:
        """signed out: no cookie"""
        cell.ask("/api/x").is_refused(401, "no_credential")

    def test_whoever_signed_out_is_refused(self, site: Site, cell: Cell) -> None:
        """signed out: the session is gone"""
        cell.ask("/api/x", site.signed_out).is_refused(401, "no_session")

    def test_a_cookie_that_nobody_signed_is_refused(self, site: Site, cell: Cell) -> None:
        """signature forged"""
        forged = [("Cookie", f"{site.ada.who.name}={site.ada.who.token}.{'A' * 43}%3D")]
        cell.ask("/api/x", headers=forged).is_refused(401, "bad_signature")

    def test_a_session_that_is_over_is_refused(self, site: Site, cell: Cell) -> None:
        """session expired"""
        cell.ask("/api/x", site.expired).is_refused(401, "expired")

    def test_whoever_is_banned_is_forbidden(self, site: Site, cell: Cell) -> None:
        """user banned"""
        cell.ask("/api/x", site.banned).is_refused(403, "banned")

    def test_a_name_arrives_as_it_was_given(self, site: Site, cell: Cell) -> None:
        """name outside ASCII"""
        assert site.zoe.identity["x-auth-user-name"] == "Zoë 山田 🚀 100%"
        cell.ask("/api/x", site.zoe).reaches_the_app(site.zoe.identity)

    def test_fastapi_reads_the_same_name(self, site: Site, cell: Cell) -> None:
        """name outside ASCII, read by FastAPI"""
        cell.ask("/api/me", site.zoe).reaches_the_app(site.zoe.identity)
        told, known = json.loads(cell.reply.body), site.zoe.identity
        for field in ("id", "email", "name"):
            assert told[field] == known[f"x-auth-user-{field}"]
        ends = datetime.fromisoformat(told["session_expires"])
        assert ends == datetime.fromisoformat(known["x-auth-session-expires"])

    def test_a_name_that_is_too_long_is_left_out(self, site: Site, cell: Cell) -> None:
        """name of 1,200 bytes"""
        identity = {name: value for name, value in site.long_named.identity.items() if name != "x-auth-user-name"}
        cell.ask("/api/x", site.long_named).reaches_the_app(identity)

    def test_nobody_is_whom_they_claim_to_be(self, site: Site, cell: Cell) -> None:
        """signed in, claims to be somebody else"""
        cell.ask("/api/x", site.ada, headers=SPOOFS["plain"]).reaches_the_app(site.ada.identity)

    def test_what_sidegate_does_not_say_the_client_cannot_say_either(self, site: Site, cell: Cell) -> None:
        """signed in without a name, claims one"""
        assert "x-auth-user-name" not in site.nameless.identity
        cell.ask("/api/x", site.nameless, headers=SPOOFS["plain"]).reaches_the_app(site.nameless.identity)

    def test_the_session_cookie_may_come_in_a_second_line(self, site: Site, cell: Cell) -> None:
        """two Cookie lines"""
        lines = [("Cookie", "theme=dark"), ("Cookie", site.ada.who.cookie)]
        cell.ask("/api/x", headers=lines).reaches_the_app(site.ada.identity)

    def test_two_people_on_one_connection_are_told_apart(self, site: Site, cell: Cell) -> None:
        """two people on one connection, then nobody"""
        with Wire(cell.proxy.address) as wire:
            for person in (site.ada, site.grace):
                cell.ask("/api/x", person, wire=wire).reaches_the_app(person.identity)
            cell.ask("/api/x", wire=wire).is_refused(401, "no_credential")

    def test_a_bearer_token_is_not_read_unless_it_is_set(self, site: Site, cell: Cell) -> None:
        """`Authorization: Bearer`, not set to be read"""
        cell.ask("/api/x", headers=bearer(site.ada.who.value)).is_refused(401, "no_credential")

    def test_a_preflight_is_nobody(self, cell: Cell) -> None:
        """CORS preflight, `preflight = "deny"`"""
        cell.ask("/api/x", method="OPTIONS", headers=PREFLIGHT).is_refused(401, "no_credential")


class TestPublicPages(Scenarios):
    """Public pages"""

    def test_a_public_page_is_there_for_everybody(self, cell: Cell) -> None:
        """no cookie"""
        cell.ask("/about").reaches_the_app(NOBODY)

    def test_a_public_page_is_told_nothing_of_who_asks(self, site: Site, cell: Cell) -> None:
        """signed in"""
        cell.ask("/about", site.ada).reaches_the_app(NOBODY)

    def test_nobody_is_anybody_on_a_public_page(self, cell: Cell) -> None:
        """no cookie, claims to be somebody"""
        cell.ask("/about", headers=SPOOFS["plain"]).reaches_the_app(NOBODY)

    def test_a_public_page_is_there_for_whoever_is_banned(self, site: Site, cell: Cell) -> None:
        """user banned"""
        cell.ask("/about", site.banned).reaches_the_app(NOBODY)

    def test_whoever_signs_in_through_the_proxy_is_signed_in(self, site: Site, cell: Cell) -> None:
        """signs in at Better Auth, then asks"""
        better_auth, email = site.stack.better_auth, site.ada.who.email
        answer = cell.proxy.ask(
            "/api/auth/sign-in/email",
            method="POST",
            headers=[("Origin", better_auth.origin)],
            json={"email": email, "password": PASSWORD},
        )
        assert (answer.status_code, answer.json()["user"]["email"]) == (200, email)
        person = site.known(signed_in(answer, email))
        cell.ask("/api/x", person).reaches_the_app(person.identity)


class TestBearerTokens(Scenarios):
    """Bearer tokens, `bearer = true`"""

    SETTINGS: ClassVar = {"bearer": "true"}

    def test_a_signed_token_passes(self, site: Site, cell: Cell) -> None:
        """token signed"""
        cell.ask("/api/x", headers=bearer(site.ada.who.value)).reaches_the_app(site.ada.identity)

    def test_a_token_stands_before_the_cookie(self, site: Site, cell: Cell) -> None:
        """token signed, beside somebody else's cookie"""
        cell.ask("/api/x", site.ada, headers=bearer(site.grace.who.value)).reaches_the_app(site.grace.identity)

    def test_a_token_that_was_signed_out_is_refused(self, site: Site, cell: Cell) -> None:
        """token signed, the session is gone"""
        cell.ask("/api/x", headers=bearer(site.signed_out.value)).is_refused(401, "no_session")

    def test_a_token_without_a_signature_is_refused(self, site: Site, cell: Cell) -> None:
        """token not signed"""
        cell.ask("/api/x", headers=bearer(site.ada.who.token)).is_refused(401, "no_credential")


class TestProlongedSessions(Scenarios):
    """Prolonged sessions, `refresh = "delegate"` with `relay_set_cookie`"""

    @pytest.fixture(scope="class")
    @classmethod
    def gate(cls, site: Site) -> Iterator[Sidegate | None]:
        delegate = {"refresh": "delegate", "relay_set_cookie": "true", "store_timeout": "20s"}
        with site.sidegate(auth_url=site.stack.better_auth.url, **delegate) as gate:
            gate.wait_until_ready()
            yield gate

    def test_the_browser_gets_better_auths_new_cookie(self, site: Site, cell: Cell) -> None:
        """session is due"""
        due = site.person().who
        # Better Auth's own: for a week, prolonged when a day of it is over.
        site.ends(due, datetime.now(UTC) + timedelta(days=6) - timedelta(hours=1))
        cell.ask("/api/x", due)
        cell.reaches_the_app(site.known(due).identity, cookie=due.name, no_store=cell.habits.no_store)
        pair, *attributes = (cell.reply.get("set-cookie") or "").split("; ")
        assert pair == due.cookie
        assert set(attributes) == {"Max-Age=604800", "Path=/", "HttpOnly", "SameSite=Lax"}

    def test_nobody_else_gets_one(self, site: Site, cell: Cell) -> None:
        """session is not due"""
        cell.ask("/api/x", site.ada).reaches_the_app(site.ada.identity)


def bearer(token: str) -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {token}")]

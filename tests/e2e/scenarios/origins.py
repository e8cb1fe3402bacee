"""Whose pages may send the session cookie, and what passes where nothing is enforced."""

from typing import ClassVar

from rig.conformance import ANONYMOUS, FETCH, FORM, NAVIGATION, PREFLIGHT, Cell
from rig.site import Site

from . import Scenarios
from .asking import bearer

OWN = [("Origin", "https://app.example"), ("Sec-Fetch-Site", "same-origin")]
ELSEWHERE = [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")]
"""What a browser sends with what a page of that origin has it send: Fetch §3.1, Fetch Metadata §2.2."""


class TestSameOrigin(Scenarios):
    """Same origin, `allowed_origins = "https://app.example"`"""

    SETTINGS: ClassVar = {"allowed_origins": "https://app.example", "bearer": "true"}

    def test_a_page_of_its_own_may_change_something(self, site: Site, cell: Cell) -> None:
        """POST by a page of that origin"""
        sent = cell.ask("/api/x", site.ada, method="POST", headers=[*FETCH, *OWN], body=b"{}")
        sent.reaches_the_app(site.ada.identity)

    def test_a_browser_without_fetch_metadata_may_too(self, site: Site, cell: Cell) -> None:
        """POST by it, with `Origin` alone"""
        sent = cell.ask("/api/x", site.ada, method="POST", headers=OWN[:1], body=b"a=b")
        sent.reaches_the_app(site.ada.identity)

    def test_a_page_that_keeps_its_origin_to_itself_may_too(self, site: Site, cell: Cell) -> None:
        """POST by it, with `Referrer-Policy: no-referrer`"""
        headers = [*FORM, ("Origin", "null"), *OWN[1:]]
        sent = cell.ask("/dashboard/a", site.ada, method="POST", headers=headers, body=b"a=b")
        sent.reaches_the_app(site.ada.identity)

    def test_another_sites_script_may_not(self, site: Site, cell: Cell) -> None:
        """POST by another site's script"""
        headers = [*FETCH, *ELSEWHERE]
        cell.ask("/api/x", site.ada, method="POST", headers=headers, body=b"{}").is_refused(403, "cross_origin")

    def test_another_sites_form_may_not_and_is_sent_nowhere(self, site: Site, cell: Cell) -> None:
        """POST by another site's form"""
        headers = [*FORM, *ELSEWHERE]
        sent = cell.ask("/dashboard/a", site.ada, method="POST", headers=headers, body=b"a=b")
        sent.is_refused(403, "cross_origin")

    def test_a_frame_without_an_origin_may_not(self, site: Site, cell: Cell) -> None:
        """POST by a sandboxed frame"""
        headers = [*FORM, ("Origin", "null"), *ELSEWHERE[1:]]
        sent = cell.ask("/api/x", site.ada, method="POST", headers=headers, body=b"a=b")
        sent.is_refused(403, "cross_origin")

    def test_a_sibling_may_not(self, site: Site, cell: Cell) -> None:
        """POST by a page of a subdomain"""
        sibling = [("Origin", "https://blog.app.example"), ("Sec-Fetch-Site", "same-site")]
        sent = cell.ask("/api/x", site.ada, method="POST", headers=sibling, body=b"a=b")
        sent.is_refused(403, "cross_origin")

    def test_who_says_nothing_of_where_it_comes_from_may_not(self, site: Site, cell: Cell) -> None:
        """POST with neither header"""
        cell.ask("/api/x", site.ada, method="POST", body=b"{}").is_refused(403, "cross_origin")

    def test_no_other_method_may_either(self, site: Site, cell: Cell) -> None:
        """DELETE by another site, which calls it GET"""
        claims = [(name, "GET") for name in ("X-HTTP-Method-Override", "X-Forwarded-Method", "X-Original-Method")]
        sent = cell.ask("/api/x", site.ada, method="DELETE", headers=[*ELSEWHERE, *claims])
        sent.is_refused(403, "cross_origin")

    def test_a_token_may_come_from_anywhere(self, site: Site, cell: Cell) -> None:
        """POST by another site, with a bearer token"""
        headers = [*ELSEWHERE, *bearer(site.ada.who.value)]
        sent = cell.ask("/api/x", method="POST", headers=headers, body=b"{}")
        sent.reaches_the_app(site.ada.identity)

    def test_another_site_may_link_here(self, site: Site, cell: Cell) -> None:
        """GET, a link on another site"""
        headers = [*NAVIGATION, *ELSEWHERE[1:]]
        cell.ask("/dashboard/a", site.ada, headers=headers).reaches_the_app(site.ada.identity)

    def test_a_socket_opens_for_a_page_of_its_own(self, site: Site, cell: Cell) -> None:
        """WebSocket by a page of that origin"""
        cell.open_socket(site.ada, OWN[:1]).reaches_the_app(site.ada.identity, 101)

    def test_no_socket_opens_for_another_sites_page(self, site: Site, cell: Cell) -> None:
        """WebSocket by another site's page"""
        cell.open_socket(site.ada, ELSEWHERE[:1]).is_refused(403, "cross_origin")

    def test_whoever_is_signed_out_is_told_that(self, cell: Cell) -> None:
        """POST by another site, signed out"""
        sent = cell.ask("/api/x", method="POST", headers=[*FETCH, *ELSEWHERE], body=b"{}")
        sent.is_refused(401, "no_credential")

    def test_a_preflight_is_not_asked_where_it_comes_from(self, cell: Cell) -> None:
        """CORS preflight"""
        cell.ask("/api/x", method="OPTIONS", headers=PREFLIGHT).is_refused(401, "no_credential")


class TestShadow(Scenarios):
    """Nothing enforced, `mode = "shadow"`"""

    SETTINGS: ClassVar = {"mode": "shadow", "allowed_origins": "https://app.example"}

    def test_whoever_is_signed_in_is_told_as_ever(self, site: Site, cell: Cell) -> None:
        """signed in"""
        cell.ask("/api/x", site.ada).reaches_the_app(site.ada.identity)

    def test_whoever_is_not_passes_as_nobody(self, cell: Cell) -> None:
        """no cookie"""
        cell.ask("/api/x").reaches_the_app(ANONYMOUS)

    def test_a_dead_session_passes_as_nobody(self, site: Site, cell: Cell) -> None:
        """session expired"""
        cell.ask("/api/x", site.expired).reaches_the_app(ANONYMOUS)

    def test_whoever_is_banned_passes_as_nobody(self, site: Site, cell: Cell) -> None:
        """user banned"""
        cell.ask("/api/x", site.banned).reaches_the_app(ANONYMOUS)

    def test_another_sites_page_passes_as_nobody(self, site: Site, cell: Cell) -> None:
        """POST by another site's script, signed in"""
        sent = cell.ask("/api/x", site.ada, method="POST", headers=[*FETCH, *ELSEWHERE], body=b"{}")
        sent.reaches_the_app(ANONYMOUS)

    def test_a_page_is_not_sent_to_sign_in(self, cell: Cell) -> None:
        """page opened, signed out"""
        cell.ask("/dashboard/a", headers=NAVIGATION).reaches_the_app(ANONYMOUS)

    def test_a_socket_opens_for_nobody(self, cell: Cell) -> None:
        """WebSocket, signed out"""
        cell.open_socket().reaches_the_app(ANONYMOUS, 101)

    def test_nobody_is_whom_they_claim_to_be(self, cell: Cell) -> None:
        """no cookie, claims to be somebody"""
        claims = [("X-Auth-Status", "user"), ("X-Auth-User-Id", "evil"), ("X-Auth-User-Role", "admin")]
        cell.ask("/api/x", headers=claims).reaches_the_app(ANONYMOUS)

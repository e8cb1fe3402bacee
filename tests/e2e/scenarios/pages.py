"""Pages that are opened, and what browsers ask before scripts may."""

from typing import ClassVar

from rig.conformance import ANONYMOUS, FETCH, FORM, FRAME, HOST, NAVIGATION, PAGE, PREFLIGHT, Cell
from rig.site import Site

from . import Scenarios


class TestPages(Scenarios):
    """Pages"""

    def test_a_page_leads_to_the_sign_in_page_and_back(self, cell: Cell) -> None:
        """page opened"""
        there_and_back = "/login?return_to=%2Fdashboard%2Fa%3Fb%3Dc%26d%3D%252F"
        cell.ask("/dashboard/a?b=c&d=%2F", headers=NAVIGATION).is_sent_to(there_and_back)

    def test_an_older_browser_is_sent_there_too(self, cell: Cell) -> None:
        """page opened by a browser without Sec-Fetch-Mode"""
        cell.ask("/dashboard/a", headers=PAGE).is_sent_to("/login?return_to=%2Fdashboard%2Fa")

    def test_a_page_is_sent_there_when_only_its_head_is_wanted(self, cell: Cell) -> None:
        """page opened by HEAD"""
        cell.ask("/dashboard/a", method="HEAD", headers=NAVIGATION).is_sent_to("/login?return_to=%2Fdashboard%2Fa")

    def test_whoever_was_signed_in_is_sent_there_too(self, site: Site, cell: Cell) -> None:
        """page opened, session expired"""
        asked = cell.ask("/dashboard/a", site.expired, headers=NAVIGATION)
        asked.is_sent_to("/login?return_to=%2Fdashboard%2Fa", reason="expired")

    def test_whoever_is_signed_in_is_sent_nowhere(self, site: Site, cell: Cell) -> None:
        """page opened, signed in"""
        cell.ask("/dashboard/a", site.ada, headers=NAVIGATION).reaches_the_app(site.ada.identity)

    def test_whoever_is_banned_is_sent_nowhere(self, site: Site, cell: Cell) -> None:
        """page opened, user banned"""
        cell.ask("/dashboard/a", site.banned, headers=NAVIGATION).is_refused(403, "banned")

    def test_a_page_below_the_apis_path_is_a_page_to_sidegate(self, cell: Cell) -> None:
        """page opened below /api/"""
        cell.ask("/api/x", headers=NAVIGATION)
        if cell.habits.redirect == "proxy":  # by lines that its file has for /dashboard/ alone
            cell.is_refused(401, "no_credential")
        else:
            cell.is_sent_to("/login?return_to=%2Fapi%2Fx")

    def test_a_form_is_sent_there_and_does_not_come_back(self, cell: Cell) -> None:
        """form posted"""
        cell.ask("/dashboard/a", method="POST", headers=FORM, body=b"a=b")
        if cell.habits.redirect == "proxy":  # which redirects GET and HEAD alone
            cell.is_refused(401, "no_credential")
        else:
            cell.is_sent_to("/login", 303)

    def test_a_script_gets_401(self, cell: Cell) -> None:
        """fetch"""
        cell.ask("/dashboard/a", headers=FETCH).is_refused(401, "no_credential")

    def test_an_older_script_gets_401(self, cell: Cell) -> None:
        """XMLHttpRequest without Sec-Fetch-Mode"""
        headers = [*PAGE, ("X-Requested-With", "XMLHttpRequest")]
        cell.ask("/dashboard/a", headers=headers).is_refused(401, "no_credential")

    def test_a_page_in_a_frame_is_not_sent_there(self, cell: Cell) -> None:
        """page opened in a frame"""
        cell.ask("/dashboard/a", headers=FRAME).is_refused(401, "no_credential")

    def test_a_circle_of_redirects_is_left_and_explained(self, cell: Cell) -> None:
        """page opened for the fourth time in a row"""
        counted: list[tuple[str, str]] = []
        for _ in range(3):
            cell.ask("/dashboard/a", headers=[*NAVIGATION, *counted]).is_sent_to("/login?return_to=%2Fdashboard%2Fa")
            counted = [("Cookie", (cell.reply.get("set-cookie") or "").split(";")[0])]
        cell.ask("/dashboard/a", headers=[*NAVIGATION, *counted]).has_it_explained()


class TestSignInPageElsewhere(Scenarios):
    """Pages, signing in on another host"""

    SETTINGS: ClassVar = {"login_url": "https://login.example/in?app=1", "allowed_return_hosts": HOST}

    def test_a_page_leads_to_the_other_host_and_back(self, cell: Cell) -> None:
        """page opened"""
        back = "http%3A%2F%2Fapp.example%3A8080%2Fdashboard%2Fa"
        cell.ask("/dashboard/a", headers=NAVIGATION).is_sent_to(f"https://login.example/in?app=1&return_to={back}")


class TestSignInPageBehindItself(Scenarios):
    """Pages, the sign-in page itself protected"""

    SETTINGS: ClassVar = {"login_url": "/dashboard/login"}

    def test_a_sign_in_page_that_nobody_can_reach_is_explained(self, cell: Cell) -> None:
        """sign-in page opened"""
        cell.ask("/dashboard/login", headers=NAVIGATION)
        if cell.habits.redirect == "proxy":  # which is told no place to send people to
            cell.is_refused(401, "no_credential")
        else:
            cell.has_it_explained()


class TestPreflights(Scenarios):
    """CORS preflights, `preflight = "pass"`"""

    SETTINGS: ClassVar = {"preflight": "pass"}

    def test_a_preflight_reaches_the_app_as_nobody(self, cell: Cell) -> None:
        """preflight"""
        cell.ask("/api/x", method="OPTIONS", headers=PREFLIGHT).reaches_the_app(ANONYMOUS)

    def test_what_lacks_a_preflights_headers_is_none(self, cell: Cell) -> None:
        """OPTIONS without Access-Control-Request-Method"""
        cell.ask("/api/x", method="OPTIONS", headers=PREFLIGHT[:-1]).is_refused(401, "no_credential")

    def test_what_only_calls_itself_options_is_none(self, cell: Cell) -> None:
        """GET that calls itself OPTIONS"""
        claims = [(name, "OPTIONS") for name in ("X-HTTP-Method-Override", "X-Forwarded-Method", "X-Original-Method")]
        cell.ask("/api/x", headers=[*PREFLIGHT, *claims]).is_refused(401, "no_credential")

    def test_a_preflight_with_a_dead_session_is_judged_by_that(self, site: Site, cell: Cell) -> None:
        """preflight with a session that expired"""
        asked = cell.ask("/api/x", site.expired, method="OPTIONS", headers=PREFLIGHT)
        asked.is_refused(401, "expired")

    def test_the_request_after_it_needs_a_session(self, site: Site, cell: Cell) -> None:
        """request from another origin, signed in"""
        headers = [*FETCH, ("Origin", "https://elsewhere.example")]
        cell.ask("/api/x", site.ada, method="PUT", headers=headers, body=b"{}").reaches_the_app(site.ada.identity)

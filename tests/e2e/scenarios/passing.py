"""What goes through the proxy with the question: sockets, bodies, methods, paths, headers."""

import json

from rig.conformance import FORM, HOST, NOBODY, Cell
from rig.site import Site
from rig.wire import request

from . import Scenarios


BODY = bytes(range(256)) * 1536
"""384 KiB: more than a proxy keeps in memory before it passes it on."""
ENVOYS = ("envoy", "envoy-grpc")
METHODS = ("PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND")


class TestSockets(Scenarios):
    """WebSockets"""

    def test_a_socket_opens_for_whoever_is_signed_in(self, site: Site, cell: Cell) -> None:
        """signed in"""
        cell.open_socket(site.zoe).reaches_the_app(site.zoe.identity, 101)

    def test_no_socket_opens_for_anybody_else(self, cell: Cell) -> None:
        """signed out"""
        cell.open_socket().is_refused(401, "no_credential")

    def test_no_socket_opens_for_a_session_that_is_over(self, site: Site, cell: Cell) -> None:
        """session expired"""
        cell.open_socket(site.expired).is_refused(401, "expired")

    def test_an_upgrade_to_something_else_is_an_ordinary_request(self, site: Site, cell: Cell) -> None:
        """upgrade to h2c instead"""
        upgrade = [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c")]
        h2c = [*upgrade, ("HTTP2-Settings", "AAMAAABkAAQCAAAAAAIAAAAA")]
        seen = cell.ask("/api/x", site.ada, headers=h2c).reaches_the_app(site.ada.identity)
        assert "upgrade" not in dict(seen["headers"])


class TestRequests(Scenarios):
    """Methods, paths and bodies"""

    def test_a_form_arrives(self, site: Site, cell: Cell) -> None:
        """POST of a form"""
        cell.ask("/api/x", site.ada, method="POST", headers=FORM, body=b"a=b&c=d").reaches_the_app(site.ada.identity)

    def test_fastapi_reads_a_body_and_knows_whose_it_is(self, site: Site, cell: Cell) -> None:
        """POST of JSON, read by FastAPI"""
        kind, note = [("Content-Type", "application/json")], {"text": "Milch für Zoë"}
        cell.ask("/api/notes", site.ada, method="POST", headers=kind, body=json.dumps(note).encode())
        cell.reaches_the_app(site.ada.identity, 201)
        assert json.loads(cell.reply.body) == note | {"author": site.ada.identity["x-auth-user-id"]}

    def test_a_long_body_arrives_whole(self, site: Site, cell: Cell) -> None:
        """POST of 384 KiB"""
        cell.ask("/api/x", site.ada, method="POST", body=BODY).reaches_the_app(site.ada.identity)

    def test_a_chunked_body_arrives_whole(self, site: Site, cell: Cell) -> None:
        """POST of 384 KiB in chunks"""
        head = [("Host", HOST), ("Cookie", site.ada.who.cookie), ("Transfer-Encoding", "chunked")]
        parts = (BODY[:10], BODY[10:50_000], BODY[50_000:], b"")
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
        cell.send(("POST", "/api/x", BODY), request("POST", "/api/x", head), chunks)
        if cell.caller == "haproxy":  # up to 3.1 it cannot drop trailers, so its file refuses what can have some
            cell.fails(411)
        else:
            cell.reaches_the_app(site.ada.identity)

    def test_a_body_that_waits_to_be_asked_for_arrives(self, site: Site, cell: Cell) -> None:
        """POST with `Expect: 100-continue`"""
        expect = [("Expect", "100-continue")]
        cell.ask("/api/x", site.ada, method="POST", headers=expect, body=BODY).reaches_the_app(site.ada.identity)

    def test_a_body_of_somebody_unknown_reaches_nobody(self, cell: Cell) -> None:
        """POST of 384 KiB, signed out"""
        cell.ask("/api/x", method="POST", body=BODY).is_refused(401, "no_credential")

    def test_head_is_checked_and_arrives(self, site: Site, cell: Cell) -> None:
        """HEAD"""
        cell.ask("/api/x", site.ada, method="HEAD").reaches_the_app(site.ada.identity)

    def test_head_of_somebody_unknown_is_refused(self, cell: Cell) -> None:
        """HEAD, signed out"""
        cell.ask("/api/x", method="HEAD").is_refused(401, "no_credential")

    def test_each_method_arrives(self, site: Site, cell: Cell) -> None:
        """PUT, PATCH, DELETE, OPTIONS, PROPFIND"""
        for method in METHODS:
            cell.ask("/api/x", site.ada, method=method).reaches_the_app(site.ada.identity)

    def test_each_method_is_checked(self, cell: Cell) -> None:
        """PUT, PATCH, DELETE, OPTIONS, PROPFIND, signed out"""
        for method in METHODS:
            cell.ask("/api/x", method=method).is_refused(401, "no_credential")

    def test_a_method_that_nobody_knows_arrives_where_it_may(self, site: Site, cell: Cell) -> None:
        """BREW"""
        cell.ask("/api/x", site.ada, method="BREW")
        if cell.caller in ENVOYS:  # allow_custom_methods of its HTTP/1 options is off by default
            cell.fails(400)
        else:
            cell.reaches_the_app(site.ada.identity)

    def test_path_and_query_arrive_as_they_were_sent(self, site: Site, cell: Cell) -> None:
        """path and query with escapes"""
        cell.ask("/api/a%20b/%C3%A9?x=1%2F2&y=a+b&z=%C3%A9", site.ada).reaches_the_app(site.ada.identity)

    def test_an_escaped_slash_arrives_as_it_was_sent_or_not_at_all(self, site: Site, cell: Cell) -> None:
        """escaped slash in the path"""
        cell.ask("/api/a%2Fb", site.ada)
        if cell.caller in ENVOYS:  # path_with_escaped_slashes_action in its file: REJECT_REQUEST
            cell.fails(400)
        else:
            cell.reaches_the_app(site.ada.identity)

    def test_an_error_of_the_apps_own_is_passed_on(self, cell: Cell) -> None:
        """the app's own 503"""
        cell.ask("/status/503").reaches_the_app(NOBODY, 503)


class TestLimits(Scenarios):
    """Long and many headers, signed in"""

    NOTE = """`431` at Traefik and the old Caddy is sidegate's own: `header_bytes_max`, `headers_max`. Envoy's `500` is for headers
that have become too many with those that tell who it is. uvicorn with h11, the app here, takes 16 KiB.
"""

    def test_four_kibibytes_of_cookies_beside_ours_do_no_harm(self, site: Site, cell: Cell) -> None:
        """4 KiB of other cookies"""
        cell.ask("/api/x", headers=cookies(site, 4)).reaches_the_app(site.ada.identity)

    def test_twelve_kibibytes_of_cookies_beside_ours_pass_or_are_refused(self, site: Site, cell: Cell) -> None:
        """12 KiB of other cookies"""
        cell.ask("/api/x", headers=cookies(site, 12))
        if cell.caller == "nginx":  # large_client_header_buffers: 8 KiB for one header
            cell.fails(400)
        else:
            cell.reaches_the_app(site.ada.identity)

    def test_a_hundred_kibibytes_of_cookies_are_refused(self, site: Site, cell: Cell) -> None:
        """100 KiB of other cookies"""
        # nginx: see above. Envoy: max_request_headers_kb, 60 by default. HAProxy: tune.bufsize in its file, less
        # tune.maxrewrite. Traefik and the old Caddy take a mebibyte by default, and sidegate 64 KiB.
        statuses = {"nginx": 400, "haproxy": 400}
        cell.ask("/api/x", headers=cookies(site, 100)).fails(statuses.get(cell.caller, 431))

    def test_thirty_more_headers_do_no_harm(self, site: Site, cell: Cell) -> None:
        """30 more headers"""
        cell.ask("/api/x", site.ada, headers=headers(30)).reaches_the_app(site.ada.identity)

    def test_ninety_more_headers_pass_or_are_refused(self, site: Site, cell: Cell) -> None:
        """90 more headers"""
        cell.ask("/api/x", site.ada, headers=headers(90))
        if cell.caller in ENVOYS:  # max_headers_count, 100 by default, counts those that ext_authz adds too
            cell.fails(500)
        else:
            cell.reaches_the_app(site.ada.identity)

    def test_a_hundred_and_fifty_more_headers_pass_or_are_refused(self, site: Site, cell: Cell) -> None:
        """150 more headers"""
        # Envoy: max_headers_count. HAProxy: tune.http.maxhdr, 101 by default. Caddy hands them all to sidegate, which
        # takes 100; nginx and Traefik hand on those that their files name.
        statuses = {"envoy": 431, "envoy-grpc": 431, "haproxy": 400, "caddy": 431, "caddy-new": 431}
        cell.ask("/api/x", site.ada, headers=headers(150))
        if status := statuses.get(cell.caller):
            cell.fails(status)
        else:
            cell.reaches_the_app(site.ada.identity)


def cookies(site: Site, kibibytes: int) -> list[tuple[str, str]]:
    return [("Cookie", f"{site.ada.who.cookie}; other={'x' * (kibibytes * 1024)}")]


def headers(count: int) -> list[tuple[str, str]]:
    return [(f"X-More-{number}", "value") for number in range(count)]

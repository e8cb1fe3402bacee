"""The files of nginx/: each loads, and what stands around them in somebody's nginx.conf does not open the gate."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rig.browser import identity_in
from rig.nginx import Nginx
from rig.places import NGINX_FILES
from rig.proxy import Edit
from rig.sidegate import Sidegate
from rig.stack import Stack
from rig.wire import exchange, request

MakeNginx = Callable[..., Nginx]

SERVER = "include sidegate/sidegate-server.conf;"
"""Where a test puts lines into the server block; the file's own header says to put this line above all others."""
API = "location /api/ {\n            include sidegate/protect.conf;"


@pytest.fixture
def nginx(on_sqlite: Stack, home: Path) -> Iterator[MakeNginx]:
    """Makes an nginx with edits to nginx.conf, started."""
    made: list[Nginx] = []

    def make(*edits: Edit) -> Nginx:
        made.append(on_sqlite.nginx(f"nginx-{home.name}-{len(made)}", *edits))
        return made[-1].start()

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def gate(on_sqlite: Stack) -> Iterator[Sidegate]:
    with on_sqlite.sidegate(login_url="/login") as gate:
        yield gate


def test_the_example_loads_every_file(on_sqlite: Stack) -> None:
    nginx = on_sqlite.nginx("as-shipped")
    nginx.test()
    included = "".join(path.read_text() for path in nginx.home.rglob("*.conf"))
    for path in NGINX_FILES.glob("*.conf"):
        assert path.name == "example.conf" or f"include sidegate/{path.name};" in included


def test_nginx_has_nothing_to_complain_about(on_sqlite: Stack, gate: Sidegate, nginx: MakeNginx) -> None:
    plain = nginx()
    assert plain.ask("/api/x", on_sqlite.ada.cookie).status_code == 200
    assert plain.ask("/dashboard/x", headers=[("Accept", "text/html")]).status_code == 302
    assert plain.errors() == ""


def test_the_question_cannot_be_asked_from_outside(on_sqlite: Stack, gate: Sidegate, nginx: MakeNginx) -> None:
    plain = nginx()
    for path in ("/_sidegate", "/_sidegate?x", "/%5fsidegate", "//_sidegate", "/x/../_sidegate"):
        reply = exchange(plain.address, request("GET", path, [("Host", "x"), ("Cookie", on_sqlite.ada.cookie)]))
        assert reply.status == 404, path
        assert reply.get("x-auth-user-id") is None


# Each of them let people through, or let them be somebody else, before the files took care of it.
OPENINGS: dict[str, list[Edit]] = {
    "an error page for a gateway that is down": [(SERVER, f"{SERVER} error_page 502 503 504 =200 /sorry.html;")],
    "an error page for any error": [(SERVER, f"{SERVER} error_page 401 403 404 500 502 503 504 =200 /sorry.html;")],
    "an error page above the server": [("    server {", "    error_page 502 503 504 =200 /sorry.html;\n    server {")],
    "a sign-in page for a 401": [
        (
            SERVER,
            f"{SERVER} proxy_intercept_errors on; error_page 401 =200 /sorry.html; error_page 403 =200 /sorry.html;",
        )
    ],
    "a rewrite of everything": [(SERVER, f"{SERVER} rewrite ^/_side(.*)$ /about last;")],
    "a return for everything unknown": [
        (SERVER, f"{SERVER} if ($uri !~ ^/(api|dashboard|ws|about)) {{ return 200 anything; }}")
    ],
    "a regular expression that catches it": [(SERVER, f"{SERVER} location ~ ^/_ {{ return 200 anything; }}")],
    "either of two is enough": [("    server {", "    satisfy any; allow all;\n    server {")],
    "either of two is enough, in the server": [(SERVER, f"{SERVER} satisfy any; allow 127.0.0.1;")],
}


@pytest.mark.parametrize("opening", OPENINGS)
def test_what_surrounds_the_files_lets_nobody_in(on_sqlite: Stack, nginx: MakeNginx, opening: str) -> None:
    odd = nginx(*OPENINGS[opening])
    with on_sqlite.sidegate():
        assert odd.ask("/api/x", on_sqlite.ada.cookie).json()["path"] == "/api/x"
        assert not reached(odd, None), "signed out"
        assert not reached(odd, f"{on_sqlite.ada.name}=forged"), "forged"
    assert not reached(odd, on_sqlite.ada.cookie), "sidegate is down"
    with on_sqlite.sidegate(store="sqlite:/nowhere/to/be/found.db"):
        assert not reached(odd, on_sqlite.ada.cookie), "sidegate cannot know"
    with on_sqlite.sidegate(trusted_proxies="10.0.0.0/8"):
        assert not reached(odd, on_sqlite.ada.cookie), "sidegate refuses"


def test_a_server_that_lacks_its_file_lets_nobody_in(
    on_sqlite: Stack, gate: Sidegate, nginx: MakeNginx, home: Path
) -> None:
    """There the question would be answered by whatever answers everything: 200."""
    (home / "index.html").write_text("a single-page app")
    spa = f"root {home};"
    odd = nginx(
        (SERVER, f"{spa} set $sidegate_answer ''; set $sidegate_login ''; set $sidegate_included 0;"),
        # login-redirect.conf leads to a location of the file that is not there.
        ("            include sidegate/login-redirect.conf;\n", ""),
        (
            "            include sidegate/public.conf;\n            proxy_pass http://fastapi;",
            "try_files $uri /index.html;",
        ),
    )
    assert "single-page" in odd.ask("/anything").text
    for cookie in (None, on_sqlite.ada.cookie):
        assert odd.ask("/api/x", cookie).status_code == 500


def test_a_cache_around_the_files_gives_nobody_anothers_identity(
    on_sqlite: Stack, gate: Sidegate, nginx: MakeNginx, home: Path
) -> None:
    cache = (
        f"proxy_cache_path {home}/cache keys_zone=all:1m; proxy_cache all; proxy_cache_key $uri;"
        "proxy_cache_valid any 1h; proxy_ignore_headers Cache-Control Expires Set-Cookie Vary;"
    )
    # The app's own answers are kept out, for it is sidegate's that matter.
    odd = nginx(("    server {", f"    {cache}\n    server {{"), (API, f"{API} proxy_cache off;"))
    assert odd.ask("/api/x", on_sqlite.ada.cookie).status_code == 200
    assert odd.ask("/api/x").status_code == 401
    other = on_sqlite.better_auth.sign_in()
    known = on_sqlite.better_auth.session_of(other.cookie)
    assert known and ("x-auth-user-id", known["user"]["id"]) in identity_in(odd.ask("/api/x", other.cookie).json())


def test_underscores_that_another_app_needs_bring_no_twins(on_sqlite: Stack, gate: Sidegate, nginx: MakeNginx) -> None:
    odd = nginx(("    server {", "    underscores_in_headers on;\n    server {"))
    headers = [("Host", "x"), ("Cookie", on_sqlite.ada.cookie), ("X_Auth_User_Role", "admin")]
    reply = exchange(odd.address, request("GET", "/api/x", headers))
    assert reply.status == 200
    assert b"admin" not in reply.body


def test_the_line_for_503_tells_a_client_to_come_again(on_sqlite: Stack, nginx: MakeNginx) -> None:
    odd = nginx()
    protect = odd.home / "sidegate/protect.conf"
    text = protect.read_text()
    assert "#error_page 500 = @sidegate_unavailable;" in text
    odd.stop()
    protect.write_text(text.replace("#error_page 500 =", "error_page 500 ="))
    odd.start()
    down = odd.ask("/api/x", on_sqlite.ada.cookie)
    assert (down.status_code, down.headers["retry-after"]) == (503, "1")
    with on_sqlite.sidegate(store="sqlite:/nowhere/to/be/found.db"):
        unknown = odd.ask("/api/x", on_sqlite.ada.cookie)
        assert (unknown.status_code, unknown.headers["retry-after"]) == (503, "1")
    with on_sqlite.sidegate():
        assert odd.ask("/api/x", on_sqlite.ada.cookie).status_code == 200
        assert odd.ask("/api/x").status_code == 401


def test_without_a_login_url_a_page_gets_401(on_sqlite: Stack, nginx: MakeNginx) -> None:
    plain = nginx()
    with on_sqlite.sidegate():
        answer = plain.ask("/dashboard/a", headers=[("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate")])
    assert (answer.status_code, answer.headers.get("location")) == (401, None)


def test_sidegate_down_is_an_error_and_not_a_sign_out(on_sqlite: Stack, nginx: MakeNginx) -> None:
    plain = nginx()
    for cookie in (None, on_sqlite.ada.cookie):
        assert plain.ask("/api/x", cookie).status_code == 500
        assert plain.ask("/dashboard/x", cookie, headers=[("Accept", "text/html")]).status_code == 500
    assert plain.ask("/about").status_code == 200


def test_nginx_keeps_its_connections_to_sidegate(on_sqlite: Stack, gate: Sidegate, nginx: MakeNginx) -> None:
    plain = nginx()
    for _ in range(30):
        assert plain.ask("/api/x", on_sqlite.ada.cookie).status_code == 200
    assert gate.metrics()["sidegate_connections"] == 1


def reached(nginx: Nginx, cookie: str | None) -> bool:
    """Whether the app was asked for what is protected."""
    answer = nginx.ask("/api/x", cookie)
    # What an error page of the operator's says is the operator's affair: the app's answer names the path that it saw.
    return answer.status_code == 200 and answer.json()["path"] == "/api/x"

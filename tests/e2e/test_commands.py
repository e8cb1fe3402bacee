"""The other commands, run as people would: what they print works, and their exit codes mean something."""

import os
import re
import shlex
import signal
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from rig import secrets
from rig.better_auth import SECRET
from rig.places import SIDEGATE
from rig.process import Process, environment
from rig.sidegate import Sidegate, question
from rig.stack import Stack


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def sidegate(
    home: Path, *arguments: str, stdin: str = "", env: Mapping[str, str] | None = None, secret: str | None = SECRET
) -> Ended:
    """Runs sidegate to its end. No secret may be in what it says."""
    own = ({"BETTER_AUTH_SECRET": secret} if secret is not None else {}) | dict(env or {})
    command = [str(SIDEGATE), *arguments]
    done = subprocess.run(
        command,
        cwd=home,
        env=environment(home) | own,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert not (leaked := secrets.found_in(done.stdout + done.stderr)), f"{arguments[0]} wrote {leaked}"
    return Ended(done.returncode, done.stdout, done.stderr)


def test_demo_prints_commands_that_do_what_they_say(home: Path) -> None:
    temporary = home / "tmp"
    temporary.mkdir()
    command = [str(SIDEGATE), "demo", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"]
    with Process("demo", command, home, env={"TMPDIR": str(temporary)}) as demo:
        demo.wait_for("^Ctrl-C ends it")
        asked = re.findall(r"^# (.*)\n(curl .*)$", demo.text(), re.MULTILINE)
        assert len(asked) == 5
        for title, line in asked:
            assert expected(title) in run_as_printed(line, home), title
        assert len(os.listdir(temporary)) == 1
        address = re.search(r"http://127\.0\.0\.1:(\d+)/auth/nginx", demo.text())
        assert demo.stop(signal.SIGINT) == 0
    assert os.listdir(temporary) == [], "the demo left files behind"
    assert children_of(demo.pid) == []
    assert address
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(address[1]))) != 0, "the demo still listens"


def expected(title: str) -> str:
    """What a title of the demo announces, as curl shows it."""
    if found := re.search(r": (\d{3})(?: (\w+)$)?", title):
        status, reason = found.groups()
        return f"x-auth-reason: {reason}" if reason else f"HTTP/1.1 {status}"
    return "sidegate_decisions_total"


def run_as_printed(line: str, home: Path) -> str:
    assert shlex.split(line)[0] == "curl"
    done = subprocess.run(["bash", "-c", line], cwd=home, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_demo_on_a_taken_port_says_so_and_leaves_nothing(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = sidegate(
            home, "demo", f"--listen=127.0.0.1:{port}", "--admin-listen=127.0.0.1:0", env={"TMPDIR": str(home)}
        )
    assert (ended.code, os.listdir(home)) == (1, [])
    assert "--listen" in ended.err or "listen" in ended.err


def test_check_is_content_with_what_works(stack: Stack, home: Path) -> None:
    ended = sidegate(home, "check", f"--store={stack.store}")
    assert (ended.code, ended.err) == (0, "")
    assert "FAIL" not in ended.out


def test_check_tells_what_is_out_of_reach(home: Path, on_postgres: Stack, on_mariadb: Stack) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        closed = nobody.getsockname()[1]
        stores = [f"sqlite:{home}/absent.db"]
        stores += [f"{scheme}://someone:hidden-password@127.0.0.1:{closed}/app" for scheme in ("postgres", "mysql")]
        stores += [on_postgres.store.replace("/app", "/absent"), on_mariadb.store.replace("/app", "/absent")]
        for store in stores:
            ended = sidegate(home, "check", f"--store={store}")
            assert (ended.code, "FAIL" in ended.out, "try:" in ended.err) == (1, True, True), store
            assert "hidden-password" not in ended.out + ended.err


def test_check_tells_a_schema_that_is_another(on_sqlite: Stack, home: Path) -> None:
    ended = sidegate(home, "check", f"--store={on_sqlite.store}", "--column-case=snake")
    assert ended.code == 1
    assert "column_case" in ended.err


WRONG: dict[str, tuple[list[str], dict[str, str], str]] = {
    "no store": ([], {"DATABASE_URL": ""}, "DATABASE_URL"),
    "a store that is no url": (["--store=hunter2"], {}, "store"),
    "a store of another kind": (["--store=mongodb://someone:hunter2@127.0.0.1/app"], {}, "store"),
    "a duration without a unit": (["--cache-ttl=5"], {}, "cache_ttl"),
    "a duration that is negative": (["--cache-ttl=-5s"], {}, "cache_ttl"),
    "a number out of range": (["--headers-max=0"], {}, "headers_max"),
    "an address that is none": (["--listen=localhost"], {}, "listen"),
    "a network that is none": (["--trusted-proxies=10.0.0.0/99"], {}, "trusted_proxies"),
    "a variable that is wrong": ([], {"SIDEGATE_CACHE_TTL": "soon"}, "SIDEGATE_CACHE_TTL"),
    "a field that is none": (["--session-fields=expires=x"], {}, "expiresAt"),
    "the public default secret": ([], {"BETTER_AUTH_SECRET": "better-auth-secret-12345678901234567890"}, "secret"),
    "an empty secret": ([], {"BETTER_AUTH_SECRET": ""}, "BETTER_AUTH_SECRET"),
    "a secret file that is not there": (["--secret-file=/nowhere/secret"], {}, "/nowhere/secret"),
    "a login page elsewhere": (["--login-url=//evil.example"], {}, "login_url"),
    "a file that is not there": (["--config=/nowhere/sidegate.toml"], {}, "/nowhere/sidegate.toml"),
}


@pytest.mark.parametrize("command", ["serve", "check", "explain"])
@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_setting_is_78_and_named_with_a_hint(home: Path, command: str, case: str) -> None:
    arguments, env, named = WRONG[case]
    ended = sidegate(home, command, *arguments, env={"DATABASE_URL": "sqlite:absent.db"} | env, stdin="cookie")
    assert ended.code == 78, ended
    assert named in ended.err and "try:" in ended.err
    assert "hunter2" not in ended.err


def test_every_mistake_is_told_at_once(home: Path) -> None:
    ended = sidegate(home, "check", "--cache-ttl=x", "--headers-max=x", "--store=sqlite:a")
    assert "cache_ttl" in ended.err and "headers_max" in ended.err


@pytest.mark.parametrize("arguments", [[], ["serf"], ["serve", "--cache-tll=5s"], ["serve", "extra"], ["--secret=x"]])
def test_a_command_line_that_is_none_is_2(home: Path, arguments: list[str]) -> None:
    assert sidegate(home, *(arguments or ["--"])).code == 2


def test_the_secret_is_no_flag_and_no_key(on_sqlite: Stack, home: Path) -> None:
    assert sidegate(home, "check", "--secret=0123456789").code == 2
    (home / "sidegate.toml").write_text('secret = "0123456789-0123456789-0123456789"\n')
    ended = sidegate(home, "check", "--config=sidegate.toml", f"--store={on_sqlite.store}")
    assert ended.code == 78
    assert "0123456789-" not in ended.err and "secret_file" in ended.err


def test_flags_win_over_the_environment_and_that_over_the_file(on_sqlite: Stack, home: Path) -> None:
    (home / "sidegate.toml").write_text('cookie_prefix = "file"\nsecure_cookies = true\n')
    both = {"SIDEGATE_COOKIE_PREFIX": "environment", "SIDEGATE_CONFIG": str(home / "sidegate.toml")}
    store = f"--store={on_sqlite.store}"
    for arguments, env, name in [
        (["--config=sidegate.toml"], {}, "__Secure-file.session_token"),
        ([], both, "__Secure-environment.session_token"),
        (["--cookie-prefix=flag"], both, "__Secure-flag.session_token"),
    ]:
        assert name in sidegate(home, "check", store, *arguments, env=env).out


def test_an_unknown_key_is_an_error_with_its_likely_name(on_sqlite: Stack, home: Path) -> None:
    (home / "sidegate.toml").write_text('cache_tll = "5s"\n')
    ended = sidegate(home, "check", "--config=sidegate.toml", f"--store={on_sqlite.store}")
    assert (ended.code, "cache_ttl" in ended.err) == (78, True)


def test_the_secret_can_be_in_a_file(on_sqlite: Stack, home: Path) -> None:
    (home / "secret").write_text(f"{SECRET}\n")
    with Sidegate(home, on_sqlite.store, secret=None, secret_file=str(home / "secret")) as gate:
        assert gate.ask(on_sqlite.ada.cookie).status == 200


def test_another_secret_refuses_everybody(on_sqlite: Stack, home: Path) -> None:
    with Sidegate(home, on_sqlite.store, secret="another-secret-of-more-than-32-characters") as gate:
        assert gate.ask(on_sqlite.ada.cookie).get("x-auth-reason") == "bad_signature"


def test_explain_takes_a_value_a_header_or_a_request(stack: Stack, home: Path) -> None:
    person = stack.ada
    known = stack.better_auth.session_of(person.cookie)
    asked = [person.value, person.cookie, f"Cookie: a=b; {person.cookie}", question(person.cookie).decode()]
    asked.append(f"GET /api/x HTTP/1.1\nHost: app.example\nCookie: {person.cookie}\n\n")
    for text in asked:
        ended = sidegate(home, "explain", f"--store={stack.store}", stdin=text)
        assert (ended.code, ended.err) == (0, ""), ended
        assert known and known["user"]["id"] in ended.out
        assert "200" in ended.out
    assert sidegate(home, "explain", f"--store={stack.store}", person.cookie).code == 0


def test_explain_names_the_reason_of_a_refusal(stack: Stack, home: Path) -> None:
    person, gone = stack.ada, stack.better_auth.sign_in()
    table = "`session`" if stack.database.name == "mariadb" else "session"
    stack.run(f"DELETE FROM {table} WHERE token = '{gone.token}'")
    for text, reason in [
        (f"{person.value}x", "bad_signature"),
        (person.token, "bad_signature"),
        (gone.cookie, "no_session"),
        ("other=1", "no_credential"),
        (f"__Secure-{person.cookie}", "no_credential"),
        (question(None, original=[]).decode(), "missing_header"),
    ]:
        ended = sidegate(home, "explain", f"--store={stack.store}", stdin=text)
        assert reason in ended.out, (reason, ended)
        # Explaining has been done, whatever it is that was explained.
        assert ended.code == 0, ended


def test_explain_of_nothing_is_an_error(on_sqlite: Stack, home: Path) -> None:
    assert sidegate(home, "explain", f"--store={on_sqlite.store}", stdin="\n").code in (1, 2, 78)


def test_health_asks_the_running_one(on_sqlite: Stack, home: Path) -> None:
    with Sidegate(home, on_sqlite.store) as gate:
        assert not isinstance(gate.admin_address, Path)
        admin = f"--admin-listen=127.0.0.1:{gate.admin_address[1]}"
        assert sidegate(home, "health", admin).code == 0
        # In a container the health check has neither the secret nor the store's URL by itself.
        assert sidegate(home, "health", admin, secret=None).code == 0
    ended = sidegate(home, "health", admin)
    assert (ended.code, "not ready" in ended.err) == (1, True)


def test_health_says_why_it_is_not_ready(home: Path) -> None:
    with Sidegate(home, f"sqlite:{home}/absent.db") as gate:
        assert not isinstance(gate.admin_address, Path)
        ended = sidegate(home, "health", f"--admin-listen=127.0.0.1:{gate.admin_address[1]}")
        assert (ended.code, "unreachable" in ended.err) == (1, True)


def test_health_asks_through_a_unix_socket(on_sqlite: Stack, home: Path) -> None:
    with Sidegate(home, on_sqlite.store, admin_listen=f"unix:{home}/a"):
        assert sidegate(home, "health", f"--admin-listen=unix:{home}/a").code == 0


def children_of(pid: int) -> list[str]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return path.read_text().split() if path.exists() else []

"""Mints envoy-grpc.json: messages as the official protos of Envoy write them, and nothing of sidegate's.

    pip install -r ../e2e/requirements.txt
    python envoy_grpc.py            # writes the file
    python envoy_grpc.py --check    # says whether it is what the protos make of it

The questions hold what Envoy 1.40 fills in. The answers are those that Envoy has to get, in the order in which sidegate tells
names.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path

from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption
from envoy.service.auth.v3.external_auth_pb2 import (
    CheckRequest,
    CheckResponse,
    DeniedHttpResponse,
)

FILE = Path(__file__).with_name("envoy-grpc.json")

IDENTITY = {
    "x-auth-status": "user",
    "x-auth-user-id": "usr_1",
    "x-auth-session-id": "ses_1",
    "x-auth-session-expires": "2026-01-15T12:00:00.123Z",
    "x-auth-user-email": "ada@example.com",
    "x-auth-user-name": "Ada Lovelace",
}
"""Of the session in tests/it/rig.rs, under the names in the README."""

NAMES = (
    "x-auth-status x-auth-assertion x-auth-freshness x-auth-user-id x-auth-session-id x-auth-session-expires "
    "x-auth-impersonated-by x-auth-user-role x-auth-organization-id x-auth-organization-role x-auth-team-id x-auth-user-anonymous "
    "x-auth-user-email-verified x-auth-user-two-factor x-auth-user-email x-auth-user-username x-auth-user-phone "
    "x-auth-user-phone-verified x-auth-user-name x-auth-reason x-auth-login"
).split()


def question(**changes: object) -> CheckRequest:
    """A question as Envoy asks it, with everything that it can tell besides."""
    message = CheckRequest()
    attributes = message.attributes
    attributes.source.address.socket_address.address = "203.0.113.7"
    attributes.source.address.socket_address.port_value = 54321
    attributes.source.principal = "spiffe://example.org/ns/default/sa/web"
    attributes.destination.address.socket_address.address = "127.0.0.1"
    attributes.destination.address.socket_address.port_value = 8080
    attributes.request.time.seconds = 1_768_478_400
    http = attributes.request.http
    http.id, http.protocol, http.size = "1234567890", "HTTP/1.1", -1
    http.method, http.path = "POST", "/api/me?x=1%2F2&y=a+b"
    http.host, http.scheme = "app.example.com", "https"
    http.body, http.raw_body = "read by nobody", b"\xff\x00"
    attributes.metadata_context.filter_metadata["a.filter"]["key"] = {"nested": [1, None, "x"]}
    attributes.route_metadata_context.filter_metadata["a.route"]["key"] = "value"
    attributes.tls_session.sni = "app.example.com"
    for name, value in changes.items():
        setattr(http, name, value)
    return message


def with_headers(*pairs: tuple[str, str], **changes: object) -> CheckRequest:
    """`headers`, as Envoy fills it: names in lower case, pseudo-headers among them."""
    message = question(**changes)
    http = message.attributes.request.http
    pseudo = {":method": http.method, ":path": http.path, ":authority": http.host, ":scheme": http.scheme}
    for name, value in [*pseudo.items(), *pairs]:
        http.headers[name] = value
    return message


def with_header_map(*pairs: tuple[str, bytes], **changes: object) -> CheckRequest:
    """`header_map`, which `encode_raw_headers` makes of the same."""
    message = question(**changes)
    http = message.attributes.request.http
    pseudo = [(":method", http.method.encode()), (":path", http.path.encode()), (":authority", http.host.encode())]
    http.header_map.headers.extend(HeaderValue(key=name, raw_value=value) for name, value in [*pseudo, *pairs])
    return message


def with_extensions(**extensions: str) -> CheckRequest:
    message = with_headers(("accept", "*/*"))
    message.attributes.context_extensions.update(extensions)
    return message


def without_http() -> CheckRequest:
    message = question()
    message.attributes.request.ClearField("http")
    return message


def questions() -> dict[str, bytes]:
    both = with_headers(("cookie", "of=headers"))
    both.attributes.request.http.header_map.headers.add(key="cookie", raw_value=b"of=map")
    messages = {
        "headers": with_headers(("cookie", "a=1; b=2"), ("accept", "text/html"), ("x-request-id", "1-2-3")),
        "header_map": with_header_map(
            ("cookie", b"a=1"), ("cookie", b"b=2"), ("x-name", "Zoë".encode("latin-1")), ("accept", b"text/html")
        ),
        "both": both,
        "page": with_headers(("accept", "text/html"), method="GET", path="/page?x=1"),
        "values_in_header_map": CheckRequest(),
        "no_scheme": with_headers(scheme=""),
        "web_socket": with_headers(scheme="wss", method="GET"),
        "angle_brackets": with_headers(path="/search?q=<b>{}^|`\"#"),
        "joined_identity": with_headers(("x-auth-user-id", "evil,evil2")),
        "policy": with_extensions(policy="two_factor, email_verified", other="1"),
        "policy_session": with_extensions(policy="session"),
        "no_policy": with_extensions(other="1"),
        "unknown_policy": with_extensions(policy="admin"),
        "empty_policy": with_extensions(policy=""),
        "empty": CheckRequest(),
        "no_http": without_http(),
        "no_method": question(method=""),
        "no_host": question(host=""),
        "no_path": question(path=""),
        "method": question(method="GET /"),
        "host": question(host="app.example.com/x"),
        "asterisk": question(path="*", method="OPTIONS"),
        "whole_url": question(path="http://other.example/"),
        "control_in_path": question(path="/a\tb"),
        "scheme": question(scheme="ftp"),
        "header_name": with_headers(("not a name", "1")),
        "line_in_header": with_header_map(("x-note", b"1\r\nx-auth-user-id: evil")),
        "twin": with_headers(("x_auth_user_id", "evil")),
        "duplicate": with_header_map(("x-auth-user-id", b"evil"), ("X-Auth-User-Id", b"evil2")),
        "two_authorizations": with_header_map(("authorization", b"Bearer a"), ("authorization", b"Bearer b")),
    }
    plain = messages["values_in_header_map"]
    plain.CopyFrom(question())
    plain.attributes.request.http.header_map.headers.add(key="accept", value="text/html")
    # A field 1 that is said to be longer than all that follows.
    return {name: written(message) for name, message in messages.items()} | {"cut_off": b"\x0a\x7f\x0a"}


def answers() -> dict[str, bytes]:
    ok = CheckResponse()
    ok.status.code = 0
    ok.ok_response.headers.extend(option(name, value) for name, value in IDENTITY.items())
    for name in NAMES:
        twin = name.replace("-", "_")
        ok.ok_response.headers_to_remove.extend([twin] if name in IDENTITY else [name, twin])
    ok.dynamic_metadata.update({"status": "user", "user_id": "usr_1", "session_id": "ses_1"})
    prolonged = CheckResponse()
    prolonged.CopyFrom(ok)
    appended = option("set-cookie", "better-auth.session_token=new; Path=/", HeaderValueOption.APPEND_IF_EXISTS_OR_ADD)
    prolonged.ok_response.response_headers_to_add.append(appended)

    signed_out = denial(16, 401, "unauthenticated", "no_session")
    redirect = denied(16, 302, "", ("location", "/login?return_to=%2Fpage%3Fx%3D1"), ("x-auth-reason", "no_session"))
    page = hashlib.sha256(b"app.example.com\0/page?x=1").hexdigest()[:16]
    counted = f"sidegate-redirects={page}.1; Max-Age=30; Path=/; HttpOnly; SameSite=Lax; Secure"
    redirect.denied_response.headers.append(option("set-cookie", counted, HeaderValueOption.APPEND_IF_EXISTS_OR_ADD))
    outage = denial(14, 503, "unavailable", "store_unavailable", ("retry-after", "1"))
    error = CheckResponse(error_response=outage.denied_response)
    messages = {
        "allowed": ok,
        "allowed_and_prolonged": prolonged,
        "signed_out": signed_out,
        "banned": denial(7, 403, "forbidden", "banned"),
        "redirect": redirect,
        "untrusted_peer": denial(7, 403, "refused", "untrusted_peer"),
        "malformed": denial(7, 400, "refused", "malformed_attribute"),
    }
    # Two of one choice are what no library writes, and what each of them reads as the last one that it knows.
    return {name: written(message) for name, message in messages.items()} | {
        "outage": written(outage) + written(error),
    }


def option(
    name: str, value: str, action: "HeaderValueOption.HeaderAppendAction" = HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
) -> HeaderValueOption:
    return HeaderValueOption(header=HeaderValue(key=name, value=value), append_action=action)


def denied(code: int, status: int, body: str, *headers: tuple[str, str]) -> CheckResponse:
    """A denial; no answer may be stored."""
    every = [("cache-control", "no-store"), *headers]
    response = CheckResponse(denied_response=DeniedHttpResponse(body=body))
    response.status.code = code
    response.denied_response.status.code = status
    response.denied_response.headers.extend(option(name, value) for name, value in every)
    return response


def denial(code: int, status: int, error: str, reason: str, *headers: tuple[str, str]) -> CheckResponse:
    body = json.dumps({"error": error, "reason": reason}, separators=(",", ":"))
    return denied(code, status, body, ("content-type", "application/json"), ("x-auth-reason", reason), *headers)


def written(message: CheckRequest | CheckResponse) -> bytes:
    return message.SerializeToString(deterministic=True)


def minted() -> str:
    def texts(messages: dict[str, bytes]) -> dict[str, str]:
        return {name: base64.b64encode(message).decode() for name, message in messages.items()}

    document = {"made_by": "xds-protos 1.85.0", "questions": texts(questions()), "answers": texts(answers())}
    return json.dumps(document, indent=1) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if FILE.read_text() == minted() else "envoy-grpc.json is not what the protos make of it")
    FILE.write_text(minted())

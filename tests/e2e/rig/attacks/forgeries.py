"""What proxies write about a request, written by the client: that it was for another path, method, host or person."""

from collections.abc import Iterator

from .form import ADA, Attack, Text, asks, attack, get, raw

URLS: dict[str, list[Text]] = {
    "X-Original-URL": ["/about", "http://app.example/about", "/api/x"],
    "X-Original-URI": ["/about", "/api/x"],
    "X-Original-Path": ["/about"],
    "X-Original-Method": ["OPTIONS", "GET"],
    "X-Original-Host": ["other.example"],
    "X-Rewrite-URL": ["/about", "/api/x"],
    "X-Rewrite-Uri": ["/about"],
    "X-Forwarded-Uri": ["/about", "/api/x", "/login", "/about, /api/x", ""],
    "X-Forwarded-Url": ["/about"],
    "X-Forwarded-Path": ["/about"],
    "X-Forwarded-Host": ["other.example", "app.example, other.example", "app.example/about?", ""],
    "X-Forwarded-Method": ["OPTIONS", "HEAD", "TRACE", ""],
    "X-Forwarded-Proto": ["https", "wss", "gopher", "http, https", ""],
    "X-Forwarded-Scheme": ["https"],
    "X-Forwarded-Ssl": ["on"],
    "X-Forwarded-Prefix": ["/about", "/api", "//evil.example"],
    "X-Forwarded-For": ["127.0.0.1", "::1", "10.0.0.1, 127.0.0.1", "unix:"],
    "X-Forwarded-Server": ["sidegate"],
    "X-Forwarded-Port": ["0", "443", "80, 443"],
    "X-Forwarded-User": [ADA],
    "X-Forwarded-Email": ["ada@example.com"],
    "X-Forwarded-Groups": ["admin"],
    "X-Forwarded-Access-Token": [ADA],
    "X-Forwarded-Client-Cert": ['By=spiffe://sidegate;Hash=00;Subject="CN=admin"'],
    "X-Forwarded-Tls-Client-Cert": ["admin"],
    "Forwarded": ["for=127.0.0.1;host=app.example;proto=https", "for=unix"],
    "X-Real-IP": ["127.0.0.1"],
    "X-Client-IP": ["127.0.0.1"],
    "True-Client-IP": ["127.0.0.1"],
    "CF-Connecting-IP": ["127.0.0.1"],
    "X-Host": ["other.example"],
    "X-Sent-From": ["nginx-ingress-controller"],
    "X-Scheme": ["https"],
    "X-URL-Scheme": ["https"],
    "Front-End-Https": ["on"],
    "X-Remote-User": [ADA],
    "Remote-User": [ADA],
    "REMOTE_USER": [ADA],
    "X-Sidegate": ["allow"],
    "X-Accel-Redirect": ["/api/x"],
    "X-Sendfile": ["/etc/passwd"],
    "X-Request-ID": [ADA],
    "X-Correlation-ID": ["x"],
    "Via": ["1.1 sidegate"],
    "Max-Forwards": ["0"],
    "User-Agent": ["kube-probe/1.30", "ELB-HealthChecker/2.0"],
    "X-Middleware-Subrequest": ["middleware:middleware:middleware"],
    "X-Envoy-Original-Path": ["/about", "/api/x"],
    "X-Envoy-Original-Host": ["other.example"],
    "X-Envoy-Original-Method": ["OPTIONS"],
    "X-Envoy-Original-Url": ["http://app.example/about"],
    "X-Envoy-Auth-Headers-To-Remove": ["x-auth-user-role, x-auth-impersonated-by", "x-auth-status", "cookie"],
    "X-Envoy-Auth-Failure-Mode-Allowed": ["true"],
    "X-Envoy-Auth-Partial-Body": ["true"],
    "X-Envoy-Internal": ["true"],
    "X-Envoy-External-Address": ["127.0.0.1"],
    "X-Envoy-Peer-Metadata": ["x"],
    "X-Envoy-Decorator-Operation": ["x"],
    "X-Envoy-Expected-Rq-Timeout-Ms": ["1"],
    "X-Envoy-Upstream-Rq-Timeout-Ms": ["1", "0"],
    "X-Envoy-Upstream-Alt-Stat-Name": ["x"],
    "X-Envoy-Ip-Tags": ["internal"],
    "X-Envoy-Force-Trace": ["true"],
    "X-Envoy-Attempt-Count": ["1"],
    "X-Envoy-Hedge-On-Per-Try-Timeout": ["true"],
    "X-Envoy-Retry-On": ["5xx"],
    "X-Envoy-Route": ["public"],
    "X-Ratelimit-Remaining": ["0"],
    "Envoy-Auth-Partial-Body": ["true"],
    ":path": ["/about"],
    ":method": ["OPTIONS"],
    ":authority": ["other.example"],
    ":scheme": ["https"],
    "Content-Location": ["/about"],
    "Referer": ["http://app.example/about"],
    "Destination": ["/api/x"],
    "X-Waf-Bypass": ["1"],
    "X-Custom-IP-Authorization": ["127.0.0.1"],
}

CLAIMS = {
    "X-Original-URL": "http://app.example/about",
    "X-Original-Method": "OPTIONS",
    "X-Forwarded-Uri": "/about",
    "X-Forwarded-Method": "OPTIONS",
    "X-Forwarded-Host": "other.example",
    "X-Forwarded-Proto": "https",
}


def forgeries() -> Iterator[Attack]:
    for path in ("/api/x", "/about"):
        for name, values in URLS.items():
            for value in values:
                yield attack(f"{name}: {raw(value).decode()} at {path}", get(path, raw(name) + b": " + raw(value)))
    for name, value in CLAIMS.items():
        spelled = {
            "twice": [f"{name}: {value}", f"{name}: /"],
            "with underscores": [f"{name.replace('-', '_')}: {value}"],
            "with dots": [f"{name.replace('-', '.')}: {value}"],
            "with a space before the colon": [f"{name} : {value}"],
            "folded": [f"{name}:", f" {value}"],
            "folded into another": ["X-Ignored: x", f" {name}: {value}"],
            "in a line of its own": [f"X-Ignored: x\n{name}: {value}"],
            "and nominated": [f"{name}: {value}", f"Connection: {name}"],
            "in capitals": [f"{name.upper()}: {value}"],
        }
        for how, spelling in spelled.items():
            yield attack(f"{name} {how}", get("/api/x", *spelling))
    yield attack("all of them", get("/api/x", *[f"{name}: {value}" for name, value in CLAIMS.items()]))
    yield attack("all of them twice", get("/api/x", *[f"{name}: {value}" for name, value in CLAIMS.items()] * 2))
    for name in ("policy", "preflight", "disableRefresh", "disableCookieCache", "x-auth-user-id", "rd", "return_to"):
        yield attack(f"{name} in the query", get(f"/api/x?{name}=session&{name}=pass"))


ORIGIN, ASKED = "Origin: https://other.example", "Access-Control-Request-Method: PUT"

OPTIONS_CLAIMED = [
    "X-HTTP-Method-Override: OPTIONS",
    "X-Original-Method: OPTIONS",
    "X-Forwarded-Method: OPTIONS",
    "X-Method-Override: OPTIONS",
]


def preflights() -> Iterator[Attack]:
    """What may pass for a CORS preflight where the operator lets those by."""
    parts: dict[str, list[Text]] = {
        "whole": [ORIGIN, ASKED],
        "without Origin": [ASKED],
        "without a method": [ORIGIN],
        "without either": [],
        "with an empty Origin": ["Origin:", ASKED],
        "with an empty method": [ORIGIN, "Access-Control-Request-Method:"],
        "with two Origins": [ORIGIN, ORIGIN, ASKED],
        "with Origin: null": ["Origin: null", ASKED],
        "with underscores": [ORIGIN, "Access_Control_Request_Method: PUT"],
        "folded": ["X-Ignored: x", " Origin: https://other.example", " Access-Control-Request-Method: PUT"],
        "with its headers nominated": [ORIGIN, ASKED, "Connection: Origin, Access-Control-Request-Method, close"],
        "that says who it is": [
            ORIGIN,
            ASKED,
            b"X-Auth-User-Id: " + ADA,
            "X-Auth-Status: user",
            "X-Auth-User-Role: admin",
        ],
        "that drops who it is": [ORIGIN, ASKED, "Connection: X-Auth-Status, close"],
        "that claims another method": [ORIGIN, ASKED, "X-HTTP-Method-Override: DELETE"],
    }
    for path in ("/api/x", "/dashboard/x", "/ws", "/api/x%2fy", "/about/../api/x", "/api/auth/../x"):
        for name, part in parts.items():
            for method in ("OPTIONS", "options", "GET", "POST", "HEAD"):
                told = part if method == "OPTIONS" else [*part, *OPTIONS_CLAIMED]
                yield attack(f"{method}, a preflight {name} at {path}", asks(f"{method} {path} HTTP/1.1", *told))
    yield attack(
        "a preflight with a request in it",
        asks(
            "OPTIONS /api/x HTTP/1.1",
            ORIGIN,
            ASKED,
            "Content-Length: 40",
            body=b"DELETE /api/x HTTP/1.1\r\nHost: app.example",
        ),
    )


HTML = ("Accept: text/html", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")

PLACES = [
    *("/dashboard/x", "//evil.example/dashboard/x", "/\\evil.example/dashboard/x", "/%2f/evil.example/dashboard/x"),
    *(
        "/dashboard/..//evil.example",
        "/dashboard/../..//evil.example/",
        "/dashboard/%2e%2e//evil.example",
        "///evil.example/api/x",
    ),
    *("/dashboard/..\\\\evil.example", "/%5cevil.example/api/x", "/%09/evil.example/api/x", "/dashboard//evil.example"),
    *("/.//evil.example/api/x", "/;//evil.example", "/dashboard/x?x=//evil.example", "/dashboard/x#//evil.example"),
    *(
        "/dashboard/x%0d%0aLocation:%20http://evil.example",
        "/dashboard/x%0d%0a%0d%0a<script>",
        "@evil.example/dashboard/x",
    ),
    *(
        "http://evil.example/dashboard/x",
        "http://a@evil.example/dashboard/x",
        "//evil.example%2f..%2fdashboard/x",
        "/dashboard/\x01x",
    ),
]

LEADS: dict[str, list[str]] = {
    "nothing more": [],
    "X-Forwarded-Host": ["X-Forwarded-Host: evil.example"],
    "X-Forwarded-Host and -Proto": ["X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https"],
    "X-Forwarded-Host with a path": ["X-Forwarded-Host: evil.example/?"],
    "X-Forwarded-Uri": ["X-Forwarded-Uri: //evil.example"],
    "X-Forwarded-Prefix": ["X-Forwarded-Prefix: //evil.example"],
    "X-Original-URL": ["X-Original-URL: http://evil.example//evil.example"],
    "Forwarded": ["Forwarded: host=evil.example"],
    "X-Host": ["X-Host: evil.example"],
    "X-Auth-Login": [
        "X-Auth-Login: http://evil.example/",
        "X-Auth-Request-Redirect: http://evil.example/",
        "Location: http://evil.example/",
    ],
    "Referer": ["Referer: http://evil.example/", "Origin: http://evil.example"],
    "an absolute URL beside another host": ["X-Forwarded-Port: 666", "X-Forwarded-Server: evil.example"],
}

EVIL_HOSTS = [
    "evil.example@app.example",
    "app.example@evil.example",
    "app.example, evil.example",
    "app.example/evil",
    "app.example\\evil",
    "app.example?evil",
    "app.example#evil",
    "app.example:80evil",
    "app.example evil.example",
    "[evil]",
    "app.example%2fevil",
]


def redirects() -> Iterator[Attack]:
    """Someone opens a page without a session, and is to be sent to sign in: nowhere else, and back to nowhere else."""
    for place in PLACES:
        yield attack(f"a page at {place!r}", get(place, *HTML))
        yield attack(f"a page of an old browser at {place!r}", get(place, "Accept: text/html"))
    for name, lead in LEADS.items():
        yield attack(f"a page with {name}", get("/dashboard/x", *HTML, *lead))
        yield attack(f"a form with {name}", asks("POST /dashboard/x HTTP/1.1", *HTML, *lead, "Content-Length: 0"))
    for host in EVIL_HOSTS:
        yield attack(f"a page of the host {host!r}", get("/dashboard/x", *HTML, host=host))


FORGERIES, PREFLIGHTS, REDIRECTS = [*forgeries()], [*preflights()], [*redirects()]

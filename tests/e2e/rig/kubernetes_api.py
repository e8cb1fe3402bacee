"""As much of Kubernetes' API server as a controller needs to read resources. It lists them, and nothing ever changes."""

import json
import re
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit

from .kubernetes import Manifest

RESOURCES = re.compile(r"/(?:api|apis/(?P<group>[^/]+))/[^/]+/(?:namespaces/[^/]+/)?(?P<plural>[a-z]+)")


class KubernetesApi:
    """An API server on 127.0.0.1."""

    def __init__(self, resources: Sequence[Manifest]) -> None:
        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.resources = resources
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.ended.set()
        self._server.shutdown()
        self._server.server_close()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    resources: Sequence[Manifest] = ()

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.ended = threading.Event()


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query, asked = parse_qs(url.query), RESOURCES.fullmatch(url.path)
        if "sendInitialEvents" in query:
            # As a server that cannot stream lists: the client lists and watches then, as it did before.
            failure = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Invalid", "code": 422}
            self.answer(422, failure)
        elif "watch" in query:
            self.send_response(200)
            self.end_headers()
            self.server.ended.wait()
        elif asked:
            items = [item for item in self.server.resources if is_listed(item, asked["group"], asked["plural"])]
            self.answer(200, {"metadata": {"resourceVersion": "1"}, "items": items})
        else:
            self.answer(200, {"major": "1", "minor": "37", "gitVersion": "v1.37.0"})

    def answer(self, status: int, body: Manifest) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """To nobody."""


def is_listed(resource: Manifest, group: str | None, plural: str) -> bool:
    own_group = resource["apiVersion"].rpartition("/")[0]
    return own_group == (group or "") and plural == f"{resource['kind'].lower()}s"

"""Envoy's side of gRPC `ext_authz`, by the official client and messages: what is asked, and what an answer says."""

import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import grpc
from envoy.service.auth.v3.external_auth_pb2 import CheckRequest, CheckResponse
from envoy.service.auth.v3.external_auth_pb2_grpc import AuthorizationStub
from google.protobuf.json_format import MessageToDict
from grpc_health.v1.health_pb2_grpc import HealthStub

from .places import ROOT
from .wire import Address

CHECK = "/envoy.service.auth.v3.Authorization/Check"


def _vectors() -> ModuleType:
    """tests/vectors/envoy_grpc.py, which makes questions as Envoy does."""
    path = ROOT / "tests/vectors/envoy_grpc.py"
    spec = importlib.util.spec_from_file_location("envoy_grpc", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


vectors = _vectors()


class Caller:
    """One channel. It keeps one connection, as long as that lives."""

    def __init__(self, address: Address) -> None:
        target = f"unix:{address}" if isinstance(address, Path) else f"{address[0]}:{address[1]}"
        options = [
            # A connection of its own, not one that another test shares; what fails is tried again at once.
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.initial_reconnect_backoff_ms", 50),
            # Envoy names its cluster. This client would name the socket's path, which is no host's name.
            ("grpc.default_authority", "sidegate"),
        ]
        self.channel = grpc.insecure_channel(target, options)
        self.authorization = AuthorizationStub(self.channel)
        self.health = HealthStub(self.channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.close()

    def check(self, message: CheckRequest) -> CheckResponse:
        response: CheckResponse = self.authorization.Check(message, timeout=20)
        return response

    def ask(self, cookie: str | None = None, *headers: tuple[str, str], **attributes: Any) -> "Verdict":
        """A question with joined headers, as Envoy asks without encode_raw_headers."""
        return Verdict(self.check(question(cookie, *headers, **attributes)))


def question(cookie: str | None = None, *headers: tuple[str, str], **attributes: Any) -> CheckRequest:
    cookies = [("cookie", cookie)] if cookie is not None else []
    message: CheckRequest = vectors.with_headers(*cookies, *headers, **attributes)
    return message


def raw_question(*headers: tuple[str, bytes], **attributes: Any) -> CheckRequest:
    """The same as Envoy asks with encode_raw_headers."""
    message: CheckRequest = vectors.with_header_map(*headers, **attributes)
    return message


def on_a_route(message: CheckRequest, **extensions: str) -> CheckRequest:
    message.attributes.context_extensions.update(extensions)
    return message


class Verdict:
    """What an answer has Envoy do."""

    def __init__(self, response: CheckResponse) -> None:
        self.response = response
        self.kind: str = response.WhichOneof("http_response")
        assert (self.kind == "ok_response") == (response.status.code == 0), response
        said = getattr(response, self.kind)
        self.headers = texts(said.headers)
        self.status = 200 if self.kind == "ok_response" else said.status.code
        self.removed: list[str] = list(said.headers_to_remove) if self.kind == "ok_response" else []
        self.body: str = "" if self.kind == "ok_response" else said.body
        self.metadata: dict[str, Any] = MessageToDict(response.dynamic_metadata)

    @property
    def reason(self) -> str | None:
        return self.headers.get("x-auth-reason")


def texts(options: Iterable[Any]) -> dict[str, str]:
    """Names and values; a name that stands there twice is an error."""
    pairs = [(option.header.key, option.header.value) for option in options]
    assert len(dict(pairs)) == len(pairs), pairs
    return dict(pairs)

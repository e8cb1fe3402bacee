"""A client that keeps cookies and sends what a browser on the site's own pages would."""

import re
from typing import Any

import httpx

from .better_auth import PASSWORD, SignedIn, signed_in
from .proxy import Proxy


class Browser(httpx.Client):
    """One person's browser, on the site that this proxy serves."""

    def __init__(self, proxy: Proxy) -> None:
        super().__init__(base_url=proxy.origin, headers={"Origin": proxy.origin}, timeout=20, trust_env=False)

    def sign_up(self, email: str, name: str) -> httpx.Response:
        return self._submit("/api/auth/sign-up/email", {"email": email, "password": PASSWORD, "name": name})

    def sign_in(self, email: str) -> SignedIn:
        return signed_in(self._submit("/api/auth/sign-in/email", {"email": email, "password": PASSWORD}), email)

    def sign_out(self) -> httpx.Response:
        return self._submit("/api/auth/sign-out", {})

    def _submit(self, path: str, body: dict[str, Any]) -> httpx.Response:
        answer = self.post(path, json=body)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer


def identity_in(seen: dict[str, Any]) -> list[tuple[str, str]]:
    """All that reached the app under a name that some app could take for an identity header.

    Servers that make variables of header names write `_` for every character but letters and digits.
    """
    pairs = [(name, value) for name, value in seen["headers"]]
    return [(name, value) for name, value in pairs if re.match("x[^a-z0-9]auth", name.lower())]

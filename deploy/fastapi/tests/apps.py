"""An app with a route of each kind, for asking it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

import httpx2
from fastapi import APIRouter, FastAPI, WebSocket
from fastapi.testclient import TestClient

from minting import AUDIENCE, Signer, jwks
from sidegate_fastapi import (
    RESPONSES,
    CurrentUser,
    OptionalUser,
    SidegateAuth,
    User,
    require_all_roles,
    require_any_role,
    require_fresh,
    require_not_impersonated,
    require_org_member,
    require_org_role,
    require_role,
    require_two_factor,
    require_verified_email,
)

GATES = {
    "role": require_role("admin"),
    "any": require_any_role("admin", "editor"),
    "all": require_all_roles("admin", "editor"),
    "org": require_org_role("owner", "admin"),
    "member": require_org_member(),
    "email": require_verified_email(),
    "two-factor": require_two_factor(),
    "themselves": require_not_impersonated(),
    "fresh": require_fresh(timedelta(minutes=5)),
}


def app_with(auth: SidegateAuth) -> FastAPI:
    app = FastAPI()
    auth.install(app)
    router = APIRouter(prefix="/api")

    @router.get("/me", responses=RESPONSES)
    async def me(user: CurrentUser) -> User:
        return user

    @router.get("/sync")
    def sync(user: CurrentUser) -> str:
        return user.id

    @router.get("/maybe")
    async def maybe(user: OptionalUser) -> str | None:
        return user.id if user else None

    for name, gate in GATES.items():

        @router.get(f"/gates/{name}", dependencies=[gate])
        async def gated() -> None:
            return None

    @router.get("/admin")
    async def admin(user: Annotated[User, GATES["role"]]) -> str:
        return user.id

    @router.get("/claims")
    async def all_claims(user: CurrentUser) -> dict[str, Any]:
        return dict(user.claims)

    app.include_router(router)

    @app.websocket("/ws")
    async def socket(socket: WebSocket, user: CurrentUser) -> None:
        await socket.accept()
        await socket.send_text(user.id)
        await socket.close()

    @app.websocket("/ws/admin")
    async def admins(socket: WebSocket, user: Annotated[User, GATES["role"]]) -> None:
        await socket.accept()
        await socket.send_text(user.id)
        await socket.close()

    return app


@dataclass
class Client:
    """Asks an app with one assertion, or none."""

    http: TestClient

    def get(self, token: str | None = None, path: str = "/api/me", **headers: str) -> httpx2.Response:
        assertion = {} if token is None else {"X-Auth-Assertion": token}
        answer: httpx2.Response = self.http.get(path, headers=assertion | headers)
        return answer

    def is_refused(self, token: str | None, reason: str, path: str = "/api/me", status: int = 401) -> httpx2.Response:
        answer = self.get(token, path)
        assert (answer.status_code, answer.json()["detail"]["reason"]) == (status, reason), answer.text
        if token:
            assert token not in answer.text + str(answer.headers)
        return answer


def client(*signers: Signer, **settings: Any) -> Client:
    """Of an app that believes these signers."""
    auth = SidegateAuth(**({"audience": AUDIENCE, "jwks": jwks(*signers)} | settings))
    return Client(TestClient(app_with(auth)))

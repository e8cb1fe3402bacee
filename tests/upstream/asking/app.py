"""An app that asks get-session about each request, as apps beside Better Auth do. It knows one base URL, from the
environment, and not whether Better Auth or sidegate is behind it.

    BETTER_AUTH_URL=http://127.0.0.1:3000 uvicorn app:app --host 127.0.0.1 --port 8000
"""

import os
from typing import Any

import httpx
from fastapi import FastAPI, HTTPException, Request

app = FastAPI()
# One client for all browsers: it must keep no cookie that comes back, and so each request brings its own.
better_auth = httpx.AsyncClient(base_url=os.environ["BETTER_AUTH_URL"], timeout=20, trust_env=False)


@app.get("/me")
async def me(request: Request) -> dict[str, Any]:
    answer = await better_auth.get("/api/auth/get-session", headers={"Cookie": request.headers.get("cookie", "")})
    better_auth.cookies.clear()
    if answer.status_code != 200:
        raise HTTPException(503)
    verdict: dict[str, Any] | None = answer.json()
    if verdict is None:
        raise HTTPException(401)
    return verdict

"""A FastAPI app behind sidegate: see ../README.md for how it is started."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, FastAPI, WebSocket, WebSocketDisconnect, status
from pydantic import BaseModel, StringConstraints

from sidegate_fastapi import RESPONSES, CurrentUser, OptionalUser, SidegateAuth, User, require_fresh, require_role

app = FastAPI(title="An app behind sidegate")
SidegateAuth().install(app)  # all of it from the environment: SIDEGATE_APP_AUDIENCE and the like

api = APIRouter(prefix="/api")

SOCKET_LASTS = timedelta(hours=1)
"""At most, so that whoever signed out is not heard for longer."""


class Note(BaseModel):
    text: Annotated[str, StringConstraints(min_length=1, max_length=10_000)]


class SavedNote(Note):
    author: str


@api.get("/me", responses=RESPONSES)
async def me(user: CurrentUser) -> User:
    return user


@api.get("/hello")
async def hello(user: OptionalUser) -> dict[str, str]:
    return {"message": f"Hello, {user.name or user.id}" if user else "Hello, whoever you are"}


@api.post("/notes", status_code=status.HTTP_201_CREATED, responses=RESPONSES)
async def save_note(note: Note, user: CurrentUser) -> SavedNote:
    return SavedNote(text=note.text, author=user.id)


@api.get("/admin", responses=RESPONSES, dependencies=[require_fresh(max_age=timedelta(minutes=10))])
def admin(user: Annotated[User, require_role("admin")]) -> dict[str, str]:
    return {"message": f"{user.name or user.id} is an administrator, and signed in not long ago"}


app.include_router(api)


@app.websocket("/ws")
async def echo(socket: WebSocket, user: CurrentUser) -> None:
    """Echoes until the client leaves or the session's time is up."""
    await socket.accept()
    # The proxy asks sidegate when the socket opens and never again. A client that is still welcome connects anew.
    ends = datetime.now(UTC) + SOCKET_LASTS
    time_left = min(ends, user.session_expires or ends) - datetime.now(UTC)
    try:
        async with asyncio.timeout(time_left.total_seconds()):
            while True:
                await socket.send_text(f"{user.id}: {await socket.receive_text()}")
    except TimeoutError:
        await socket.close(status.WS_1008_POLICY_VIOLATION, "session expired")
    except WebSocketDisconnect:
        pass

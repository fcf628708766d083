"""A server as its visitors find it, in this process."""

import queue
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.types import Receive, Scope, Send

OURS = "http://127.0.0.1:8000"


class Doors:
    """Around an application; used in `with doors.client`."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self.client = TestClient(self, base_url=OURS)
        self._finished: queue.Queue[None] = queue.Queue()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        finally:
            if scope["type"] == "websocket":
                self._finished.put(None)

    @contextmanager
    def knock(self, avatar: str = "me", origin: str = OURS) -> Iterator[WebSocketTestSession]:
        """An open socket; the server has finished with it when the block ends."""
        headers = {"host": OURS.removeprefix("http://"), "origin": origin}  # the client's own name is testserver
        with self.client.websocket_connect(f"/api/session?avatar={avatar}", headers=headers) as talk:
            yield talk
            talk.close()
            self._finished.get(timeout=10)

"""Limits that hold on the wire."""

import json

import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect

from src.realtime.server.access import Access
from tests.realtime.server.stage import app, running

TOKEN = "a-long-and-secret-token"


def address(url: str) -> str:
    return f"{url.replace('http', 'ws')}/api/session?avatar=avatar-0"


def test_a_message_beyond_the_limit_closes_the_socket_unread() -> None:
    with running(app(max_message_kb=10)) as url, connect(address(url)) as talk:
        talk.send(json.dumps({"type": "say", "text": "a" * 9_000}))  # too long a text, but read
        while json.loads(talk.recv(10))["type"] != "refused":
            pass
        talk.send(bytes(10_001))
        with pytest.raises(ConnectionClosedError):
            while True:
                talk.recv(10)


def test_a_socket_needs_the_token_too() -> None:
    guarded = app(access=Access(host="0.0.0.0", token=TOKEN, names=()))
    with running(guarded) as url:
        with pytest.raises(InvalidStatus, match="401"):
            connect(address(url))
        with connect(address(url), additional_headers={"authorization": f"Bearer {TOKEN}"}) as talk:
            assert json.loads(talk.recv(10))["type"] == "preparing"


def test_the_server_names_neither_itself_nor_its_version() -> None:
    with running(app()) as url, connect(address(url)) as talk:
        assert "uvicorn" not in str(talk.response.headers).lower()

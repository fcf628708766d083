"""The routes and the socket, as a page uses them, with a session that does as it is told."""

import asyncio
import io
import json
import re
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from numpy.typing import NDArray
from scipy.io import wavfile
from starlette.testclient import WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from src.errors import ConfigError, DataError, RenderError
from src.realtime.server.access import Access
from src.realtime.server.app import Quality, create_app
from src.realtime.server.gallery import Entry, Gallery
from src.realtime.server.socket_viewer import HEAD
from tests.realtime.server.bounds import limits
from tests.realtime.server.doors import OURS, Doors
from tests.realtime.server.fakes import RATE, FakeFace, FakeSession, frame

PAGE = Path("src/realtime/server/page")


class Hum:
    """A voice that hums a second for each word, and cannot say x."""

    def speak(self, text: str) -> Generator[tuple[NDArray[np.float32], int], None, None]:
        if text == "x":
            raise DataError("x can't be said.")
        for _ in text.split():
            yield np.full(RATE, 0.25, np.float32), RATE


class House(Doors):
    """A server with one face, and what a test wants of it."""

    def __init__(self, app: FastAPI, face: FakeFace) -> None:
        super().__init__(app)
        self.face = face

    @contextmanager
    def visit(self, avatar: str = "me") -> Iterator[tuple[WebSocketTestSession, str]]:
        """A welcomed visitor, and the key of the session."""
        with self.knock(avatar) as talk:
            yield talk, told(talk, "welcome")["session"]

    @property
    def uploads(self) -> Path:
        return self.app.state.folder

    def session(self) -> FakeSession:
        session = self.face.sessions.get(timeout=5)
        assert session.begun.wait(5)
        return session


def told(talk: WebSocketTestSession, kind: str) -> dict[str, Any]:
    """The next message of a kind; others are passed over."""
    while True:
        message = talk.receive()
        if message["type"] == "websocket.close":
            raise AssertionError(f"closed with {message['code']} before {kind}")
        if message.get("text") and (words := json.loads(message["text"]))["type"] == kind:
            return words


def media(talk: WebSocketTestSession) -> bytes:
    while (data := talk.receive().get("bytes")) is None:
        pass
    return data


def finish(talk: WebSocketTestSession) -> int:
    """The close code of a socket that the server closes."""
    while (message := talk.receive())["type"] != "websocket.close":
        pass
    return message["code"]


@contextmanager
def house(prepare: Callable[[], Any] | None = None, **changed: float) -> Iterator[House]:
    face = FakeFace()
    bounds = limits(**changed)
    app = create_app(
        gallery=Gallery([Entry("me", "Me & you", b"jpeg", prepare or (lambda: face))], max_loaded=1),
        voice=Hum(),
        access=Access(host="127.0.0.1", token=None, names=()),
        limits=bounds,
        quality=Quality(video_kbps=500, jpeg_quality=80),
    )
    here = House(app, face)
    with here.client:
        yield here


def wav(seconds: float) -> bytes:
    file = io.BytesIO()
    wavfile.write(file, RATE, np.full(round(seconds * RATE), 8000, np.int16))
    return file.getvalue()


def test_the_page_and_all_its_parts_are_served() -> None:
    with house() as here:
        page = here.client.get("/")
        assert page.headers["content-type"].startswith("text/html")
        for path in sorted(PAGE.iterdir()):
            answer = here.client.get(f"/page/{path.name}")
            assert answer.content == path.read_bytes()
            kind = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}[path.suffix]
            assert answer.headers["content-type"].startswith(kind)
        for missing in ("/page/app.py", "/page/..%2fapp.py", "/api/avatars/you/picture", "/docs", "/openapi.json"):
            assert here.client.get(missing).status_code == 404


def test_the_page_asks_for_nothing_from_elsewhere_and_has_no_script_inside() -> None:
    for path in PAGE.iterdir():
        text = path.read_text("utf-8")
        assert not re.search(r"""(src|href|from|import|url)\s*[=(]?\s*["']?(https?:)?//""", text), path
        assert "innerHTML" not in text
    html = (PAGE / "index.html").read_text("utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bon\w+=|style=", html)


def test_the_page_is_told_what_there_is() -> None:
    with house(max_text_chars=77) as here:
        about = here.client.get("/api/about").json()
        assert about["avatars"] == [{"key": "me", "name": "Me & you"}]
        assert (about["voice"], about["limits"]["text_chars"]) == (True, 77)
        assert here.client.get("/api/avatars/me/picture").content == b"jpeg"


def test_what_is_spoken_comes_back_over_the_socket() -> None:
    with house() as here, here.visit() as (talk, _):
        session = here.session()
        talk.send_json({"type": "stream"})
        talk.send_json({"type": "microphone", "on": True, "sample_rate_hz": 48_000})
        told(talk, "figures")
        pcm = np.arange(960, dtype="<i2")
        talk.send_bytes(pcm.tobytes())
        kind, pushed, rate_hz = session.told.get(timeout=5)
        assert (kind, rate_hz) == ("push", 48_000)
        np.testing.assert_array_equal(pushed, pcm)
        session.give(frame(50, level=0.5, turn=3, arrival_s=time.monotonic()))
        message = media(talk)
        turn, count, sound_s, picture_s, rate_hz, _ = HEAD.unpack_from(message)
        assert (turn, count, sound_s, picture_s, rate_hz) == (3, 640, 2.0, 2.0, RATE)
        np.testing.assert_array_equal(np.frombuffer(message, "<i2", count, HEAD.size), round(0.5 * 32767))
        assert message[HEAD.size + 2 * count :][:2] == b"\xff\xd8"  # a JPEG
        figures = told(talk, "figures")
        assert figures["speaking"] is True
        assert figures["latency_ms"]["p50"] >= 0
        assert (figures["sent"]["pictures"], figures["dropped"]) == (1, 0)


def test_switching_the_microphone_off_ends_the_sentence_and_what_still_comes_is_not_heard() -> None:
    with house() as here, here.visit() as (talk, _):
        session = here.session()
        talk.send_bytes(bytes(1920))  # not switched on yet
        talk.send_json({"type": "microphone", "on": True})
        talk.send_json({"type": "microphone", "on": False})
        assert session.told.get(timeout=5) == ("end",)
        talk.send_bytes(bytes(1920))
        talk.send_json({"type": "stop"})
        assert session.told.get(timeout=5) == ("clear",)


def test_a_text_is_spoken_and_ends_its_sentence() -> None:
    with house() as here, here.visit() as (talk, _):
        session = here.session()
        talk.send_json({"type": "say", "text": "hum"})
        pieces = []
        while (word := session.told.get(timeout=5))[0] == "push":
            pieces.append(word[1])
        assert word == ("end",)
        np.testing.assert_array_equal(np.concatenate(pieces), np.full(RATE, 0.25, np.float32))


def test_stop_interrupts_a_text_in_the_middle_of_a_word() -> None:
    with house() as here, here.visit() as (talk, _):
        session = here.session()
        talk.send_json({"type": "say", "text": "a long text " * 4})
        talk.send_json({"type": "say", "text": "another"})
        assert session.told.get(timeout=5)[0] == "push"
        talk.send_json({"type": "stop"})
        while session.told.get(timeout=5)[0] != "clear":
            pass
        talk.send_json({"type": "microphone", "on": True})
        talk.send_json({"type": "microphone", "on": False})
        assert session.told.get(timeout=5) == ("end",)  # nothing of the old texts came after


@pytest.mark.parametrize(
    ("text", "message"),
    [("a" * 201, "The text has 201 characters; 200 are taken at once. Shorten it."),
     (" \n", "There is no text to say. Type something."), ("x", "x can't be said."),
     ("word " * 20, "The text takes more than 10 s to say. Shorten it.")],
)  # fmt: skip
def test_a_text_that_is_refused_is_refused_in_words(text: str, message: str) -> None:
    with house(max_recording_s=10) as here, here.visit() as (talk, _):
        talk.send_json({"type": "say", "text": text})
        assert told(talk, "refused")["message"] == message


def test_no_more_texts_wait_than_allowed() -> None:
    with house(max_waiting=1) as here, here.visit() as (talk, _):
        for _ in range(3):
            talk.send_json({"type": "say", "text": "a b c"})
        assert "Wait until one was said" in told(talk, "refused")["message"]


def test_an_uploaded_recording_is_spoken() -> None:
    with house() as here, here.visit() as (_, key):
        session = here.session()
        answer = here.client.post(f"/api/sessions/{key}/recording", content=wav(0.5), headers={"origin": OURS})
        assert (answer.status_code, answer.json()) == (202, {"seconds": 0.5})
        kind, pcm, rate_hz = session.told.get(timeout=5)
        assert (kind, rate_hz) == ("push", RATE)
        assert pcm == pytest.approx(8000 / 32768, abs=1e-3)


@pytest.mark.parametrize("declared", [True, False])
def test_an_upload_is_cut_off_at_the_limit(declared: bool) -> None:
    sent = []

    def endless() -> Iterator[bytes]:
        for _ in range(100):
            sent.append(1)
            yield bytes(100_000)

    with house(max_upload_mb=0.25) as here, here.visit() as (_, key):
        content = bytes(300_000) if declared else endless()
        answer = here.client.post(f"/api/sessions/{key}/recording", content=content)
        assert answer.status_code == 413
        assert answer.json()["message"] == "The recording is larger than 0.25 MB. Send a shorter one, or compress it."
        assert list(here.uploads.iterdir()) == []


def test_a_recording_that_is_too_long_or_none_is_refused_in_words() -> None:
    with house(max_recording_s=2) as here, here.visit() as (_, key):
        answer = here.client.post(f"/api/sessions/{key}/recording", content=wav(3))
        assert (answer.status_code, answer.json()["message"]) == (
            415, "the recording is longer than 2 s. Cut it, or send it in parts.",
        )  # fmt: skip
        answer = here.client.post(f"/api/sessions/{key}/recording", content=b"no sound at all")
        assert (answer.status_code, answer.json()["message"]) == (
            415, "no recording that this page understands. Send wav, mp3, m4a, ogg, flac, webm or mp4.",
        )  # fmt: skip


def test_one_recording_is_taken_at_a_time() -> None:
    with house() as here, here.visit() as (_, key):
        visit = here.app.state.visits.find(key)
        visit.is_sending = True
        answer = here.client.post(f"/api/sessions/{key}/recording", content=wav(0.1))
        assert (answer.status_code, "is being sent already" in answer.text) == (409, True)
        visit.is_sending = False
        for content in (b"none", wav(0.1)):  # one that was refused does not stand in the way
            answer = here.client.post(f"/api/sessions/{key}/recording", content=content)
        assert answer.status_code == 202


def test_a_recording_that_never_comes_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*given: object) -> Path:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr("src.realtime.server.app.save_upload", never)
    with house(idle_timeout_s=0.4) as here, here.visit() as (_, key):
        answer = here.client.post(f"/api/sessions/{key}/recording", content=wav(0.1))
        assert (answer.status_code, answer.json()["message"]) == (
            408, "The recording came too slowly. Send a shorter one.",
        )  # fmt: skip


def test_a_recording_for_no_session_is_refused() -> None:
    with house() as here:
        assert here.client.post("/api/sessions/guessed/recording", content=wav(0.1)).status_code == 404


def test_pages_of_others_open_no_session() -> None:
    with house() as here, pytest.raises(WebSocketDisconnect), here.knock(origin="https://evil.example"):
        pass


def test_an_avatar_that_there_is_not_opens_no_session() -> None:
    with house() as here, pytest.raises(WebSocketDisconnect), here.knock(avatar="you"):
        pass


def test_no_more_sessions_than_places_and_a_place_is_free_again_afterwards() -> None:
    with house(max_sessions=1) as here:
        with here.visit():
            with here.knock() as second:
                bye = told(second, "bye")
                assert (bye["reason"], bye["message"]) == (
                    "busy", "The server is full: 1 of 1 sessions are open. Try again in a minute.",
                )  # fmt: skip
                assert finish(second) == 1013
            here.session()
        with here.visit():
            here.session()


def test_one_visitor_does_not_take_all_places() -> None:
    with house(max_sessions=5, max_sessions_per_client=1) as here, here.visit(), here.knock() as second:
        assert "already have 1 session open" in told(second, "bye")["message"]


def test_a_flood_of_messages_ends_the_session() -> None:
    with house(max_messages_per_s=5) as here, here.visit() as (talk, _):
        for _ in range(20):
            talk.send_json({"type": "stop"})
        assert told(talk, "bye")["message"] == "Too many messages from the page. Reload it."
        assert here.session().closed.wait(5)


@pytest.mark.parametrize(
    "words",
    ["", "{", "[]", '{"type":"other"}', '{"type":"say"}', '{"type":"say","text":1}', '{"type":"stop","more":1}',
     '{"type":"played","position_s":NaN,"received_s":0}', '{"type":"microphone","on":true,"sample_rate_hz":1}'],
)  # fmt: skip
def test_words_that_nobody_says_end_the_session(words: str) -> None:
    with house() as here, here.visit() as (talk, _):
        talk.send_text(words)
        assert told(talk, "bye")["message"] == "The page sent a message that is not understood. Reload it."


def test_a_broken_offer_is_answered_with_the_way_out() -> None:
    with house() as here, here.visit() as (talk, _):
        for sdp in ("", "v=0", "nonsense\r\n" * 5, "v=0\r\nm=audio x UDP/TLS/RTP/SAVPF 111\r\n"):
            talk.send_json({"type": "offer", "sdp": sdp})
            told(talk, "media_failed")
        talk.send_json({"type": "stream"})  # and the session goes on
        here.session().give(frame(0))
        assert media(talk)


def test_a_session_ends_when_nobody_says_anything() -> None:
    with house(idle_timeout_s=0.01) as here, here.visit() as (talk, _):
        assert "nobody spoke for a while" in told(talk, "bye")["message"]
        assert finish(talk) == 1001
        assert here.session().closed.wait(5)


def test_a_session_ends_after_its_time() -> None:
    with house(max_session_s=0.01) as here, here.visit() as (talk, _):
        told(talk, "bye")
        assert here.session().closed.wait(5)


def test_an_avatar_that_cannot_be_prepared_is_said() -> None:
    def broken() -> None:
        raise RenderError("avatars/me: the consent has ended. Ask again.")

    with house(broken) as here, here.knock() as talk:
        assert told(talk, "bye")["message"] == "avatars/me: the consent has ended. Ask again."


def test_a_session_that_fails_is_said() -> None:
    with house() as here, here.visit() as (talk, _):
        here.session().give(RenderError("the picture can't be drawn. Try another."))
        assert told(talk, "bye")["message"] == "the picture can't be drawn. Try another."


def test_a_visitor_who_leaves_in_the_middle_of_a_word_leaves_nothing_behind() -> None:
    with house() as here:
        with here.visit():  # threads that stay for the whole server are there from now on
            here.session()
        before = set(threading.enumerate())
        for _ in range(3):
            with here.visit() as (talk, _):
                session = here.session()
                talk.send_json({"type": "stream"})
                talk.send_json({"type": "say", "text": "one two three"})
                session.give(*(frame(index) for index in range(5)))
                media(talk)
                assert session.told.get(timeout=5)[0] == "push"
            assert session.closed.wait(5)
            with here.visit():  # the place was given back
                here.session()
        left = [thread for thread in set(threading.enumerate()) - before if not thread.name.startswith("Any")]
        for thread in left:
            thread.join(5)
        assert not [thread for thread in left if thread.is_alive()]


@pytest.mark.parametrize("changed", [{"video_kbps": 10}, {"jpeg_quality": 0}, {"jpeg_quality": 101}])
def test_a_quality_that_is_none_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="quality.video_kbps="):
        Quality(**({"video_kbps": 500, "jpeg_quality": 80} | changed))

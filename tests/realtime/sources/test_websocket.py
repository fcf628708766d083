"""Clients speak through a socket, one at a time, and only those who may."""

import json
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest

from src.errors import ConfigError, StreamError
from src.realtime.frame import Chunk
from src.realtime.sources.websocket import WebSocketSource

pytest.importorskip("websockets", reason="websockets is an extra")
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect


def source(**changes: object) -> WebSocketSource:
    settings: dict = {
        "host": "127.0.0.1",
        "port": 0,
        "token": None,
        "sample_rate_hz": 16_000,
        "chunk_ms": 10.0,
        "buffer_s": 30.0,
        "max_message_kb": 256,
        "max_clients": 1,
    }
    return WebSocketSource(**{**settings, **changes})


@contextmanager
def listening(server: WebSocketSource) -> Iterator[Iterator[Chunk]]:
    chunks = server.chunks()
    next(chunks)
    try:
        yield chunks
    finally:
        chunks.close()  # type: ignore[attr-defined]


def client(server: WebSocketSource, **more: object) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{server.port}", compression=None, **more)


def speech(num: int, rate: int = 16_000) -> np.ndarray:
    return np.round(np.sin(np.arange(num) * 2000 / rate) * 16_000).astype("<i2")


def until_end(chunks: Iterator[Chunk]) -> tuple[np.ndarray, list[Chunk]]:
    heard = list(chunks)
    return np.concatenate([chunk.samples for chunk in heard]), heard


def test_what_a_client_sends_is_heard_and_its_leaving_ends_the_run() -> None:
    server = source()
    with listening(server) as chunks:
        with client(server) as speaker:
            speaker.send('{"sample_rate": 16000}')
            pcm = speech(5000)
            for start in range(0, 5000, 333):
                speaker.send(pcm[start : start + 333].tobytes())
        samples, heard = until_end(chunks)
    np.testing.assert_array_equal((samples * 32768).astype("<i2"), pcm)
    assert max(len(chunk.samples) for chunk in heard) <= server.chunk_samples == 160
    assert [chunk.ends_segment for chunk in heard].count(True) == 1


def test_another_rate_is_converted_and_half_samples_are_put_together() -> None:
    server = source()
    with listening(server) as chunks:
        with client(server) as speaker:
            speaker.send('{"sample_rate": 48000}')
            pcm = speech(48_000, 48_000).tobytes()
            for start in range(0, len(pcm), 9999):
                speaker.send(pcm[start : start + 9999])
        samples, _ = until_end(chunks)
    assert len(samples) == 16_000
    np.testing.assert_allclose(samples[200:-200], (speech(16_000) / 32768)[200:-200], atol=0.01)


def test_a_sentence_ends_where_the_client_says_so() -> None:
    server = source()
    with listening(server) as chunks:
        with client(server) as speaker:
            speaker.send('{"sample_rate": 16000}')
            for num in (500, 300):
                speaker.send(speech(num).tobytes())
                speaker.send('{"end": true}')
        _, heard = until_end(chunks)
    sizes, sentence = [], 0
    for chunk in heard:
        sentence += len(chunk.samples)
        if chunk.ends_segment:
            sizes.append(sentence)
            sentence = 0
    assert sizes[:2] == [500, 300]


def test_an_interruption_overtakes_what_was_sent_before() -> None:
    server = source()
    with listening(server) as chunks:
        with client(server) as speaker:
            speaker.send('{"sample_rate": 16000}')
            speaker.send(speech(40_000).tobytes())
            speaker.send('{"clear": true}')
            speaker.send(speech(320).tobytes())
        _, heard = until_end(chunks)
    (at,) = [number for number, chunk in enumerate(heard) if chunk.clears]
    assert sum(len(chunk.samples) for chunk in heard[at:]) == 320


def test_clients_come_one_after_the_other() -> None:
    server = source(max_clients=2)
    with listening(server) as chunks:
        for num in (160, 320):
            with client(server) as speaker:
                speaker.send('{"sample_rate": 16000}')
                speaker.send(speech(num).tobytes())
        samples, _ = until_end(chunks)
    assert len(samples) == 480


def test_a_second_client_is_told_to_come_back() -> None:
    server = source()
    with listening(server), client(server) as first:
        first.send('{"sample_rate": 16000}')
        with client(server) as second, pytest.raises(ConnectionClosed) as refused:
            second.recv()
    assert refused.value.rcvd is not None
    assert (refused.value.rcvd.code, refused.value.rcvd.reason[:14]) == (1013, "another client")


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (bytes(10), 'say {"sample_rate": <Hz>} before the first sound'),
        ("hello", "not understood: Expecting value"),
        ("[1]", "a text message is one of sample_rate, end, clear"),
        ('{"stop": true}', "a text message is one of sample_rate, end, clear"),
        ('{"sample_rate": "fast"}', "a text message is one of sample_rate, end, clear"),
        ('{"sample_rate": 10}', "not understood: audio with sample_rate=10"),
    ],
)
def test_what_is_not_understood_is_said_to_the_client(message: str | bytes, reason: str) -> None:
    server = source()
    with listening(server), client(server) as speaker:
        speaker.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            speaker.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1003
    assert closed.value.rcvd.reason.startswith(reason)


def test_a_message_that_is_too_large_ends_the_connection() -> None:
    server = source(max_message_kb=1)
    with listening(server), client(server) as speaker:
        speaker.send('{"sample_rate": 16000}')
        speaker.send(bytes(1025))
        with pytest.raises(ConnectionClosed) as closed:
            speaker.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


def test_a_page_in_a_browser_may_not_speak() -> None:
    server = source()
    with listening(server), pytest.raises(InvalidStatus) as refused:
        client(server, origin="https://somewhere.example")
    assert refused.value.response.status_code == 403


def test_a_token_is_needed_where_one_is_set(caplog: pytest.LogCaptureFixture) -> None:
    server = source(token="long secret")
    with listening(server) as chunks, caplog.at_level(logging.INFO):
        for shown in ({}, {"additional_headers": {"Authorization": "Bearer wrong"}}):
            with pytest.raises(InvalidStatus) as refused:
                client(server, **shown)
            assert refused.value.response.status_code == 401
        with client(server, additional_headers={"Authorization": "Bearer long secret"}) as speaker:
            speaker.send('{"sample_rate": 16000}')
        until_end(chunks)
    assert "secret" not in caplog.text
    server = source(token="a+b c")
    with listening(server), connect(f"ws://127.0.0.1:{server.port}/?token=a%2Bb%20c"):
        pass


def test_other_machines_need_a_token() -> None:
    with pytest.raises(ConfigError, match=r"speech\.host=0\.0\.0\.0 lets other machines connect"):
        source(host="0.0.0.0")
    assert source(host="0.0.0.0", token="secret").sample_rate_hz == 16_000
    for own in ("localhost", "::1", "127.0.0.5"):
        source(host=own)


def test_a_port_that_is_taken_says_so() -> None:
    server = source()
    with listening(server), pytest.raises(StreamError, match=r"nothing can listen at 127\.0\.0\.1:\d+ .*speech\.port"):
        next(source(port=server.port).chunks())


def test_a_client_that_is_far_ahead_is_held_back_and_let_go_when_the_run_ends() -> None:
    server = source(buffer_s=0.1)
    with ExitStack() as stack:
        with listening(server) as chunks:
            speaker = stack.enter_context(client(server))
            speaker.send(json.dumps({"sample_rate": 16_000}))
            for _ in range(10):
                speaker.send(bytes(32_000))
            while not len(next(chunks).samples):
                pass
        with pytest.raises(ConnectionClosed):
            speaker.recv()

"""What every source keeps, whatever it is: small chunks, a sign of life, an end, and nothing left behind."""

import threading
import wave
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from src.errors import StreamError
from src.realtime.frame import Source
from src.realtime.sources import microphone
from src.realtime.sources.file import FileSource
from src.realtime.sources.microphone import MicrophoneSource
from src.realtime.sources.stdin import StdinSource
from src.realtime.sources.text import TextSource
from src.realtime.sources.typed import TypedSource
from src.realtime.sources.websocket import WebSocketSource
from tests.realtime.sinks.fake_card import FakeLibrary
from tests.realtime.sources.pipes import piped_stdin
from tests.realtime.sources.voices import CountingVoice


@dataclass
class Case:
    """A source; what makes it speak about a second once its chunks were asked for, and what makes it end."""

    source: Source
    speak: Callable[[], None]
    end: Callable[[], None]


def nothing() -> None:
    """A recording needs no telling."""


@pytest.fixture(params=["file", "stdin", "microphone", "websocket", "text", "typed"])
def case(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    with ExitStack() as stack:
        yield make(request.param, tmp_path, monkeypatch, stack)


def make(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch, stack: ExitStack) -> Case:
    tone = (np.sin(np.arange(16_000) / 20) * 16_000).astype("<i2")
    if kind == "file":
        with wave.open(str(folder / "a.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16_000)
            file.writeframes(tone.tobytes())
        return Case(FileSource(path=folder / "a.wav", chunk_ms=10.0, sample_rate_hz=None), nothing, nothing)
    if kind == "text":
        spoken = TextSource(
            text="Twenty letters more.",
            path=None,
            voice=CountingVoice(),
            pause_s=0.1,
            chunk_ms=10.0,
            sample_rate_hz=16_000,
        )
        return Case(spoken, nothing, nothing)
    if kind == "stdin":
        pipe = stack.enter_context(piped_stdin(monkeypatch))
        piped = StdinSource(sample_rate_hz=16_000, format="s16le", channels=1, chunk_ms=10.0, buffer_s=0.2)
        return Case(piped, lambda: pipe.write(tone.tobytes()), pipe.end)
    if kind == "typed":
        keys = stack.enter_context(piped_stdin(monkeypatch))
        typed = TypedSource(voice=CountingVoice(), chunk_ms=10.0, sample_rate_hz=16_000)
        return Case(typed, lambda: keys.write(b"Twenty letters more.\n"), keys.end)
    if kind == "microphone":
        library = FakeLibrary()
        monkeypatch.setattr(microphone, "sound_library", lambda: library)
        heard = MicrophoneSource(device=None, sample_rate_hz=16_000, chunk_ms=10.0, buffer_ms=2000.0, latency="low")

        def say() -> None:
            for block in np.split(tone / 32768, 100):
                library.streams[0].say(block[:, None])

        return Case(heard, say, lambda: setattr(library.streams[0], "active", False))
    client = pytest.importorskip("websockets.sync.client", reason="websockets is an extra")
    server = WebSocketSource(
        host="127.0.0.1", port=0, token=None, sample_rate_hz=16_000, chunk_ms=10.0, buffer_s=5.0, max_message_kb=64,
        max_clients=1,
    )  # fmt: skip
    sockets = []

    def connect() -> None:
        sockets.append(stack.enter_context(client.connect(f"ws://127.0.0.1:{server.port}")))
        sockets[0].send('{"sample_rate": 16000}')
        sockets[0].send(tone.tobytes())

    return Case(server, connect, lambda: sockets[0].close())


def test_all_that_is_said_comes_in_chunks_of_the_promised_size(case: Case) -> None:
    num, chunks = 0, case.source.chunks()
    num += len(next(chunks).samples)
    case.speak()
    while num < 16_000:
        chunk = next(chunks)
        assert chunk.samples.dtype == np.float32
        assert chunk.samples.ndim == 1
        assert len(chunk.samples) <= case.source.chunk_samples
        assert np.abs(chunk.samples).max(initial=0) <= 1
        num += len(chunk.samples)
    assert num == 16_000
    chunks.close()  # type: ignore[attr-defined]
    assert case.source.chunk_samples == 160
    assert case.source.sample_rate_hz == 16_000


def test_it_ends(case: Case) -> None:
    chunks = case.source.chunks()
    next(chunks)
    case.speak()
    while not len(next(chunks).samples):
        pass
    case.end()
    ends = pytest.raises(StreamError, match="unplugged") if isinstance(case.source, MicrophoneSource) else nullcontext()
    with ends:
        list(chunks)


def test_a_source_that_hears_nothing_still_gives_chunks(case: Case) -> None:
    chunks = case.source.chunks()
    for _ in range(3):  # would wait for ever in a source that does not
        next(chunks)
    chunks.close()  # type: ignore[attr-defined]


def test_leaving_in_the_middle_leaves_no_thread_and_can_be_done_at_once(case: Case) -> None:
    before = set(threading.enumerate())
    chunks = case.source.chunks()
    next(chunks)
    case.speak()
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]
    case.end()
    ours = [thread for thread in set(threading.enumerate()) - before if "recv_events" not in thread.name]
    assert [thread.name for thread in ours if thread.name in ("stdin", "typed", "voice", "websocket")] == []

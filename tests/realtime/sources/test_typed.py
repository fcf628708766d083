"""Lines are spoken as they are typed, and an empty one interrupts."""

import numpy as np
import pytest

from src.errors import StreamError
from src.realtime.frame import Chunk
from src.realtime.sources.typed import TypedSource
from tests.realtime.sources.pipes import piped_stdin
from tests.realtime.sources.voices import CountingVoice


def source(voice: CountingVoice) -> TypedSource:
    return TypedSource(voice=voice, chunk_ms=10.0, sample_rate_hz=16_000)


def test_every_line_is_spoken_and_the_end_of_input_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    voice = CountingVoice()
    with piped_stdin(monkeypatch) as pipe:
        pipe.write("Hello. You!\r\nGrüße\nlast".encode())
        pipe.end()
        chunks = list(source(voice).chunks())
    assert voice.said == ["Hello.", "You!", "Grüße", "last"]
    assert sum(chunk.ends_segment for chunk in chunks) == 4
    assert sum(len(chunk.samples) for chunk in chunks) == 800 * sum(map(len, voice.said))
    assert {chunk.at_s for chunk in chunks} == {None}


def test_an_empty_line_interrupts_what_was_not_asked_for_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    voice = CountingVoice()
    with piped_stdin(monkeypatch) as pipe:
        pipe.write(b"x" * 250 + b". More.\n")  # longer than the voice may be ahead
        chunks = source(voice).chunks()
        heard: list[Chunk] = []
        while not heard or not len(heard[-1].samples):
            heard.append(next(chunks))
        pipe.write(b"\nNew.\n")
        pipe.end()
        heard += list(chunks)
    (at,) = [number for number, chunk in enumerate(heard) if chunk.clears]
    assert sum(len(chunk.samples) for chunk in heard[at:]) == 4 * 800
    assert voice.said == ["x" * 250 + ".", "New."]


def test_a_line_that_cannot_be_spoken_is_said_and_the_next_one_is_spoken(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    voice = CountingVoice()
    with piped_stdin(monkeypatch) as pipe:
        pipe.write(b"I fail\nGood\n")
        pipe.end()
        chunks = list(source(voice).chunks())
    assert sum(len(chunk.samples) for chunk in chunks) == 4 * 800
    assert "not spoken: says nothing for I fail" in caplog.text
    assert not any(np.isnan(chunk.samples).any() for chunk in chunks)


def test_a_closed_input_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(StreamError, match="standard input is closed. Start it from a terminal"):
        list(source(CountingVoice()).chunks())

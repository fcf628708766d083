"""A written text is spoken whole, in sentences, at the pace of speech."""

from pathlib import Path

import numpy as np
import pytest

from src.errors import ConfigError, DataError
from src.realtime.sources.text import TextSource
from tests.realtime.sources.voices import CountingVoice


def source(text: str | None = "One two. Three!", **changes: object) -> TextSource:
    settings: dict = {"path": None, "voice": CountingVoice(), "pause_s": 0.2, "chunk_ms": 10.0}
    return TextSource(text=text, sample_rate_hz=16_000, **{**settings, **changes})


def test_each_sentence_is_a_segment_of_its_own() -> None:
    voice = CountingVoice()
    chunks = list(source(voice=voice).chunks())
    assert voice.said == ["One two.", "Three!"]
    ends = [number for number, chunk in enumerate(chunks) if chunk.ends_segment]
    assert len(ends) == 2
    first = np.concatenate([chunk.samples for chunk in chunks[: ends[0] + 1]])
    second = np.concatenate([chunk.samples for chunk in chunks[ends[0] + 1 :]])
    assert (len(first), len(second)) == (8 * 800, 6 * 800)  # 0.05 s a letter
    assert np.median(first) == pytest.approx(0.25, abs=1e-3)


def test_sound_arrives_when_it_would_have_been_spoken_with_pauses_between_sentences() -> None:
    end = num_ended = 0
    for chunk in source().chunks():
        end += len(chunk.samples)
        assert chunk.at_s == pytest.approx(end / 16_000 + 0.2 * num_ended)
        num_ended += chunk.ends_segment
    assert (end, num_ended) == (14 * 800, 2)


def test_a_file_is_read_when_the_source_is_made(tmp_path: Path) -> None:
    (tmp_path / "poem.txt").write_text("Ä poem.\n\nIn two lines", "utf-8")
    voice = CountingVoice()
    list(source(None, path=tmp_path / "poem.txt", voice=voice).chunks())
    assert voice.said == ["Ä poem.", "In two lines"]
    with pytest.raises(DataError, match=r"none\.txt: no text that can be read"):
        source(None, path=tmp_path / "none.txt")


def test_nothing_to_say_and_two_things_to_say_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there are no words to speak"):
        source("  ... ")
    for text, path in ((None, None), ("Hi.", tmp_path)):
        with pytest.raises(ConfigError, match='either text="What to say." or speech.path'):
            source(text, path=path)


def test_a_voice_that_fails_at_once_stops_before_anything_runs() -> None:
    with pytest.raises(DataError, match="says nothing for I fail"):
        source("I fail. Good.")


def test_a_voice_that_fails_ends_the_run_after_what_it_said() -> None:
    spoken = 0
    with pytest.raises(DataError, match="says nothing for I fail"):
        for chunk in source("Good. I fail. Lost.").chunks():
            spoken += len(chunk.samples)
    assert spoken == 5 * 800


def test_espeak_speaks_a_text() -> None:
    pytest.importorskip("espeakng_loader", reason="espeak-ng is an extra")
    from src.realtime.tts import EspeakVoice

    voice = EspeakVoice(voice="en-us", variant="", rate_wpm=170, pitch=50)
    chunks = list(source("Hello there. How are you?", voice=voice).chunks())
    assert sum(chunk.ends_segment for chunk in chunks) == 2
    assert np.abs(np.concatenate([chunk.samples for chunk in chunks])).max() > 0.1

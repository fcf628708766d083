"""A written talk: chunks in the order of their arrival, every turn as its pattern says."""

import numpy as np
import pytest

from src.errors import ConfigError
from src.realtime.conversation import BURST_CHUNKS, FASTER, TURNS, Conversation, Turn
from src.realtime.frame import Chunk

RATE, CHUNK = 1000, 20
UTTERANCES = [np.full(length, level, np.float32) for length, level in ((1500, 0.1), (2110, 0.2), (730, 0.3))]


def chunks(*turns: Turn, seconds: float = 0.1) -> list[Chunk]:
    talk = Conversation(utterances=UTTERANCES, turns=turns, seconds=seconds, chunk_samples=CHUNK, sample_rate_hz=RATE)
    return list(talk.chunks())


def at_s(given: list[Chunk]) -> list[float]:
    return [chunk.at_s for chunk in given if chunk.at_s is not None]


def test_chunks_come_in_order_and_none_is_larger_than_promised() -> None:
    given = chunks(*TURNS, seconds=120.0)
    assert len(at_s(given)) == len(given)
    assert (np.diff(at_s(given)) >= 0).all()
    assert max(len(chunk.samples) for chunk in given) == CHUNK
    assert sum(chunk.clears for chunk in given) >= 10
    assert sum(chunk.ends_segment for chunk in given) >= 20
    assert at_s(given)[-1] == pytest.approx(120.0, abs=5.0)


def test_what_is_said_live_comes_as_it_is_spoken_and_an_open_microphone_hears_the_pause() -> None:
    given = chunks(Turn("live", False, 0.5))
    np.testing.assert_allclose(at_s(given), np.cumsum([len(chunk.samples) for chunk in given]) / RATE)
    sound = np.concatenate([chunk.samples for chunk in given])
    np.testing.assert_array_equal(sound, np.concatenate([UTTERANCES[0], np.zeros(500, np.float32)]))
    assert not any(chunk.ends_segment for chunk in given)


def test_what_is_sent_ahead_comes_faster_than_it_is_spoken_and_ends() -> None:
    given = chunks(Turn("ahead", True, 0.5))
    assert at_s(given)[-1] == pytest.approx(1.5 / FASTER)
    assert [number for number, chunk in enumerate(given) if chunk.ends_segment] == [len(given) - 1]


def test_bursts_hold_several_chunks() -> None:
    given = chunks(Turn("bursts", True, 0.5))
    assert at_s(given)[:BURST_CHUNKS] == [pytest.approx(BURST_CHUNKS * CHUNK / RATE)] * BURST_CHUNKS
    assert at_s(given)[-1] == pytest.approx(1.5)


def test_after_an_interruption_nothing_more_of_the_sentence_comes() -> None:
    given = chunks(Turn("ahead", True, 0.5, interrupted_s=0.3))
    assert given[-1].clears
    assert at_s(given)[-1] == pytest.approx(0.3)
    assert max(at_s(given)[:-1]) < 0.3
    assert not any(chunk.ends_segment for chunk in given)


def test_each_round_says_another_sentence_in_a_turn() -> None:
    turns = [Turn("live", True, 0.1), Turn("live", True, 0.1), Turn("live", True, 0.1)]
    given = chunks(*turns, seconds=15.0)
    ends = [chunk for chunk in given if chunk.ends_segment]
    said = [round(float(chunk.samples[0]) * 10) for chunk in ends]
    assert said[:9] == [1, 2, 3, 2, 3, 1, 3, 1, 2]


def test_a_talk_without_anything_to_say_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs an utterance"):
        Conversation(utterances=[], turns=TURNS, seconds=1.0, chunk_samples=CHUNK, sample_rate_hz=RATE)

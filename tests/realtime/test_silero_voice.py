"""The Silero gate is the offline detector at work, whatever the chunks, and opens for nothing that is no speech."""

import numpy as np
import pytest
from numpy.typing import NDArray

from src.data.speech import EspeakSynthesizer
from src.data.speech_activity import SPEECH_PROBABILITY, SpeechStream, speech_activity, speech_probabilities
from src.errors import ConfigError
from src.realtime.silero_voice import SileroVoice
from tests.realtime.test_voice import FLAPPING, RATE, STEP, gains, gate, noise, put, vowels


@pytest.fixture(scope="module")
def sentence() -> NDArray[np.float32]:
    """Two seconds of speech with silence of 1 s on both sides."""
    spoken = EspeakSynthesizer().speak(
        "Good morning to everybody here.", voice="en-us", variant="", rate_wpm=160, pitch=50
    )
    return np.pad(spoken.waveform, RATE)


@pytest.mark.parametrize("chunk", [1, 160, 640, 5000])
def test_a_stream_hears_what_the_whole_is(sentence: NDArray[np.float32], chunk: int) -> None:
    sound = sentence[: 20 * 512]
    stream = SpeechStream()
    heard = np.concatenate([stream.push(sound[start : start + chunk]) for start in range(0, len(sound), chunk)])
    np.testing.assert_allclose(heard, speech_probabilities(sound), atol=1e-5)


@pytest.mark.parametrize("chunk", [160, 401, 40_000])
def test_any_chunks_give_the_gains_of_the_whole(sentence: NDArray[np.float32], chunk: int) -> None:
    voice, sound = gate("silero", capacity_s=30.0), sentence[: len(sentence) // STEP * STEP]
    for start in range(0, len(sound), chunk):
        voice.push(sound[start : start + chunk])
    count = len(sound) // STEP - 2
    whole = gains(sound, gate("silero", capacity_s=30.0))[:count]
    np.testing.assert_array_equal([voice.gain(index) for index in range(count)], whole)


def test_it_is_open_in_speech_and_closed_around_it(sentence: NDArray[np.float32]) -> None:
    opened = gains(sentence, gate("silero", capacity_s=30.0))
    speech = speech_activity(sentence)[: len(opened)] >= SPEECH_PROBABILITY
    first, last = np.flatnonzero(speech)[[0, -1]]
    assert opened[speech].min() > 0.5
    assert opened[: first - 3].max() <= FLAPPING
    assert opened[last + 7 :].max() <= FLAPPING


def test_breath_music_and_clicks_are_no_speech(sentence: NDArray[np.float32]) -> None:
    sound = put(put(noise(4.0, -60.0), noise(0.6, -35.0, seed=1), 1.0), np.full(60, 0.8, np.float32), 3.0)
    times = np.arange(2 * RATE) / RATE
    music = sum(0.1 * np.sin(2 * np.pi * pitch * times) for pitch in (220, 277, 330))
    assert gains(sound, gate("silero")).max() <= FLAPPING
    assert gains(np.asarray(music, np.float32), gate("silero")).max() <= FLAPPING


def test_a_new_segment_counts_from_zero(sentence: NDArray[np.float32]) -> None:
    voice = gate("silero", capacity_s=30.0)
    voice.push(vowels(1.0))
    voice.reset()
    assert voice.gain(0) == 0.0
    np.testing.assert_array_equal(gains(sentence, voice), gains(sentence, gate("silero", capacity_s=30.0)))


def test_another_rate_is_refused() -> None:
    with pytest.raises(ConfigError, match="hears 16000 Hz, got 24000"):
        SileroVoice(sample_rate_hz=24_000, fps=25.0, capacity_s=4.0, hold_ms=40.0, closing_ms=120.0)

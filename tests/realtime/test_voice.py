"""The gate opens for speech and for nothing else: before the word, closed soon after it, the same for any chunks."""

import numpy as np
import pytest
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import OmegaConf

from scripts.entry import CONFIG_FOLDER
from src.errors import ConfigError, MotionError
from src.models.motion_model import DEFAULT, load_model, model_path
from src.motion import ARKIT55, CORE7, MotionSpec
from src.realtime.voice import FLOOR_S, LOOKAHEAD_FRAMES, AlwaysOpen, LevelVoice, VoiceGate, close_mouth

RATE, STEP = 16_000, 640
FLAPPING = 0.05
"""A gain above this moves lips so that one sees it."""


def gate(config: str = "level", **changes: object) -> VoiceGate:
    """The gate of the configuration."""
    made: VoiceGate = instantiate(
        {**OmegaConf.load(CONFIG_FOLDER / "realtime" / "voice" / f"{config}.yaml"), **changes}
    )
    return made


def gains(sound: NDArray[np.float32], voice: VoiceGate | None = None) -> NDArray[np.float64]:
    """(T,) of all frames of a sound that has silence after it."""
    voice = voice or gate(capacity_s=120.0)
    voice.push(np.concatenate([sound, np.zeros(-len(sound) % STEP + LOOKAHEAD_FRAMES * STEP, np.float32)]))
    return np.array([voice.gain(index) for index in range(-(-len(sound) // STEP))])


def noise(seconds: float, level_db: float, seed: int = 0) -> NDArray[np.float32]:
    sound = np.random.default_rng(seed).normal(size=round(seconds * RATE)) * 10 ** (level_db / 20)
    return sound.astype(np.float32)


def vowels(seconds: float, level_db: float = -20.0) -> NDArray[np.float32]:
    """A voice of 130 Hz whose syllables swell and shrink four times a second, with closures of 60 ms."""
    times = np.arange(round(seconds * RATE)) / RATE
    voice = sum(np.sin(2 * np.pi * 130 * number * times) / number for number in range(1, 20))
    loudness = np.clip(1.4 * np.abs(np.cos(2 * np.pi * 2 * times)) - 0.2, 0, 1)
    sound = np.asarray(voice) * loudness
    return (sound / sound.std() * 10 ** (level_db / 20)).astype(np.float32)


def put(background: NDArray[np.float32], sound: NDArray[np.float32], at_s: float) -> NDArray[np.float32]:
    mixed = background.copy()
    mixed[round(at_s * RATE) : round(at_s * RATE) + len(sound)] += sound
    return mixed


@pytest.mark.parametrize("chunk", [1, 160, 401, 1600])
def test_any_chunks_give_the_gains_of_the_whole(chunk: int) -> None:
    sound = put(noise(1.52, -50.0), vowels(0.7), 0.4)  # 38 frames
    voice = gate()
    for start in range(0, len(sound), chunk):
        voice.push(sound[start : start + chunk])
    np.testing.assert_array_equal([voice.gain(index) for index in range(36)], gains(sound)[:36])


@pytest.mark.parametrize("background_db", [-90.0, -60.0, -45.0])
@pytest.mark.parametrize("at_s", [0.6, 0.61, 0.62, 0.63, 2.5])
def test_it_is_open_when_a_word_begins_and_closed_soon_after_it(at_s: float, background_db: float) -> None:
    seconds = 1.5
    opened = gains(put(noise(6.0, background_db), vowels(seconds), at_s))
    times_s = np.arange(len(opened)) / 25
    speaking = (times_s >= at_s) & (times_s < at_s + seconds - 0.05)
    assert opened[speaking].min() == 1.0
    assert opened[(times_s < at_s - 0.08)].max() <= FLAPPING
    assert opened[times_s > at_s + seconds + 0.2].max() <= FLAPPING
    assert (np.diff(opened[speaking | (times_s < at_s)]) >= 0).all()  # no closing on the way


def test_the_gate_knows_a_frame_as_soon_as_the_model_of_the_program_does() -> None:
    model = load_model(model_path(DEFAULT))
    assert model.contract.latency_ms >= 1000 * LOOKAHEAD_FRAMES * STEP / RATE


def test_speech_from_the_first_sample_on_is_shown_from_the_first_frame_on() -> None:
    assert gains(vowels(1.0))[:24].min() == 1.0


@pytest.mark.parametrize("level_db", [-45.0, -40.0, -35.0])
def test_quiet_speakers_are_heard(level_db: float) -> None:
    opened = gains(put(noise(4.0, -75.0), vowels(2.0, level_db), 1.0))
    assert opened[25:74].min() == 1.0


@pytest.mark.parametrize(
    "sound",
    [
        pytest.param(np.zeros(8 * RATE, np.float32), id="digital silence"),
        pytest.param(noise(8.0, -45.0), id="noise"),
        pytest.param(noise(8.0, -70.0), id="a quiet room"),
        pytest.param(
            (0.05 * np.sin(2 * np.pi * 50 * np.arange(8 * RATE) / RATE)).astype(np.float32) + noise(8.0, -60.0),
            id="mains hum",
        ),
        pytest.param(put(noise(8.0, -65.0), 0.8 * np.sign(noise(0.005, 0.0)), 3.01), id="a click"),
        pytest.param(
            put(noise(8.0, -65.0), (noise(0.2, -12.0) * np.exp(-np.arange(3200) / 48)).astype(np.float32), 3.02),
            id="a key that rings for 3 ms",
        ),
    ],
)
def test_it_stays_closed_where_nobody_speaks(sound: NDArray[np.float32]) -> None:
    assert gains(sound).max() <= FLAPPING


def test_breath_after_speech_does_not_open_it() -> None:
    sound = put(put(noise(5.0, -70.0), vowels(2.0, -18.0), 0.5), noise(0.5, -54.0, seed=1), 3.2)
    assert gains(sound)[round(2.7 * 25) :].max() <= FLAPPING


def test_louder_noise_is_noise_after_a_while() -> None:
    sound = np.concatenate([noise(3.0, -60.0), noise(FLOOR_S + 4.0, -40.0)])
    assert gains(sound)[round((3.0 + FLOOR_S + 0.3) * 25) :].max() <= FLAPPING


def test_a_voice_is_heard_in_noise_that_is_10_db_below_it() -> None:
    assert gains(put(noise(6.0, -35.0), vowels(3.0, -25.0), 2.0))[51:123].min() > 0.5


def test_a_new_segment_counts_from_zero_and_knows_the_room() -> None:
    voice = gate()
    voice.push(noise(3.0, -35.0))
    voice.reset()
    assert voice.gain(0) == 0.0
    opened = gains(put(noise(3.0, -35.0), vowels(1.0), 1.0), voice)
    assert opened[:23].max() <= FLAPPING
    assert opened[25:48].min() == 1.0


def test_frames_that_are_not_known_are_like_the_nearest_that_is() -> None:
    voice = gate(capacity_s=1.0)
    assert voice.gain(7) == 0.0
    voice.push(np.concatenate([vowels(3.0), np.zeros(RATE // 2, np.float32)]))
    assert voice.gain(70) == 1.0
    assert voice.gain(0) == voice.gain(3 * 25 + 12 - LOOKAHEAD_FRAMES - 25) == 1.0
    assert voice.gain(10_000) == 0.0


def test_without_a_gate_everything_is_open() -> None:
    voice = gate("none")
    assert isinstance(voice, AlwaysOpen)
    assert gains(np.zeros(RATE, np.float32), voice).min() == 1.0


@pytest.mark.parametrize("spec", [CORE7, ARKIT55], ids=lambda spec: spec.name)
def test_only_the_mouth_comes_to_rest(spec: MotionSpec) -> None:
    values = np.linspace(spec.minimum, spec.maximum, 5, dtype=np.float32)
    mouth = np.array([any(part in name for part in ("jaw", "mouth", "cheekPuff")) for name in spec.names])
    assert 3 <= mouth.sum() <= 28
    np.testing.assert_array_equal(close_mouth(values, 1.0), values)
    closed = close_mouth(values, 0.0)
    np.testing.assert_array_equal(closed[:, ~mouth], values[:, ~mouth])
    np.testing.assert_array_equal(closed[:, mouth], np.tile(spec.neutral[mouth], (5, 1)))
    half = close_mouth(values, np.linspace(0, 1, 5))
    np.testing.assert_allclose(half[2][mouth], (values[2] + spec.neutral)[mouth] / 2, atol=1e-7)
    np.testing.assert_array_equal(half[4], close_mouth(values[4], 1.0))


def test_motion_of_another_vocabulary_is_refused() -> None:
    with pytest.raises(MotionError, match="motion of 9 channels is neither core7 nor arkit55"):
        close_mouth(np.zeros(9, np.float32), 0.5)


def test_numbers_that_make_no_gate_are_refused() -> None:
    numbers = {**OmegaConf.load(CONFIG_FOLDER / "realtime" / "voice" / "level.yaml")}
    del numbers["_target_"]
    with pytest.raises(ConfigError, match="frames of 533.333 samples are no whole number of 10 ms"):
        LevelVoice(**{**numbers, "fps": 30.0})
    with pytest.raises(ConfigError, match="margin_db=3 and range_db=28 must be at least 6"):
        LevelVoice(**{**numbers, "margin_db": 3.0})

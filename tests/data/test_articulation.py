import numpy as np
import pytest
from numpy.typing import NDArray

from src.data.articulation import Articulator, Style
from src.data.speech import PAUSE, Phoneme, Speech
from src.data.visemes import BILABIALS, closure, split_phonemes
from src.errors import ConfigError
from src.motion import CORE7, Motion

SETTINGS = {
    "jaw_reach_s": 0.07,
    "lip_reach_s": 0.12,
    "closure_ramp_s": 0.07,
    "lead_s": 0.0,
    "ready_opening": 0.0,
    "rest_after_s": 0.3,
    "stress_gain": 0.2,
    "loudness_gain": 0.15,
    "mouth_scale": (0.85, 1.15),
    "head_scale": (0.6, 1.4),
    "head_degrees": (2.5, 1.5, 1.0),
    "head_band_hz": (0.1, 0.6),
    "nod_degrees": 0.8,
    "blink_gap_s": (2.0, 5.0),
    "blink_s": (0.2, 0.3),
}
PLAIN = Style(mouth_scale=1.0, head_scale=1.0)
SECOND = 16_000


def say(*sounds: tuple[str, float], loudness: dict[str, float] | None = None) -> Speech:
    """Phonemes of given seconds over a hum; `loudness` sets the hum of a symbol (1 if not given)."""
    starts = np.cumsum([0.0] + [seconds for _, seconds in sounds])
    phonemes = tuple(
        Phoneme(symbol.lstrip("ˈ"), float(start_s), float(start_s + seconds), symbol.startswith("ˈ"))
        for (symbol, seconds), start_s in zip(sounds, starts[:-1], strict=True)
    )
    waveform = np.zeros(round(starts[-1] * SECOND), np.float32)
    for phoneme in phonemes:
        gain = 0.0 if phoneme.symbol == PAUSE else (loudness or {}).get(phoneme.symbol, 1.0)
        part = slice(round(phoneme.start_s * SECOND), round(phoneme.end_s * SECOND))
        waveform[part] = 0.1 * gain * np.sin(np.arange(len(waveform[part])) / 5)
    return Speech(waveform, SECOND, phonemes)


def move(speech: Speech, style: Style = PLAIN, seed: int = 0, **changed: object) -> Motion:
    return Articulator(**{**SETTINGS, **changed}).move(speech, style, np.random.default_rng(seed))


def jaw_at(motion: Motion, times_s: float | list[float]) -> NDArray[np.float32]:
    return motion.sample(times_s)[..., CORE7.index("jaw_open")]


MAMA = (("_", 0.5), ("m", 0.1), ("ˈɑː", 0.24), ("m", 0.1), ("ɐ", 0.16), ("_", 0.6))


def test_mama_closes_in_the_middle_of_every_m_and_peaks_within_the_vowels() -> None:
    motion = move(say(*MAMA))
    assert jaw_at(motion, [0.55, 0.89]).max() < 0.005
    peak_s = motion.times_s[np.argmax(motion.channel("jaw_open"))]
    assert 0.6 < peak_s < 0.84
    assert 0.1 < jaw_at(motion, 0.72) < 0.25
    assert jaw_at(motion, 1.02) > 0.05


@pytest.mark.parametrize("symbol", sorted(BILABIALS))
@pytest.mark.parametrize("shift_s", [0.0, 0.01, 0.02, 0.03])
@pytest.mark.parametrize("seconds", [0.02, 0.07, 0.12])
def test_a_bilabial_shows_a_closed_frame_wherever_it_falls_on_the_frame_grid(
    symbol: str, shift_s: float, seconds: float
) -> None:
    speech = say(("_", 0.3), ("a", 0.3 + shift_s), (symbol, seconds), ("a", 0.3), ("_", 0.3))
    motion = move(speech)
    start_s, end_s = closure(split_phonemes(speech.phonemes)[2])
    within = (motion.times_s >= start_s - 1e-9) & (motion.times_s <= end_s + 1e-9)
    assert within.any()
    assert motion.channel("jaw_open")[within].max() < 1e-6


def test_a_mouth_that_leads_does_the_same_that_much_earlier_but_for_closures() -> None:
    plain, leading = (
        move(say(("_", 0.6), ("a", 0.3), ("i", 0.3), ("_", 0.6)), lead_s=seconds) for seconds in (0, 0.08)
    )
    np.testing.assert_allclose(jaw_at(leading, [0.6, 0.8]), jaw_at(plain, [0.68, 0.88]), atol=1e-3)
    speech = say(("_", 0.5), ("a", 0.3), ("m", 0.12), ("a", 0.3), ("_", 0.5))
    assert jaw_at(move(speech, lead_s=0.08), 0.84) < 1e-6


def test_labiodentals_leave_a_gap_smaller_than_any_vowel() -> None:
    motion = move(say(("_", 0.3), ("a", 0.3), ("f", 0.12), ("a", 0.3), ("_", 0.3)))
    assert 0 < jaw_at(motion, 0.66) <= 0.013


def test_vowels_have_the_shapes_of_their_phonetics() -> None:
    def held(vowel: str) -> NDArray[np.float32]:
        return move(say(("_", 0.5), (vowel, 0.8), ("_", 0.5))).sample(0.9)

    jaw, wide, narrow = (CORE7.index(name) for name in ("jaw_open", "mouth_wide", "mouth_narrow"))
    assert held("a")[jaw] > held("ɛ")[jaw] > held("e")[jaw] > held("i")[jaw]
    assert held("e")[jaw] > held("o")[jaw]  # rounding narrows the gap
    assert held("i")[jaw] > held("u")[jaw]
    assert held("i")[wide] > 0.05
    assert held("i")[narrow] == 0
    assert held("u")[narrow] > 0.07
    assert held("u")[wide] == 0


def test_silence_closes_the_mouth() -> None:
    motion = move(say(("_", 0.6), ("a", 0.3), ("_", 0.8)))
    silent = (motion.times_s < 0.3) | (motion.times_s > 1.2)
    assert motion.channel("jaw_open")[silent].max() < 1e-3


def test_lips_wait_ready_in_short_pauses_and_rest_in_long_ones_and_around_the_speech() -> None:
    speech = say(("_", 0.8), ("a", 0.3), ("_", 0.3), ("a", 0.3), ("_", 1.4), ("a", 0.3), ("_", 0.8))
    motion = move(speech, ready_opening=0.05)
    assert jaw_at(motion, [0.0, 0.44, 2.6, 4.2]).max() < 1e-6  # rests
    assert 0.03 < jaw_at(motion, 1.24) < 0.08  # waits
    assert 0.03 < jaw_at(motion, 1.88) < 0.08  # has not closed yet
    assert jaw_at(move(speech), 1.24) < 0.03


def test_lips_round_before_the_rounded_sound() -> None:
    rounded, plain = (
        move(say(("_", 0.3), ("a", 0.2), ("t", 0.08), (vowel, 0.3), ("_", 0.3))).sample(0.52) for vowel in "ua"
    )
    narrow = CORE7.index("mouth_narrow")
    assert rounded[narrow] > plain[narrow] + 0.02


def test_a_stressed_or_louder_vowel_opens_further() -> None:
    plain, stressed = (move(say(("_", 0.3), (v, 0.3), ("t", 0.1), ("e", 0.3), ("_", 0.3))) for v in ("a", "ˈa"))
    assert jaw_at(stressed, 0.45) > 1.1 * jaw_at(plain, 0.45)
    sounds = (("_", 0.3), ("a", 0.3), ("t", 0.1), ("e", 0.3), ("_", 0.3))
    quiet, loud = (move(say(*sounds, loudness={"a": loudness})) for loudness in (0.5, 2.0))
    assert jaw_at(loud, 0.45) > 1.1 * jaw_at(quiet, 0.45)


def test_the_mouth_depends_on_speech_and_style_alone() -> None:
    one, other = (move(say(*MAMA), seed=seed).values for seed in (1, 2))
    np.testing.assert_array_equal(one[:, :3], other[:, :3])
    assert np.abs(one[:, 3:6] - other[:, 3:6]).max() > 0.5
    large = move(say(*MAMA), style=Style(1.2, 1.0)).values
    np.testing.assert_allclose(large[:, :3], 1.2 * one[:, :3], rtol=1e-5)


def test_the_same_seed_gives_the_same_motion() -> None:
    np.testing.assert_array_equal(move(say(*MAMA), seed=3).values, move(say(*MAMA), seed=3).values)


@pytest.mark.parametrize("num_samples", [1, 639, 640, 641, 16_000])
def test_frames_start_before_the_sound_ends(num_samples: int) -> None:
    speech = Speech(np.ones(num_samples, np.float32), SECOND, (Phoneme("a", 0.0, num_samples / SECOND, False),))
    assert len(move(speech)) == -(-num_samples // 640)


def test_blinks_are_as_often_and_as_long_as_asked() -> None:
    lids = move(say(("_", 400.0))).channel("eye_blink")
    closed = lids > 0.99
    starts = np.flatnonzero(closed[1:] & ~closed[:-1])
    gaps_s = np.diff(starts) / 25
    assert gaps_s.min() > 2.1
    assert gaps_s.max() < 5.4
    assert len(starts) == pytest.approx(400 / 3.75, rel=0.15)
    assert 0.03 < closed.mean() * 400 / len(starts) < 0.15  # 40 % of 0.2 .. 0.3 s


def test_the_head_moves_slowly_around_zero() -> None:
    head = move(say(("_", 400.0))).values[:, 3:6].astype(np.float64)
    np.testing.assert_allclose(head.std(axis=0), SETTINGS["head_degrees"], rtol=0.1)
    assert np.abs(head.mean(axis=0)).max() < 0.2
    power = np.abs(np.fft.rfft(head * np.hanning(len(head))[:, None], axis=0)) ** 2
    frequencies_hz = np.fft.rfftfreq(len(head), 1 / 25)
    assert power[frequencies_hz > 0.7].sum() < 1e-3 * power.sum()


def test_a_stressed_vowel_dips_the_head() -> None:
    nodding, still = (move(say(*MAMA), nod_degrees=degrees).sample(0.72) for degrees in (2.0, 0.0))
    pitch = CORE7.index("head_pitch")
    assert nodding[pitch] < still[pitch] - 1.0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"blink_s": (0.3, 0.2)}, r"blink_s is \[0.3, 0.2\], expected two numbers from small to large"),
        ({"jaw_reach_s": 0.0}, "jaw_reach_s is 0.0, must be above 0"),
        ({"head_degrees": (1.0,)}, "head_degrees is"),
    ],
)
def test_settings_that_mean_nothing_are_refused(changed: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Articulator(**{**SETTINGS, **changed})

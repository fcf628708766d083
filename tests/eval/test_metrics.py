"""Known answers of every metric, and a reason instead of a number where there is none."""

import numpy as np
import pytest

from src.errors import MotionError
from src.eval import metrics
from src.eval.metrics import frame_rms, lag_ms, pearson_r, silence_stability, std_ratio
from tests.eval.documented import assert_documented

FPS = 25.0


def mouth(num_frames: int = 250, seed: int = 0, shift_s: float = 0.0) -> np.ndarray:
    """Mouth-like movement, band limited below 6 Hz, at the times i / 25 - shift_s: exact at any shift."""
    random = np.random.default_rng(seed)
    times = np.arange(num_frames) / FPS - shift_s
    waves = [
        amplitude * np.sin(2 * np.pi * frequency * times + phase)
        for amplitude, frequency, phase in zip(
            random.uniform(0.2, 1, 30), random.uniform(0.5, 6, 30), random.uniform(0, 6.3, 30), strict=True
        )
    ]
    return 0.2 + 0.02 * np.sum(waves, axis=0)


def test_pearson_r_of_itself_its_negative_and_scaled_copies() -> None:
    curve = mouth()
    assert pearson_r(curve, curve).value == pytest.approx(1.0)
    assert pearson_r(-curve, curve).value == pytest.approx(-1.0)
    assert pearson_r(0.3 * curve + 5, curve).value == pytest.approx(1.0)
    assert abs(pearson_r(mouth(2000, seed=1), mouth(2000, seed=2)).value or 1) < 0.1


def test_pearson_r_equals_numpy() -> None:
    first, second = mouth(seed=1), mouth(seed=1) + 0.3 * mouth(seed=2)
    assert pearson_r(first, second).value == pytest.approx(np.corrcoef(first, second)[0, 1])


@pytest.mark.parametrize("shift_ms", [-200, -80, -33, 0, 7, 20, 40, 80, 133, 320])
def test_a_known_shift_is_read_to_a_millisecond_with_its_sign(shift_ms: float) -> None:
    found = lag_ms(mouth(shift_s=shift_ms / 1000), mouth(), fps=FPS, max_lag_ms=400).value
    assert found == pytest.approx(shift_ms, abs=2.0)


def test_a_lag_is_found_under_noise_and_another_scale() -> None:
    noise = 0.01 * np.random.default_rng(9).standard_normal(250)
    found = lag_ms(0.5 * mouth(shift_s=0.08) + noise, mouth(), fps=FPS, max_lag_ms=400).value
    assert found == pytest.approx(80, abs=8)


def test_swapping_the_curves_turns_the_sign_of_the_lag() -> None:
    late, now = mouth(shift_s=0.06), mouth()
    forth = lag_ms(late, now, fps=FPS, max_lag_ms=400).value
    back = lag_ms(now, late, fps=FPS, max_lag_ms=400).value
    assert forth == pytest.approx(-(back or 0), abs=0.5)


def test_a_lag_at_the_edge_of_the_search_is_found_and_one_beyond_has_a_reason() -> None:
    assert lag_ms(mouth(shift_s=0.4), mouth(), fps=FPS, max_lag_ms=400).value == pytest.approx(400, abs=3)
    beyond = lag_ms(mouth(shift_s=0.46), mouth(), fps=FPS, max_lag_ms=400)
    assert beyond.value is None
    assert "beyond the largest shift tried, 400 ms" in beyond.reason or "no shift correlates" in beyond.reason


def test_unrelated_curves_have_no_lag() -> None:
    result = lag_ms(mouth(3000, seed=1), mouth(3000, seed=2), fps=FPS, max_lag_ms=400)
    assert result.value is None
    assert "no shift correlates" in result.reason


def test_std_ratio_is_the_scale_and_zero_for_a_still_prediction() -> None:
    assert std_ratio(0.5 * mouth() + 3, mouth()).value == pytest.approx(0.5)
    assert std_ratio(np.full(250, 0.1), mouth()).value == pytest.approx(0.0)


@pytest.mark.parametrize("metric", [pearson_r, lambda a, b: lag_ms(a, b, fps=FPS, max_lag_ms=200), std_ratio])
def test_a_constant_reference_gives_a_reason_and_never_a_number(metric) -> None:  # type: ignore[no-untyped-def]
    result = metric(mouth(), np.full(250, 0.3))
    assert result.value is None
    assert result.reason == "the reference curve is constant"


def test_too_few_frames_give_a_reason() -> None:
    assert pearson_r(mouth(9), mouth(9)).reason == "9 frames, 10 are needed"
    assert (
        "19 frames are too few to try shifts of 400 ms" in lag_ms(mouth(19), mouth(19), fps=FPS, max_lag_ms=400).reason
    )


def test_curves_of_different_lengths_are_a_mistake_and_not_a_figure() -> None:
    for compare in (pearson_r, std_ratio):
        with pytest.raises(MotionError, match="Sample both at the same times"):
            compare(mouth(100), mouth(101))


def test_silence_figures_see_only_frames_that_have_been_silent_for_200_ms() -> None:
    loudness = np.array([0.3] * 50 + [0.0] * 30 + [0.3] * 20)
    jaw = np.array([0.25] * 50 + [0.2, 0.15, 0.1, 0.05] + [0.0, 0.02] * 13 + [0.3] * 20)
    spread, speed = silence_stability(jaw, loudness, fps=FPS)
    assert spread.value == pytest.approx(0.01)
    assert speed.value == pytest.approx(0.02 * FPS)


def test_a_still_mouth_in_silence_is_zero() -> None:
    loudness = np.concatenate([np.full(50, 0.2), np.full(50, 1e-5)])
    spread, speed = silence_stability(np.zeros(100), loudness, fps=FPS)
    assert (spread.value, speed.value) == (0.0, 0.0)


def test_silence_does_not_depend_on_how_loud_the_recording_is() -> None:
    loudness = np.abs(np.random.default_rng(0).standard_normal(300)) * np.repeat([1, 1e-3, 1], 100)
    for gain in (1e-3, 1.0, 7.0):
        assert silence_stability(mouth(300), gain * loudness, fps=FPS) == silence_stability(
            mouth(300), loudness, fps=FPS
        )


def test_speech_without_a_pause_has_no_silence_figure() -> None:
    for result in silence_stability(mouth(), np.full(250, 0.2), fps=FPS):
        assert result.value is None
        assert result.reason == "0 frames of silence, 10 are needed"


def test_a_recording_of_digital_silence_is_silent_throughout() -> None:
    spread, _ = silence_stability(mouth(), np.zeros(250), fps=FPS)
    assert spread.value is not None
    assert spread.value > 0


def test_frame_rms_of_a_sine_is_its_amplitude_over_root_two_and_covers_frame_times() -> None:
    waveform = np.zeros(16_000, np.float32)
    waveform[8000:] = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(8000) / 16_000)
    loudness = frame_rms(waveform, 16_000, FPS, 25)
    assert loudness[:12].max() == 0
    np.testing.assert_allclose(loudness[13:], 0.5 / np.sqrt(2), rtol=1e-3)
    assert frame_rms(waveform, 16_000, FPS, 40)[30:].max() == 0, "after the end there is silence"


def test_every_metric_says_its_id_version_unit_and_source_in_its_docstring() -> None:
    documented = {
        metrics.PEARSON_R: pearson_r,
        metrics.LAG: lag_ms,
        metrics.STD_RATIO: std_ratio,
        metrics.SILENCE_STD: silence_stability,
        metrics.SILENCE_SPEED: silence_stability,
    }
    for metric, function in documented.items():
        assert_documented(metric, function)

"""Known answers of the mouth-opening metrics: zero on identical curves, exact on analytic ones."""

from collections.abc import Callable

import numpy as np
import pytest

from src.errors import MotionError
from src.eval import lip_metrics
from src.eval.lip_metrics import ccc, closures_made, energy_dips, lip_mae, peak_alignment, velocity_error
from src.eval.metrics import Measurement, pearson_r
from tests.eval.documented import assert_documented

FPS = 25.0
TIMES = np.arange(250) / FPS


def sine(shift_s: float = 0.0, amplitude: float = 0.1) -> np.ndarray:
    """A mouth that opens twice a second; 10 s are whole periods."""
    return 0.2 + amplitude * np.sin(2 * np.pi * 2.0 * (TIMES - shift_s))


def test_identical_curves_have_no_error_and_full_agreement() -> None:
    curve = sine()
    assert lip_mae(curve, curve).value == 0.0
    assert velocity_error(curve, curve, fps=FPS).value == 0.0
    assert ccc(curve, curve).value == pytest.approx(1.0)
    error, f1 = peak_alignment(curve, curve, fps=FPS)
    assert (error.value, f1.value) == (0.0, 1.0)


def test_an_offset_is_the_mae_and_no_velocity_error() -> None:
    assert lip_mae(sine() + 0.03, sine()).value == pytest.approx(0.03)
    assert velocity_error(sine() + 0.03, sine(), fps=FPS).value == pytest.approx(0.0, abs=1e-12)


def test_velocity_error_of_a_ramp_is_its_slope_in_units_per_second() -> None:
    assert velocity_error(sine() + 0.4 * TIMES, sine(), fps=FPS).value == pytest.approx(0.4)


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.05), (0.5, 0.0), (2.0, -0.1), (-1.0, 0.0)])
def test_ccc_of_a_scaled_and_moved_copy_is_the_analytic_one(scale: float, offset: float) -> None:
    reference = sine() - 0.2
    variance = 0.1**2 / 2
    expected = 2 * scale * variance / ((scale**2 + 1) * variance + offset**2)
    assert ccc(scale * reference + offset, reference).value == pytest.approx(expected)


def test_ccc_is_symmetric_and_never_above_r() -> None:
    random = np.random.default_rng(0)
    first, second = sine() + 0.05 * random.standard_normal(250), sine(0.02)
    assert ccc(first, second).value == pytest.approx(ccc(second, first).value)
    assert (ccc(first, second).value or 1) <= (pearson_r(first, second).value or 0) + 1e-12


def test_a_still_prediction_has_ccc_zero_and_a_still_reference_a_reason() -> None:
    assert ccc(np.full(250, 0.3), sine()).value == 0.0
    assert ccc(sine(), np.full(250, 0.3)).reason == "the reference curve is constant"


@pytest.mark.parametrize("shift_ms", [-80, -20, 10, 40, 95])
def test_a_shift_is_the_peak_error(shift_ms: float) -> None:
    error, _ = peak_alignment(sine(shift_ms / 1000), sine(), fps=FPS)
    assert error.value == pytest.approx(abs(shift_ms), abs=3)


def test_peaks_do_not_depend_on_scale_or_offset() -> None:
    plain, moved = peak_alignment(sine(0.05), sine(), fps=FPS), peak_alignment(7 * sine(0.05) - 1, sine(), fps=FPS)
    assert [one.value for one in moved] == pytest.approx([one.value for one in plain])


def test_missed_and_extra_peaks_lower_f1_and_a_still_mouth_has_none() -> None:
    half = np.where(TIMES < 5, sine(), 0.2)
    missed, extra = peak_alignment(half, sine(), fps=FPS)[1].value, peak_alignment(sine(), half, fps=FPS)[1].value
    assert missed == pytest.approx(2 * 10 / 30)
    assert extra == pytest.approx(missed)
    error, f1 = peak_alignment(np.full(250, 0.2), sine(), fps=FPS)
    assert (error.value, f1.value) == (None, 0.0)
    assert error.reason == "no predicted peak within 200 ms of one of the reference"
    assert peak_alignment(sine(), np.full(250, 0.2), fps=FPS)[1].reason == "the reference has no peaks"


def test_each_peak_is_paired_once() -> None:
    reference = np.zeros(100)
    reference[50] = 1.0
    predicted = np.zeros(100)
    predicted[[48, 51]] = 1.0
    error, f1 = peak_alignment(predicted, reference, fps=FPS)
    assert error.value == pytest.approx(40.0)
    assert f1.value == pytest.approx(2 / 3)


def test_closures_have_the_depth_and_the_share_that_was_drawn() -> None:
    opening = np.full(250, 0.2)
    opening[50:53] = 0.0
    opening[101] = 0.1
    intervals = np.array([[2.0, 2.08], [4.0, 4.08]])
    depth, recall = closures_made(opening, intervals, fps=FPS)
    assert depth.value == pytest.approx((1.0 + 0.5) / 2)
    assert recall.value == 0.5


def test_a_mouth_that_stays_open_makes_no_closure_and_one_that_stays_shut_has_no_depth() -> None:
    intervals = np.array([[1.0, 1.06], [2.01, 2.02]])
    depth, recall = closures_made(np.full(250, 0.2), intervals, fps=FPS)
    assert (depth.value, recall.value) == (0.0, 0.0)
    depth, recall = closures_made(np.zeros(250), intervals, fps=FPS)
    assert (depth.value, recall.value) == (None, 1.0)
    assert depth.reason == "the mouth never opens"


@pytest.mark.parametrize("start_s", np.arange(2.0, 2.04, 0.004))
def test_every_closure_has_a_frame_however_short(start_s: float) -> None:
    _, recall = closures_made(sine(), np.array([[start_s, start_s + 0.001]]), fps=FPS)
    assert recall.value is not None


def test_closures_beyond_the_clip_and_those_the_reference_does_not_make_do_not_count() -> None:
    for result in closures_made(sine(), np.array([[10.5, 10.6], [-1.0, -0.5]]), fps=FPS):
        assert result.reason == "no closure within the frames"
    for result in closures_made(sine(), np.empty((0, 2)), fps=FPS):
        assert result.value is None
    truth = np.full(250, 0.2)
    truth[50:52] = 0.0
    _, recall = closures_made(truth, np.array([[2.0, 2.04], [4.0, 4.04]]), fps=FPS, reference=truth)
    assert recall.value == 1.0


def test_energy_dips_are_the_short_gaps_between_sounds_at_any_gain() -> None:
    loudness = np.full(100, 0.3)
    loudness[:10] = 0.001
    loudness[40:43] = 0.01
    loudness[60:80] = 0.001
    for gain in (1e-3, 1.0, 5.0):
        np.testing.assert_allclose(energy_dips(gain * loudness, fps=FPS), [[39.5 / FPS, 42.5 / FPS]])
    assert energy_dips(np.zeros(100), fps=FPS).shape == (0, 2)
    assert energy_dips(np.full(100, 0.3), fps=FPS).shape == (0, 2)


@pytest.mark.parametrize("compare", [lip_mae, ccc, lambda a, b: velocity_error(a, b, fps=FPS)])
def test_short_curves_give_a_reason_and_unequal_ones_are_a_mistake(compare: Callable[..., Measurement]) -> None:
    assert compare(sine()[:9], sine()[:9]).reason == "9 frames, 10 are needed"
    with pytest.raises(MotionError, match="Sample both at the same times"):
        compare(sine()[:99], sine()[:100])


def test_every_metric_says_its_id_version_unit_and_source_in_its_docstring() -> None:
    documented = {
        lip_metrics.LIP_MAE: lip_mae,
        lip_metrics.CCC: ccc,
        lip_metrics.VELOCITY_ERROR: velocity_error,
        lip_metrics.PEAK_ERROR: peak_alignment,
        lip_metrics.PEAK_F1: peak_alignment,
        lip_metrics.CLOSURE_DEPTH: closures_made,
        lip_metrics.CLOSURE_RECALL: closures_made,
    }
    for metric, function in documented.items():
        assert_documented(metric, function)

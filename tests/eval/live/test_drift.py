"""A mouth that falls behind more and more is seen to, and a steady one is not."""

import numpy as np
import pytest

from src.eval.live.drift import DRIFT, Window, drift_per_hour, offsets_over_time
from src.motion import CORE7, Motion
from tests.eval.documented import assert_documented


def speaking(seconds: float, late_ms: float = 0.0, stretch: float = 1.0) -> Motion:
    """A mouth of four syllables a second, none like the other, `late_ms` late and slower by a factor."""
    times_s = (np.arange(round(seconds * 25)) / 25 - late_ms / 1000) / stretch
    jaw = sum(np.sin(2 * np.pi * (rate * times_s + rate**2)) for rate in (1.1, 2.3, 3.7, 4.3))
    values = np.zeros((len(times_s), CORE7.size), np.float32)
    values[:, 0] = 0.1 + 0.02 * jaw
    return Motion(values, CORE7, 25.0)


def test_a_steady_offset_is_no_drift() -> None:
    windows = offsets_over_time(speaking(60, late_ms=80), speaking(60))
    assert len(windows) == 30
    assert [window.offset_ms for window in windows] == pytest.approx([80] * 30, abs=9)
    drift = drift_per_hour([windows])
    assert drift.low is not None
    assert drift.high is not None
    assert drift.low < 0 < drift.high
    assert drift.is_extrapolated


def test_a_picture_that_falls_behind_by_a_thousandth_drifts_by_3600_ms_per_hour() -> None:
    drift = drift_per_hour([offsets_over_time(speaking(80, stretch=1.001), speaking(80))])
    assert drift.measurement.value == pytest.approx(3600, rel=0.15)
    assert drift.low is not None
    assert drift.high is not None
    assert drift.low < 3600 < drift.high


def test_recordings_share_a_slope_and_not_a_level() -> None:
    one = [Window(time_s, 5 + 0.01 * time_s) for time_s in (2.0, 6.0, 10.0)]
    other = [Window(time_s, -40 + 0.01 * time_s) for time_s in (2.0, 10.0)]
    drift = drift_per_hour([one, other, [Window(2.0, 1000.0)]])
    assert drift.measurement.value == pytest.approx(36)
    assert (drift.low, drift.high) == (pytest.approx(36), pytest.approx(36))
    assert (drift.windows, drift.span_s) == (5, 16)


def test_too_few_windows_are_no_drift() -> None:
    found = drift_per_hour([[Window(2.0, 1.0), Window(6.0, 2.0)]])
    assert (found.measurement.value, found.low) == (None, None)
    assert "3 are needed" in found.measurement.reason
    assert drift_per_hour([]).measurement.value is None
    assert offsets_over_time(speaking(1.5), speaking(1.5)) == []


def test_the_metric_is_documented() -> None:
    assert_documented(DRIFT, drift_per_hour)

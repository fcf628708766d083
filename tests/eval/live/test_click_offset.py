"""Clicks and openings are found where they are, and matched with each other."""

import numpy as np
import pytest

from src.errors import MotionError
from src.eval.live.click_offset import click_offsets, find_clicks, find_openings


def test_clicks_are_found_at_the_first_sample_that_is_half_as_loud_as_their_peak() -> None:
    waveform = np.full(48_000, 0.05)
    for start, size in ((8_000, 0.9), (20_000, 0.5), (40_000, 0.8)):
        waveform[start - 1 : start + 3] = size * np.array([0.2, -0.6, 1.0, 0.3])
    np.testing.assert_allclose(find_clicks(waveform, 16_000, start_s=0.25), [0.75, 1.5, 2.75])
    assert len(find_clicks(np.zeros(100), 16_000)) == 0
    assert len(find_clicks(np.zeros(0), 16_000)) == 0


def test_an_opening_is_the_first_picture_beyond_the_middle_whatever_the_distance_to_the_one_before() -> None:
    times = np.array([0.0, 0.04, 0.08, 0.2, 0.24, 0.28, 0.32, 0.36, 0.4])  # two pictures were dropped
    values = np.array([0.0, 0.01, 0.03, 0.25, 0.3, 0.02, 0.0, 0.0, 0.2])
    np.testing.assert_array_equal(find_openings(values, times), [0.2, 0.4])
    assert len(find_openings(np.ones(9), times)) == 0
    with pytest.raises(MotionError, match="one per picture"):
        find_openings(values, times[1:])


def test_the_offset_is_positive_when_the_picture_is_late() -> None:
    clicks = np.array([1.0, 2.1, 3.4])
    found = click_offsets(clicks, clicks + 0.08)
    assert found.median.value == pytest.approx(80)
    assert found.median.metric.id == "click_offset"
    assert found.spread_ms == pytest.approx(0)
    assert click_offsets(clicks, clicks - 0.08).median.value == pytest.approx(-80)


def test_what_has_no_answer_is_counted_and_not_measured() -> None:
    found = click_offsets(np.array([1.0, 2.0, 4.0]), np.array([1.02, 2.0, 3.0]))
    np.testing.assert_allclose(found.offsets_ms, [20, 0])
    assert (found.unanswered, found.unasked) == (1, 1)
    nothing = click_offsets(np.array([1.0]), np.zeros(0))
    assert (nothing.median.value, nothing.spread_ms, nothing.unanswered) == (None, None, 1)
    assert "2 are needed" in nothing.median.reason

"""Figures of known curves, and what has none."""

import numpy as np
import pytest

from src.eval.sync_expert.figures import (
    SYNC_ACCURACY,
    SYNC_CONFIDENCE,
    SYNC_DISTANCE,
    SYNC_OFFSET,
    offset_hits,
    sync_accuracy,
    sync_confidence,
    sync_distance,
    sync_estimates,
    sync_figures,
    sync_offset,
)
from src.eval.sync_expert.shift_curve import SHIFTS, ShiftCurve
from tests.eval.documented import assert_documented


def curve(late_frames: float = 0.0, depth: float = 0.4, windows: float = 60.0, wins: float = 0.9) -> ShiftCurve:
    """A bowl of width 4 around an offset, 1.4 elsewhere."""
    means = 1.4 - depth * np.maximum(0, 1 - ((SHIFTS - late_frames) / 4) ** 2)
    counts = np.full(len(SHIFTS), windows)
    return ShiftCurve(means * counts, counts, wins * counts)


@pytest.mark.parametrize(
    ("metric", "function"),
    [
        (SYNC_OFFSET, sync_offset),
        (SYNC_CONFIDENCE, sync_confidence),
        (SYNC_DISTANCE, sync_distance),
        (SYNC_ACCURACY, sync_accuracy),
    ],
)
def test_each_metric_says_what_it_is(metric, function) -> None:
    assert_documented(metric, function)


@pytest.mark.parametrize("late", [-3.0, 0.0, 0.25, 5.0])
def test_the_figures_of_a_bowl_are_its_own(late: float) -> None:
    figures = sync_figures([curve(late), curve(late)])
    assert figures.offset.value == pytest.approx(40 * late)
    assert figures.accuracy.value == pytest.approx(0.9)
    if late == round(late):
        assert figures.distance.value == pytest.approx(1.0)
        assert figures.confidence.value == pytest.approx(0.4)


def test_a_flat_curve_has_a_confidence_and_no_offset() -> None:
    flat = curve(depth=0.01)
    assert sync_confidence(flat).value == pytest.approx(0.01)
    assert "no shift stands out" in sync_offset(flat).reason


def test_an_offset_at_the_end_of_the_shifts_is_none() -> None:
    assert "largest shift" in sync_offset(curve(15.0)).reason


def test_one_word_tells_nothing_alone() -> None:
    few = curve(windows=9)
    assert sync_offset(few).value is None
    assert "pool more clips" in sync_distance(few).reason
    assert sync_offset(ShiftCurve.empty("the mouth doesn't move")).reason == "the mouth doesn't move"


def test_intervals_are_over_speakers() -> None:
    curves = [curve(0.0), curve(0.0), curve(2.0), curve(2.0)]
    found = sync_estimates(curves, ["a", "a", "b", "b"], draws=200, seed=0)
    offset = found["sync_offset"]
    assert offset.value == pytest.approx(40, abs=1)
    assert (offset.low, offset.high) == (pytest.approx(0), pytest.approx(80))
    assert (offset.clips, offset.speakers) == (4, 2)
    assert found == sync_estimates(curves[::-1], ["b", "b", "a", "a"], draws=200, seed=0)


def test_one_speaker_has_no_interval_and_no_clip_has_no_value() -> None:
    alone = sync_estimates([curve()], ["a"], draws=10, seed=0)["sync_confidence"]
    assert alone.value is not None
    assert alone.low is None
    assert "one speaker" in alone.reason
    nothing = sync_estimates([ShiftCurve.empty("too short")] * 2, ["a", "b"], draws=10, seed=0)["sync_distance"]
    assert (nothing.value, nothing.clips, nothing.reason) == (None, 0, "too short")


def test_speakers_without_a_clear_offset_leave_no_interval_for_it() -> None:
    found = sync_estimates([curve(), curve(depth=0.0)], ["a", "b"], draws=100, seed=0)
    assert found["sync_offset"].value is not None
    assert "draws of speakers have no value" in found["sync_offset"].reason
    assert found["sync_distance"].low is not None


def test_two_seconds_of_a_speaker_decide_together() -> None:
    short = [curve(late, windows=30) for late in (0, 0, 5, 5, 0)]
    assert offset_hits(short, ["a", "a", "b", "b", "a"]) == (1, 2)

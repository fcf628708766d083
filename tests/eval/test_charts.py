"""Charts put every value where its axis says."""

import re

import numpy as np
import pytest

from src.eval.charts import HEIGHT, WIDTH, Line, histogram_chart, line_chart, stretches, ticks, time_chart


@pytest.mark.parametrize(
    ("low", "high", "most"), [(0, 1, 5), (0, 7.52, 9), (-0.3, 0.31, 5), (118.9, 151, 9), (0, 3600, 9)]
)
def test_ticks_are_round_inside_the_range_and_not_too_many(low: float, high: float, most: int) -> None:
    values = ticks(low, high, most)
    assert 2 <= len(values) <= most
    assert low <= values[0]
    assert values[-1] <= high + 1e-9
    steps = np.diff(values)
    np.testing.assert_allclose(steps, steps[0])
    assert float(f"{steps[0]:.0e}"[0]) in (1, 2, 5)


def test_a_range_without_width_has_one_tick() -> None:
    assert ticks(3.0, 3.0, 5) == [3.0]


def points(svg: str, style: str) -> np.ndarray:
    found = re.search(rf'class="line {style}" points="([^"]*)"', svg)
    assert found
    return np.array([[float(number) for number in pair.split(",")] for pair in found.group(1).split()])


def test_a_curve_spans_its_time_and_its_zero_lies_at_the_bottom() -> None:
    values = np.linspace(0, 0.5, 26)
    svg = time_chart([Line("predicted", "predicted", values)], np.zeros(0), 25.0, "ratio", "a ramp")
    drawn = points(svg, "predicted")
    np.testing.assert_allclose(drawn[:, 0], np.linspace(0, WIDTH, 26), atol=0.1)
    assert drawn[0, 1] == HEIGHT
    assert 0 < drawn[-1, 1] < 0.1 * HEIGHT
    np.testing.assert_allclose(np.diff(drawn[:, 1]), drawn[1, 1] - drawn[0, 1], atol=0.11)


def test_a_shorter_curve_ends_early_instead_of_being_stretched() -> None:
    svg = time_chart(
        [Line("a", "a", np.ones(101)), Line("b", "b", np.ones(51))], np.ones(101), 25.0, "ratio", "two curves"
    )
    assert points(svg, "b")[-1, 0] == WIDTH / 2


def test_bars_are_as_high_as_their_counts_and_empty_ones_are_left_out() -> None:
    svg = histogram_chart([0, 10, 20, 30], [5, 0, 10], [("median", 22.0)], "ms", "latency")
    heights = [float(value) for value in re.findall(r'class="bar"[^>]*height="([\d.]+)"', svg)]
    assert len(heights) == 2
    assert heights[1] == pytest.approx(2 * heights[0], abs=0.2)
    assert svg.count('class="mark ') == 1


def test_units_and_labels_are_escaped() -> None:
    svg = time_chart([Line("a", "a", np.ones(5))], np.zeros(5), 25.0, "<b>", 'say "hi"')
    assert "<b>" not in svg
    assert 'aria-label="say &quot;hi&quot;"' in svg


def test_a_silent_still_and_single_frame_clip_draws_without_dividing_by_zero() -> None:
    for count in (1, 2, 30):
        svg = time_chart([Line("a", "a", np.zeros(count))], np.zeros(count), 25.0, "ratio", "nothing")
        assert "nan" not in svg
        assert "inf" not in svg


def test_frames_that_do_not_count_are_shaded_where_they_are() -> None:
    unseen = np.zeros(101, bool)
    unseen[[0, 50, 51, 100]] = True
    assert stretches(unseen) == [(0, 1), (50, 52), (100, 101)]
    svg = time_chart([Line("a", "a", np.ones(101))], np.zeros(0), 25.0, "", "", unseen=unseen)
    drawn = [tuple(map(float, pair)) for pair in re.findall(r'class="unseen" x="([\d.]+)" y="0" width="([\d.]+)"', svg)]
    assert drawn == [(0.0, 5.0), (495.0, 20.0), (995.0, 5.0)]


def test_a_line_chart_puts_values_at_their_places_and_marks_zero() -> None:
    values = np.array([1.0, 0.5, 1.0])
    svg = line_chart([Line("a", "a", values)], [-40.0, 0.0, 120.0], ("distance", "ms"), "shifts")
    drawn = points(svg, "a")
    np.testing.assert_allclose(drawn[:, 0], [0, WIDTH / 4, WIDTH])
    np.testing.assert_allclose(drawn[:, 1], HEIGHT * np.array([0.03, 0.53, 0.03]) / 0.56, atol=0.1)
    assert 'class="mark mark3" x1="250.0"' in svg
    assert "mark3" not in line_chart([Line("a", "a", values)], [1.0, 2.0, 3.0], ("distance", "ms"), "no zero")

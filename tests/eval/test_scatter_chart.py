"""Scatter charts put every point where its axes say, and keep apart what shares a place."""

import re

import pytest

from src.eval.charts import HEIGHT
from src.eval.scatter_chart import SHAPES, Level, Mark, scatter_chart


def mark(
    x: float, y: float, series: int = 0, label: str = "a", low: float | None = None, high: float | None = None
) -> Mark:
    return Mark(x, y, low, high, series, label, f"#{x:g}")


def chart(marks: list[Mark], front: tuple[int, ...] = (), levels: tuple[Level, ...] = (), better: str = "up") -> str:
    names = [f"series {number}" for number in range(1 + max((each.series for each in marks), default=0))]
    return scatter_chart(marks, front, levels, series=names, x_name="ms", y_name="r", better=better)


def places(html: str) -> list[tuple[float, float]]:
    found = re.findall(r'class="point [^"]*" style="left:([\d.]+)%;top:([\d.]+)%"', html)
    return [(float(x), float(y)) for x, y in found]


def tick(html: str, axis: str, text: str) -> float:
    side = {"rows": "top", "columns": "left"}[axis]
    inside = html.split(f'<div class="{axis}">')[1].split("</div>")[0]
    found = re.search(rf'<span style="{side}:([\d.]+)%"[^>]*>{re.escape(text)}</span>', inside)
    assert found
    return float(found[1])


def test_points_lie_where_the_axes_say() -> None:
    html = chart([mark(50, 0.2), mark(100, 0.4), mark(150, 0.3)])
    (x1, y1), (x2, y2), (x3, y3) = places(html)
    assert x1 == pytest.approx(tick(html, "columns", "60") - (x3 - x1) / 10, abs=0.02)
    assert x2 == pytest.approx(tick(html, "columns", "100"), abs=0.02)
    assert (y1, y2) == pytest.approx((tick(html, "rows", "0.2"), tick(html, "rows", "0.4")), abs=0.02)
    assert y2 < y3 < y1


def test_the_front_is_level_until_its_next_point_and_rises_there() -> None:
    marks = [mark(0, 0.0), mark(10, 1.0)]
    html = chart(marks, (0, 1))
    found = re.search(r'class="front" points="([^"]*)"', html)
    assert found
    corners = [tuple(map(float, pair.split(","))) for pair in found[1].split()]
    (x1, y1), (x2, y2) = [(10 * x, y * HEIGHT / 100) for x, y in places(html)]
    assert corners == [pytest.approx(each, abs=0.1) for each in [(x1, y1), (x2, y1), (x2, y2), (1000.0, y2)]]


def test_points_of_the_front_are_filled_and_named() -> None:
    html = chart([mark(0, 0.0, label="cheap"), mark(10, 1.0, label="good"), mark(11, 0.5, label="worse")], (0, 1))
    assert html.count("beaten") == 1
    tags = re.findall(r'<span class="tag[^>]*>(.*?)</span>', html)
    assert tags == ["#10<small> good</small>", "#0<small> cheap</small>"]


def test_labels_that_would_meet_are_cut_short() -> None:
    marks = [mark(10, 0.500, label="a long label of a good one"), mark(9.9, 0.499, label="another"), mark(0, 0.0)]
    tags = re.findall(r'<span class="tag[^>]*>(.*?)</span>', chart(marks, (1, 0)))
    assert tags == ["#10<small> a long label of a good one</small>", "#9.9"]


def test_series_at_the_same_place_stand_side_by_side() -> None:
    html = chart([mark(0, 0.1, 0), mark(0, 0.1, 1), mark(100, 0.2, 0), mark(100, 0.2, 1)])
    (one, _), (two, _), (three, _), (four, _) = places(html)
    assert two - one == pytest.approx(four - three) == pytest.approx(3.2)
    assert (one + two) / 2 == pytest.approx(tick(html, "columns", "0"), abs=0.02)


def test_each_series_has_a_shape_of_its_own() -> None:
    html = chart([mark(number, number, number) for number in range(8)])
    assert len(set(SHAPES)) == 8
    for shape in SHAPES:
        assert html.count(shape) == 2  # on the plot and in the legend


def test_a_level_is_drawn_where_it_is_near_and_named_where_it_is_far() -> None:
    marks = [mark(0, 0.50), mark(1, 0.60)]
    html = chart(marks, (), (Level("energy", 0.4), Level("mean_pose", 0.0)))
    assert html.count('<line class="level"') == 1
    assert "mean_pose 0.00, below the plot" in html
    assert 'class="level"' not in chart(marks)


def test_a_whisker_spans_its_interval_and_a_wide_one_does_not_press_the_points_together() -> None:
    html = chart([mark(0, 0.50, low=0.45, high=0.55), mark(1, 0.60)])
    found = re.search(r'class="whisker[^"]*" style="left:[\d.]+%;top:([\d.]+)%;height:([\d.]+)%"', html)
    assert found
    top, height = map(float, found.groups())
    (_, y), _ = places(html)
    assert top + height / 2 == pytest.approx(y, abs=0.02)
    (_, one), (_, two) = places(chart([mark(0, 0.50, low=-9.0, high=9.0), mark(1, 0.60)]))
    assert one - two > 20


@pytest.mark.parametrize("marks", [[], [mark(5, 0.3)], [mark(5, 0.3), mark(5, 0.3)]])
def test_few_or_equal_points_make_a_chart_too(marks: list[Mark]) -> None:
    html = chart(marks, tuple(range(len(marks))))
    assert "nan" not in html
    assert html.count('class="point') == len(marks)


def test_hostile_names_are_escaped() -> None:
    evil = '"><script>alert(1)</script>'
    html = scatter_chart(
        [Mark(0, 0, None, None, 0, evil, evil)], [0], [Level(evil, 0.0)], series=[evil], x_name=evil, y_name=evil,
        better="up",
    )  # fmt: skip
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 5

"""Parallel coordinates lead every configuration through its choices to its quality."""

import re

import pytest

from src.eval.charts import HEIGHT, WIDTH
from src.eval.parallel_chart import Coordinate, Course, parallel_chart

AXES = [Coordinate("architecture", ["lstm", "tcn"]), Coordinate("features", ["mel", "mfcc"])]


def courses(html: str) -> dict[str, list[tuple[float, float]]]:
    found = re.findall(r'points="([^"]*)"><title>([^:]*)', html)
    return {label: [tuple(map(float, pair.split(","))) for pair in points.split()] for points, label in found}


def test_lines_pass_their_choices_and_end_at_their_quality() -> None:
    given = [Course("good", [1, 0], 0.4, True), Course("poor", [0, 0], 0.2, False), Course("fair", [0, 1], 0.3, False)]
    html = parallel_chart(AXES, given, quality="val/lip_r", mode="max")
    drawn = courses(html)
    assert [x for x, _ in drawn["good"]] == pytest.approx([0.0, WIDTH / 2, WIDTH])
    assert [drawn[name][-1][1] for name in ("good", "fair", "poor")] == [0.0, HEIGHT / 2, HEIGHT]
    assert drawn["good"][0][1] < HEIGHT / 2 < drawn["poor"][0][1]  # tcn above lstm
    assert drawn["good"][1][1] < drawn["poor"][1][1]  # both mel, the better one above
    assert drawn["poor"][1][1] > HEIGHT / 2
    assert list(drawn)[-1] == "good"  # drawn last, on top


def test_small_values_are_the_coloured_ones_where_they_are_good() -> None:
    given = [Course("low", [0, 0], 1.0, False), Course("high", [0, 0], 2.0, False)]
    shades = {mode: re.findall(r"--good:(\d+)%", parallel_chart(AXES, given, quality="loss", mode=mode))
              for mode in ("max", "min")}  # fmt: skip
    assert shades == {"max": ["0", "100"], "min": ["0", "100"]}  # the best last, each time
    assert list(courses(parallel_chart(AXES, given, quality="loss", mode="min"))) == ["high", "low"]


def test_equal_configurations_and_none_make_a_chart_too() -> None:
    given = [Course("one", [0, 0], 0.3, False), Course("two", [1, 1], 0.3, False)]
    assert "nan" not in parallel_chart(AXES, given, quality="r", mode="max")
    assert "Nothing was varied" in parallel_chart([], given, quality="r", mode="max")
    assert "Nothing was varied" in parallel_chart(AXES, [], quality="r", mode="max")


def test_hostile_names_are_escaped() -> None:
    evil = '"><script>alert(1)</script>'
    html = parallel_chart([Coordinate(evil, [evil])], [Course(evil, [0], 0.1, False)], quality=evil, mode="max")
    assert "<script" not in html

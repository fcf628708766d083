"""What is got against what is paid: points with intervals, the front of those that nothing beats, lines beside them.

Each series has a colour and a shape of its own, so that a reader who tells no colours apart tells the series apart.
Points and texts are laid over the plot and keep their size on a telephone, where long labels give way to short ones.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from src.eval.charts import HEIGHT, WIDTH, ticks
from src.eval.tables import formatted

SHAPES = (
    '<circle r="5.5"/>', '<rect x="-5" y="-5" width="10" height="10"/>', '<path d="M0-6.5 6.2 5H-6.2z"/>',
    '<path d="M0-7 7 0 0 7-7 0z"/>', '<path d="M0 6.5 6.2-5H-6.2z"/>',
    '<path d="M-2-6h4v4h4v4h-4v4h-4v-4h-4v-4h4z"/>',
    '<path d="M-6-3.5-3.5-6 0-2.5 3.5-6 6-3.5 2.5 0 6 3.5 3.5 6 0 2.5-3.5 6-6 3.5-2.5 0z"/>',
    '<path d="M0-6.5 6.2-2 3.8 5.3H-3.8L-6.2-2z"/>',
)  # fmt: skip
"""One per series, by turns: circle, square, triangle, diamond, triangle down, plus, cross, pentagon."""

LARGEST_SPREAD = 3.2
"""Percent of the width between series that share a place."""

FARTHEST_LINE = 1.5
"""A line further from the points than this share of their range is named at the edge instead of drawn."""

_Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Mark:
    """A point of a scatter chart.

    Attributes:
        x, y: cost and quality.
        low, high: ends of its interval; None for none.
        series: number of its series.
        label: what it is, shown on hovering.
        short: a few characters for the plot itself, such as a rank.
    """

    x: float
    y: float
    low: float | None
    high: float | None
    series: int
    label: str
    short: str


@dataclass(frozen=True)
class Level:
    """A line across the plot, such as the quality of a control."""

    label: str
    y: float


def scatter_chart(
    marks: Sequence[Mark],
    front: Sequence[int],
    levels: Sequence[Level],
    *,
    series: Sequence[str],
    x_name: str,
    y_name: str,
    better: str,
) -> str:
    """The points as a drawing.

    Args:
        marks: the points.
        front: which of them are the front, from left to right; joined by steps and labelled.
        levels: lines to compare with.
        series: their names, for the legend.
        x_name, y_name: what the axes show, with units.
        better: where good points lie: `up` or `down`.
    """
    if not marks:
        return '<p class="hint">No configuration has both figures yet.</p>'
    left, right = _ends([mark.x for mark in marks], 0.07)
    inside, outside = _levels(marks, levels)
    low, high = _heights(marks, inside)
    shifts = _shifts([(mark.x, mark.series) for mark in marks], right - left)

    def across(x: float) -> float:
        return 100 * (x - left) / (right - left)

    def down(y: float) -> float:
        return 100 * (1 - (min(max(y, low), high) - low) / (high - low))

    places = [(across(mark.x) + shift, down(mark.y)) for mark, shift in zip(marks, shifts, strict=True)]
    steps = _steps([places[index] for index in front])
    rows = [(value, down(value)) for value in ticks(low, high, 6)]
    columns = [(value, across(value)) for value in ticks(left, right, 8)]
    drawing = "".join(f'<line class="grid" x1="0" x2="{WIDTH:g}" y1="{y:.1f}" y2="{y:.1f}"/>' for _, y in _tall(rows))
    drawing += "".join(f'<line class="grid" x1="{10 * x:.1f}" x2="{10 * x:.1f}" y1="0" y2="{HEIGHT:g}"/>'
                       for _, x in columns)  # fmt: skip
    drawing += "".join(
        f'<line class="level" x1="0" x2="{WIDTH:g}" y1="{y:.1f}" y2="{y:.1f}"/>'
        for _, y in _tall([(level.y, down(level.y)) for level in inside])
    )
    drawing += f'<polyline class="front" points="{steps}"/>' if steps else ""
    over = "".join(
        f'<span class="level" style="top:{down(level.y):.2f}%">{escape(level.label)} {formatted(level.y)}</span>'
        for level in inside
    )
    over += "".join(_whisker(mark, x, down) for mark, (x, _) in zip(marks, places, strict=True))
    over += "".join(
        _point(mark, x, y, is_front=index in front)
        for index, (mark, (x, y)) in enumerate(zip(marks, places, strict=True))
    )
    over += _tags(marks, places, front, better)
    edge = "".join(
        f"<li>{escape(level.label)} {formatted(level.y)}, {'below' if level.y < low else 'above'} the plot</li>"
        for level in outside
    )
    return (
        f'{series_legend(series, edge)}<div class="scatter" role="img" aria-label="{escape(_spoken(marks, front))}">'
        f'<div class="unit">{escape(y_name)}</div><div class="rows">'
        + "".join(f'<span style="top:{y:.2f}%">{value:g}</span>' for value, y in rows)
        + f'</div><div class="plot"><svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" preserveAspectRatio="none">{drawing}</svg>'
        f'{over}</div><div class="columns">'
        + "".join(
            f'<span style="left:{x:.2f}%"{" class=minor" if number % 2 else ""}>{value:g}</span>'
            for number, (value, x) in enumerate(columns)
        )
        + f'</div><div class="unit end">{escape(x_name)}</div></div>'
    )


def series_legend(series: Sequence[str], more: str = "") -> str:
    """Names of the series with their marks; `more` are further entries as HTML."""
    entries = "".join(
        f'<li class="series s{number % len(SHAPES)}">{_shape(number)}{escape(name)}</li>'
        for number, name in enumerate(series)
    )
    return f'<ul class="legend">{entries}{more}</ul>'


def _shape(number: int) -> str:
    return f'<svg viewBox="-8 -8 16 16" aria-hidden="true">{SHAPES[number % len(SHAPES)]}</svg>'


def _point(mark: Mark, x: float, y: float, *, is_front: bool) -> str:
    hint = f"{mark.short} {mark.label}: {formatted(mark.y)}"
    return (
        f'<span class="point s{mark.series % len(SHAPES)}{"" if is_front else " beaten"}" '
        f'style="left:{x:.2f}%;top:{y:.2f}%" title="{escape(hint)}">{_shape(mark.series)}</span>'
    )


def _whisker(mark: Mark, x: float, down: Callable[[float], float]) -> str:
    if mark.low is None or mark.high is None:
        return ""
    top, bottom = down(mark.high), down(mark.low)
    return (
        f'<i class="whisker s{mark.series % len(SHAPES)}" '
        f'style="left:{x:.2f}%;top:{top:.2f}%;height:{bottom - top:.2f}%"></i>'
    )


def _tags(marks: Sequence[Mark], places: Sequence[tuple[float, float]], front: Sequence[int], better: str) -> str:
    """Labels of the front, on the side where nothing is better; where two would meet, the worse one is cut short.

    On the right side of the plot they end at their point instead of beginning there.
    """
    texts: list[str] = []
    taken: list[_Box] = []
    for index in reversed(front):  # the best first
        (x, y), mark = places[index], marks[index]
        side = "before" if x > 60 else "after"
        boxes = [_box(x, y, side, better, text) for text in (f"{mark.short} {mark.label}", mark.short)]
        fits = next((number for number, box in enumerate(boxes) if not any(_meet(box, other) for other in taken)), 1)
        taken.append(boxes[fits])
        small = "" if fits else f"<small> {escape(mark.label)}</small>"
        place = f"left:{x:.2f}%;top:{y:.2f}%"
        texts.append(f'<span class="tag {side} {better}" style="{place}">{escape(mark.short)}{small}</span>')
    return "".join(texts)


def _box(x: float, y: float, side: str, better: str, text: str) -> _Box:
    """Left, right, top and bottom of a label in percent, on a page of common width."""
    width = 0.68 * len(text)
    left = x - width if side == "before" else x
    top = y - 6.5 if better == "up" else y + 2.5
    return left, left + width, top, top + 4.5


def _meet(one: _Box, other: _Box) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]


def _steps(corners: Sequence[tuple[float, float]]) -> str:
    """What can be had at most at each price: level until the next point of the front, which is reached at once."""
    if not corners:
        return ""
    points = [corners[0]]
    for before, after in pairwise(corners):
        points += [(after[0], before[1]), after]
    points.append((100.0, corners[-1][1]))
    return " ".join(f"{x * WIDTH / 100:.1f},{y * HEIGHT / 100:.1f}" for x, y in points)


def _shifts(places: Sequence[tuple[float, int]], width: float) -> list[float]:
    """Percent that each point is moved sideways: series that share a place stand beside each other."""
    xs = sorted({x for x, _ in places})
    if len(xs) == len(places):
        return [0.0] * len(places)
    gap = min((100 * (after - before) / width for before, after in pairwise(xs)), default=100.0)
    present = sorted({series for _, series in places})
    step = min(LARGEST_SPREAD, 0.6 * gap / len(present))
    return [step * (present.index(series) - (len(present) - 1) / 2) for _, series in places]


def _levels(marks: Sequence[Mark], levels: Sequence[Level]) -> tuple[list[Level], list[Level]]:
    """Those near enough to be drawn without pressing the points together, and the others."""
    low, high = _ends([mark.y for mark in marks], 0.0)
    reach = FARTHEST_LINE * (high - low)
    inside = [level for level in levels if low - reach <= level.y <= high + reach]
    return inside, [level for level in levels if level not in inside]


def _heights(marks: Sequence[Mark], levels: Sequence[Level]) -> tuple[float, float]:
    """Ends of the upright axis: of points and lines, and of whiskers as far as they don't press the points together."""
    low, high = _ends([mark.y for mark in marks] + [level.y for level in levels], 0.09)
    most = high - low
    lows = [mark.low for mark in marks if mark.low is not None]
    highs = [mark.high for mark in marks if mark.high is not None]
    return max(min([low, *lows]), low - most), min(max([high, *highs]), high + most)


def _ends(values: Sequence[float], margin: float) -> tuple[float, float]:
    low, high = min(values), max(values)
    if math.isclose(low, high):
        reach = 0.1 * abs(high) or 1.0
        return low - reach, high + reach
    return low - margin * (high - low), high + margin * (high - low)


def _tall(rows: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Percent of the height in the units of the plot."""
    return [(value, y * HEIGHT / 100) for value, y in rows]


def _spoken(marks: Sequence[Mark], front: Sequence[int]) -> str:
    named = "; ".join(f"{marks[index].label} {formatted(marks[index].y)} at {marks[index].x:g}" for index in front)
    return f"Scatter chart of {len(marks)} configurations. On the front, from cheap to dear: {named}"

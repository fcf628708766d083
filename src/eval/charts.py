"""Charts as inline SVG: no library, no network, colours from the page's own style sheet.

A chart is a plot stretched to whatever width the page has, with its labels as ordinary text around
it, so that letters keep their size on a telephone. Strokes do not scale with the plot.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 1000.0, 200.0
"""Units of a plot's own coordinates."""


@dataclass(frozen=True, eq=False)
class Line:
    """One curve of a chart: a name for the legend, a CSS class for its colour, (T,) values."""

    name: str
    style: str
    values: NDArray[np.floating]


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round values inside low .. high, at most `most` of them, a step of 1, 2 or 5 apart."""
    if not high > low:
        return [low]
    for exponent in range(math.floor(math.log10((high - low) / most)) - 1, 300):
        for step in (1, 2, 5):
            width = step * 10.0**exponent
            first, last = math.ceil(low / width - 1e-9), math.floor(high / width + 1e-9)
            if last - first < most:
                return [round(index * width, 12) for index in range(first, last + 1)]
    raise AssertionError("unreachable: some power of ten is wide enough")


def stretches(marks: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and one past the last of each run of marked frames."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], marks.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def time_chart(
    lines: Sequence[Line],
    envelope: NDArray[np.floating],
    fps: float,
    unit: str,
    label: str,
    *,
    unseen: NDArray[np.bool_] | None = None,
) -> str:
    """Curves over time, the loudness of the sound as a shape behind them.

    Args:
        lines: all on the grid i / fps from 0; they may differ in length.
        envelope: (T,) loudness, any scale.
        fps: frames per second.
        unit: of the vertical axis.
        label: what the picture shows, for those who can't see it.
        unseen: (T,) frames that don't count, shaded; None for none.
    """
    num_frames = max([len(line.values) for line in lines] + [len(envelope), 2])
    seconds = (num_frames - 1) / fps
    high = max([float(line.values.max()) for line in lines if len(line.values)] + [1e-6]) * 1.08
    low = min([float(line.values.min()) for line in lines if len(line.values)] + [0.0])
    scale = WIDTH / (num_frames - 1)

    def points(values: NDArray[np.floating]) -> str:
        heights = HEIGHT * (1 - (np.asarray(values, float) - low) / (high - low))
        return " ".join(f"{index * scale:.1f},{height:.1f}" for index, height in enumerate(heights))

    loudest = float(envelope.max()) if len(envelope) and envelope.max() > 0 else 1.0
    middle, reach = HEIGHT / 2, HEIGHT * 0.46
    upper = [f"{i * scale:.1f},{middle - reach * float(v) / loudest:.1f}" for i, v in enumerate(envelope)]
    lower = [f"{i * scale:.1f},{middle + reach * float(v) / loudest:.1f}" for i, v in enumerate(envelope)]
    shape = f'<polygon class="envelope" points="{" ".join(upper + lower[::-1])}"/>' if len(envelope) else ""
    shape += "".join(
        f'<rect class="unseen" x="{max(start - 0.5, 0) * scale:.1f}" y="0" '
        f'width="{(min(stop - 0.5, num_frames - 1) - max(start - 0.5, 0)) * scale:.1f}" height="{HEIGHT:g}"/>'
        for start, stop in (stretches(unseen) if unseen is not None else ())
    )
    curves = "".join(f'<polyline class="line {line.style}" points="{points(line.values)}"/>' for line in lines)
    rows = [(value, 100 * (1 - (value - low) / (high - low))) for value in ticks(low, high, 5)]
    columns = [(value, 100 * value / seconds) for value in ticks(0.0, seconds, 9)]
    return _plot(shape + curves, rows, columns, unit, "s", label)


def line_chart(lines: Sequence[Line], places: Sequence[float], units: tuple[str, str], label: str) -> str:
    """Curves over any quantity, with an upright line at its zero.

    Args:
        lines: (N,) each.
        places: (N,) ascending, where the values are.
        units: of the vertical and of the horizontal axis.
        label: what the picture shows, for those who can't see it.
    """
    values = np.concatenate([line.values for line in lines])
    low, high = float(values.min()), float(values.max())
    margin = 0.06 * (high - low) or 1.0
    low, high = low - margin, high + margin

    def across(place: float) -> float:
        return (place - places[0]) / (places[-1] - places[0])

    def height(value: float) -> float:
        return 1 - (value - low) / (high - low)

    zero = f"{WIDTH * across(0.0):.1f}"
    drawn = f'<line class="mark mark3" x1="{zero}" x2="{zero}" y1="0" y2="{HEIGHT:g}"/>'
    drawn = drawn if places[0] <= 0 <= places[-1] else ""
    for line in lines:
        points = zip(places, line.values.tolist(), strict=True)
        corners = " ".join(f"{WIDTH * across(place):.1f},{HEIGHT * height(value):.1f}" for place, value in points)
        drawn += f'<polyline class="line {escape(line.style)}" points="{corners}"/>'
    rows = [(value, 100 * height(value)) for value in ticks(low, high, 5)]
    columns = [(value, 100 * across(value)) for value in ticks(places[0], places[-1], 9)]
    return _plot(drawn, rows, columns, *units, label)


def histogram_chart(
    edges: Sequence[float],
    counts: Sequence[int],
    marks: Sequence[tuple[str, float]],
    unit: str,
    label: str,
    *,
    counted: str = "frames",
    pale: Sequence[int] = (),
) -> str:
    """Bars of counts over a quantity, with marked places.

    Args:
        edges: (N + 1,) ascending.
        counts: (N,).
        marks: name and place of upright lines; the chart reaches to the last of them.
        unit: of the quantity.
        label: what the picture shows, for those who can't see it.
        counted: what the bars count.
        pale: (N,) further counts, drawn lighter above the others; empty for none.
    """
    low = min([edges[0], *(place for _, place in marks)])
    high = max([edges[-1], *(place for _, place in marks)])
    margin = 0.04 * (high - low) or 1.0
    low, high = (max(low - margin, 0.0) if low >= 0 else low - margin), high + margin
    pale = pale or [0] * len(counts)
    most = max(max(count + more for count, more in zip(counts, pale, strict=True)), 1)

    def across(value: float) -> float:
        return (value - low) / (high - low)

    def bar(style: str, start: float, end: float, bottom: int, count: int) -> str:
        return (
            f'<rect class="{style}" x="{WIDTH * across(start):.1f}" '
            f'y="{HEIGHT * (1 - (bottom + count) / most / 1.15):.1f}" '
            f'width="{max(WIDTH * (across(end) - across(start)) - 1.5, 3.0):.1f}" '
            f'height="{HEIGHT * count / most / 1.15:.1f}"/>'
        )

    bars = "".join(
        (bar("bar", start, end, 0, count) if count else "") + (bar("bar pale", start, end, count, more) if more else "")
        for start, end, count, more in zip(edges, edges[1:], counts, pale, strict=False)
    )
    lines = "".join(
        f'<line class="mark mark{number}" x1="{WIDTH * across(place):.1f}" x2="{WIDTH * across(place):.1f}" '
        f'y1="0" y2="{HEIGHT}"/>'
        for number, (_, place) in enumerate(marks)
    )
    rows = [(value, 100 * (1 - value / most / 1.15)) for value in ticks(0.0, most, 4)]
    columns = [(value, 100 * across(value)) for value in ticks(low, high, 9)]
    return _plot(bars + lines, rows, columns, counted, unit, label)


def _plot(
    drawing: str,
    rows: Sequence[tuple[float, float]],
    columns: Sequence[tuple[float, float]],
    row_unit: str,
    column_unit: str,
    label: str,
) -> str:
    """The frame that all charts share: grid, drawing, tick labels in percent of the plot, units at the axes."""
    heights = [y * HEIGHT / 100 for _, y in rows]
    grid = "".join(f'<line class="grid" x1="0" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>' for y in heights)
    left = "".join(f'<span style="top:{y:.2f}%">{_number(value)}</span>' for value, y in rows)
    # On a narrow page every second label gives way.
    bottom = "".join(
        f'<span style="left:{x:.2f}%"{" class=minor" if number % 2 else ""}>{_number(value)}</span>'
        for number, (value, x) in enumerate(columns)
    )
    return (
        '<div class="chart">'
        f'<div class="unit">{escape(row_unit)}</div>'
        f'<div class="rows" aria-hidden="true">{left}</div>'
        '<div class="plot">'
        f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" preserveAspectRatio="none" role="img" aria-label="{escape(label)}">'
        f"{grid}{drawing}</svg></div>"
        f'<div class="columns" aria-hidden="true">{bottom}</div>'
        f'<div class="unit end">{escape(column_unit)}</div>'
        "</div>"
    )


def _number(value: float) -> str:
    return f"{value:g}"

"""Values with their intervals below each other on one axis: which is above which, and is the difference real.

A table whose middle column is drawn, so that names and values are ordinary text of any length and a reader of
screens reads name and value. A shaded band runs through all rows at the interval of the rows that are compared with.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from src.eval.charts import ticks
from src.eval.tables import Interval, cell_html

MARGIN = 0.03
"""Of the axis, left free beyond the outermost values."""


@dataclass(frozen=True)
class IntervalRow:
    """One value of an interval chart.

    Attributes:
        label: names it.
        value: the number; None leaves the row empty but for a dash.
        low, high: ends of its interval; None for a dot alone.
        style: CSS class of its colour: `model`, `ceiling` or `control`.
        note: small, under the label.
        apart: a further number with its interval, such as a difference; None for none.
        reason: why the value or the interval is missing; shown on hovering.
    """

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    style: str = "control"
    note: str = ""
    apart: Interval | None = None
    reason: str = ""


def axis_of(rows: Sequence[IntervalRow], including: Sequence[float] = ()) -> tuple[float, float]:
    """Ends of an axis that every value, every interval and `including` fit on, with a margin."""
    numbers = [*including, *(n for row in rows for n in (row.value, row.low, row.high) if n is not None)]
    if not numbers:
        return 0.0, 1.0
    low, high = min(numbers), max(numbers)
    margin = MARGIN * (high - low) or max(abs(high), 1.0) * MARGIN
    return low - margin, high + margin


def interval_chart(
    rows: Sequence[IntervalRow],
    *,
    quantity: str,
    unit: str,
    decimals: int,
    including: Sequence[float],
    band: IntervalRow | None,
    apart: str = "",
) -> str:
    """The rows as a drawing, in their order.

    Args:
        rows: from top to bottom.
        quantity: what the values are, in words: head of the column of values.
        unit: of the values; may be empty.
        decimals: of the values in text.
        including: places that the axis has to show, such as 0.
        band: the row whose interval is shaded through all rows; None for no band.
        apart: head of the column of the further numbers; empty for no such column.
    """
    low, high = axis_of(rows, including)

    def across(value: float) -> float:
        return 100.0 * (value - low) / (high - low)

    places = ticks(low, high, 7)
    grid = "".join(
        f'<i class="tick{" zero" if place == 0 else ""}" style="left:{across(place):.2f}%"></i>' for place in places
    )
    if band is not None and band.low is not None and band.high is not None:
        grid += _span("band", across(band.low), across(band.high))
    body = "".join(
        f'<tr class="{escape(row.style)}"><th scope="row">{escape(row.label)}'
        f"{f'<small>{escape(row.note)}</small>' if row.note else ''}</th>"
        f'<td class="track" aria-hidden="true">{grid}{_marks(row, across)}</td>'
        f'<td class="number">{cell_html(Interval(row.value, row.low, row.high, row.reason, decimals))}</td>'
        f"{_apart(row) if apart else ''}</tr>"
        for row in rows
    )
    axis = "".join(
        f'<span style="left:{across(place):.2f}%"{" class=minor" if number % 2 else ""}>{_tick(place)}</span>'
        for number, place in enumerate(places)
    )
    return (
        f'<table class="forest"><thead><tr><td></td><td></td><th scope="col">{escape(quantity)}'
        f"{f'<small>{escape(unit)}</small>' if unit else ''}</th>"
        f"{f'<th scope=col>{escape(apart)}</th>' if apart else ''}</tr></thead><tbody>{body}</tbody>"
        f'<tfoot aria-hidden="true"><tr><td></td><td class="axis">{axis}</td><td></td></tr></tfoot></table>'
    )


def _apart(row: IntervalRow) -> str:
    return f'<td class="number">{cell_html(row.apart) if row.apart else ""}</td>'


def _marks(row: IntervalRow, across: Callable[[float], float]) -> str:
    """The interval as a line, the value as a dot on it."""
    if row.value is None:
        return ""
    dot = f'<i class="dot" style="left:{across(row.value):.2f}%"></i>'
    if row.low is None or row.high is None:
        return dot
    return _span("whisker", across(row.low), across(row.high)) + dot


def _span(style: str, start: float, end: float) -> str:
    return f'<i class="{style}" style="left:{start:.2f}%;width:{end - start:.2f}%"></i>'


def _tick(value: float) -> str:
    return f"{value:g}".replace("-", "\u2212")

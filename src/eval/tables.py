"""Tables of pages: rows of words, numbers and numbers with intervals. Plain data in, HTML out, all text escaped."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

import numpy as np

MOST_OPEN_ROWS = 30
"""Tables with more rows scroll inside a box of their own, under their heads."""


@dataclass(frozen=True)
class Flag:
    """A word in a table that catches the eye where it is bad; `hint` is shown on hovering."""

    text: str
    is_bad: bool
    hint: str = ""


@dataclass(frozen=True)
class Interval:
    """A number in a table with its 95 % interval beneath.

    Attributes:
        value: the number; None is a dash.
        low, high: ends of the interval; None for none.
        reason: why the value or the interval is missing, shown on hovering.
        decimals: of all three, so that a column can share them; None for three significant digits of the value.
    """

    value: float | None
    low: float | None
    high: float | None
    reason: str = ""
    decimals: int | None = None


@dataclass(frozen=True)
class Head:
    """The head of a column of figures.

    Attributes:
        text: name of the figure.
        better: where good figures lie: `higher`, `lower`, `truth` (like the true motion's), or empty for nowhere.
        unit: in small type; may be empty.
    """

    text: str
    better: Literal["higher", "lower", "truth", ""] = ""
    unit: str = ""


BETTER = {"higher": ("\u2191", "higher is better"), "lower": ("\u2193", "lower is better"),
          "truth": ("\u2248", "best where the truth is")}  # fmt: skip
"""Sign and words of where good figures lie."""

Cell = str | float | int | None | Flag | Interval


@dataclass(frozen=True)
class Table:
    """Rows of cells under a heading; the first column names the row.

    Attributes:
        title, note: above it.
        columns: their heads.
        rows: their cells; None is a dash.
        prose: which columns hold running text, which is aligned left and wrapped.
        search: what to call a field that filters the rows; empty for none.
        marked: which rows are set off from the others.
    """

    title: str
    columns: Sequence[str | Head]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    prose: Collection[int] = ()
    search: str = ""
    marked: Collection[int] = ()


def formatted(value: float | int | str | None, unit: str = "") -> str:
    """A value for readers; a dash for None.

    Milliseconds have one decimal, everything else three significant digits and at most three decimals.
    """
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\u202f")
    size = int(np.floor(np.log10(abs(value)))) if value else 0
    return written(value, 1 if unit == "ms" or size == 2 else min(max(2 - size, 0), 3))


def written(value: float, decimals: int) -> str:
    """A number with so many decimals, a real minus sign, and no sign at a zero."""
    text = f"{value:.{decimals}f}"
    is_zero = not any(digit in text for digit in "123456789")
    return text.lstrip("-") if is_zero else text.replace("-", "\u2212")


def table_html(table: Table) -> str:
    """The table as a section of a page."""
    kinds = ["prose" if index in table.prose else "number" for index in range(len(table.columns))]
    head = "".join(
        f'<th scope="col" class="{kind}">{_head(column)}</th>'
        for kind, column in zip(kinds, table.columns, strict=True)
    )
    rows = "".join(
        f"<tr{' class=marked' if number in table.marked else ''}>"
        f'<th scope="row">{cell_html(row[0])}</th>'
        + "".join(f'<td class="{kind}">{cell_html(cell)}</td>' for kind, cell in zip(kinds[1:], row[1:], strict=True))
        + "</tr>"
        for number, row in enumerate(table.rows)
    )
    wide = " wide" if len(table.columns) > 6 else ""
    wide += " long" if len(table.rows) > MOST_OPEN_ROWS else ""
    label = escape(table.search)
    search = f'<input type="search" placeholder="{label}" aria-label="{label}"/><output aria-live="polite"></output>'
    search = f'<p class="search">{search}</p>' if label else ""
    return (
        f'<section><h2>{escape(table.title)}</h2>{note_html(table.note)}{search}<div class="scroll{wide}" tabindex="0" '
        f'role="region" aria-label="{escape(table.title)}"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody>'
        "</table></div></section>"
    )


def cell_html(cell: Cell) -> str:
    """What stands inside a cell."""
    if isinstance(cell, Flag):
        hint = f' title="{escape(cell.hint)}"' if cell.hint else ""
        return f'<span class="flag {"bad" if cell.is_bad else "good"}"{hint}>{escape(cell.text)}</span>'
    return _interval(cell) if isinstance(cell, Interval) else escape(formatted(cell))


def _interval(cell: Interval) -> str:
    hint = f' title="{escape(cell.reason)}"' if cell.reason else ""
    if cell.value is None:
        return f'<span class="interval"{hint}>{formatted(None)}</span>'
    if cell.decimals is None:
        text = formatted(float(cell.value))
        decimals = len(text.partition(".")[2])
    else:
        text, decimals = written(cell.value, cell.decimals), cell.decimals
    if cell.low is None or cell.high is None:
        return f'<span class="interval"{hint}>{text}</span>'
    ends = f"{written(cell.low, decimals)} \u2026 {written(cell.high, decimals)}"
    return f'<span class="interval"{hint}>{text}<small>{ends}</small></span>'


def _head(column: str | Head) -> str:
    if isinstance(column, str):
        return escape(column)
    sign, words = BETTER.get(column.better, ("", ""))
    better = f' <abbr title="{words}"><span aria-hidden="true">{sign}</span><i>{words}</i></abbr>' if sign else ""
    return escape(column.text) + better + (f"<small>{escape(column.unit)}</small>" if column.unit else "")


def note_html(note: str) -> str:
    """A paragraph under a heading, or nothing."""
    return f"<p>{escape(note)}</p>" if note else ""

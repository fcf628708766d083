"""Tables as Markdown, for those who read a page as text. Whatever stands in a cell, it stays in it."""

from collections.abc import Sequence
from html import escape

from src.eval.tables import Cell, Flag, Head, Interval, Table, formatted, written


def markdown(tables: Sequence[Table], title: str, paragraphs: Sequence[str]) -> str:
    """Tables below each other as Markdown.

    Args:
        tables: as they are on the page.
        title: above all.
        paragraphs: between title and tables, already Markdown.
    """
    parts = [f"# {_plain(title)}", *paragraphs]
    for table in tables:
        heads = [_head_text(column) for column in table.columns]
        lines = [heads, ["---"] * len(heads), *([cell_text(cell) for cell in row] for row in table.rows)]
        body = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        parts += [f"## {_plain(table.title)}", *([_plain(table.note)] if table.note else []), body]
    return "\n\n".join(parts) + "\n"


def cell_text(cell: Cell) -> str:
    """A cell of a table; an interval stands in brackets behind its number."""
    if isinstance(cell, Flag):
        return _plain(cell.text)
    if not isinstance(cell, Interval):
        return _plain(formatted(cell))
    if cell.value is None or cell.decimals is None:
        return formatted(cell.value)
    text = written(cell.value, cell.decimals)
    if cell.low is None or cell.high is None:
        return text
    return f"{text} [{written(cell.low, cell.decimals)}, {written(cell.high, cell.decimals)}]"


def _head_text(column: str | Head) -> str:
    if isinstance(column, str):
        return _plain(column)
    return _plain(f"{column.text} ({column.unit})" if column.unit else column.text)


def _plain(text: str) -> str:
    """A text that Markdown leaves alone: on one line, no column ends, no tags, no code."""
    for sign in ("\\", "|", "`", "*", "_", "[", "]"):
        text = text.replace(sign, f"\\{sign}")
    return escape(" ".join(text.split()), quote=False)

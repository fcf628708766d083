"""Cells and heads say what they know, say why they don't know the rest, and trust no text."""

import pytest

from src.eval.tables import MOST_OPEN_ROWS, Cell, Head, Interval, Table, table_html
from tests.eval.test_report import EVIL, Reader


def cell_text(cell: Cell) -> str:
    html = table_html(Table("Table", ["row", "figure"], [["row", cell]]))
    return html.partition('<td class="number">')[2].partition("</td>")[0]


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(0.8123, 0.79, 0.83449), "0.812<small>0.790 … 0.834</small>"),
        (Interval(-4.25, -12.0, 3.0), "−4.25<small>−12.00 … 3.00</small>"),
        (Interval(0.00045, 0.0004, 0.0005, decimals=5), "0.00045<small>0.00040 … 0.00050</small>"),
        (Interval(120.0, -0.04, 250.0), "120.0<small>0.0 … 250.0</small>"),
    ],
)
def test_an_interval_stands_below_its_value_with_as_many_decimals(interval: Interval, text: str) -> None:
    assert cell_text(interval) == f'<span class="interval">{text}</span>'


def test_a_missing_value_is_a_dash_with_its_reason() -> None:
    assert cell_text(Interval(None, None, None, "no landmarks")) == (
        '<span class="interval" title="no landmarks">–</span>'
    )


def test_a_value_without_an_interval_says_why() -> None:
    cell = Interval(0.5, None, None, "one speaker has no spread")
    assert cell_text(cell) == '<span class="interval" title="one speaker has no spread">0.500</span>'


def test_a_head_says_in_words_which_direction_is_better() -> None:
    reader = Reader(table_html(Table("T", ["row", Head("Lip error", "lower", "of face size")], [])))
    assert [text for text in reader.text if text.strip()] == [
        "T", "row", "Lip error ", "\u2193", "lower is better", "of face size"
    ]  # fmt: skip
    assert any(attributes.get("aria-hidden") == "true" for _, attributes in reader.elements)
    assert "<abbr" not in table_html(Table("T", ["row", Head("clips")], []))


def test_reasons_and_heads_are_escaped() -> None:
    table = Table("T", [EVIL, Head(EVIL, "higher", EVIL)], [[EVIL, Interval(None, None, None, EVIL)]])
    elements = Reader(table_html(table)).elements
    assert not {"img", "script"} & {tag for tag, _ in elements}
    assert any(attributes.get("title") == EVIL for _, attributes in elements)


def test_marked_rows_are_set_off_and_long_tables_scroll_in_a_box() -> None:
    rows = [[f"row {number}", number] for number in range(MOST_OPEN_ROWS + 1)]
    html = table_html(Table("T", ["row", "n"], rows, marked=(1,)))
    assert '<tr class=marked><th scope="row">row 1</th>' in html
    assert html.count("marked") == 1
    assert 'class="scroll long"' in html
    assert "long" not in table_html(Table("T", ["row", "n"], rows[:-1]))

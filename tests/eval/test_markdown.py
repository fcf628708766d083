"""Markdown keeps cells in their columns, whatever stands in them."""

from src.eval.markdown import markdown
from src.eval.tables import Flag, Head, Interval, Table


def rows_of(text: str) -> list[list[str]]:
    """The cells of the only table in it."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.replace("\\|", "\0").strip("|").split("|")] for line in lines]


def test_a_table_can_be_read_back() -> None:
    table = Table(
        "Figures",
        ["name", Head("lip r", "higher", "95 %"), "count"],
        [["tcn", Interval(0.41234, 0.4, 0.42, "", 3), 1234], [Flag("control", is_bad=False), None, None]],
        "A note.",
    )
    text = markdown([table], "A title", ["A paragraph."])
    assert text.startswith("# A title\n\nA paragraph.\n\n## Figures\n\nA note.\n\n| name |")
    assert rows_of(text) == [
        ["name", "lip r (95 %)", "count"],
        ["---", "---", "---"],
        ["tcn", "0.412 [0.400, 0.420]", "1 234"],
        ["control", "\u2013", "\u2013"],
    ]


def test_hostile_cells_stay_in_their_cell() -> None:
    table = Table("T", ["a|b"], [["one | two\n# three <script>alert(1)</script> [x](javascript:1) `c`"]])
    text = markdown([table], "<b>", [])
    assert len(rows_of(text)) == 3
    assert all(len(row) == 1 for row in rows_of(text))
    assert "<script" not in text
    assert "<b>" not in text
    assert "\\[x\\](" in text
    assert "\n# three" not in text

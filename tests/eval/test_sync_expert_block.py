"""The expert's own figures and its curves are on the page, with the shifts at which they peak."""

from typing import Any

from src.eval.blocks import Chart, block_html
from src.eval.sync_expert_block import expert_blocks
from src.eval.tables import Flag, Table
from tests.eval.test_charts import points

ROWS = {"model": {"label": "Model"}, "truth": {"label": "Ground truth"}, "energy": {"label": "Energy"}}


def expert(**changes: Any) -> dict[str, Any]:
    return {
        "definition": "A network.",
        "doubt": "",
        "figures": [{"label": "Accuracy", "value": 0.9, "meaning": "of pairs"}],
        "shift_ms": [-80.0, -40.0, 0.0, 40.0],
        "curves": {"model": [None, 0.0, 0.1, 0.2], "truth": [0.0, 0.1, 0.5, 0.1], "energy": [0.0, 0.0, 0.0, 0.0]},
    } | changes


def test_the_accuracy_of_the_expert_stands_beside_its_curves() -> None:
    table, chart = expert_blocks(expert(), ROWS)
    assert isinstance(table, Table)
    assert table.rows == [["Accuracy", 0.9, "of pairs"]]
    assert isinstance(chart, Chart)
    assert chart.note.endswith("Peaks: Model +40 ms; Ground truth 0 ms.")
    assert list(chart.legend) == [("predicted", "Model"), ("reference", "Ground truth")]


def test_shifts_without_windows_are_left_out() -> None:
    chart = expert_blocks(expert(), ROWS)[1]
    assert isinstance(chart, Chart)
    assert points(chart.svg, "predicted").shape == (3, 2)
    empty = expert_blocks(expert(curves={"model": [None] * 4}), ROWS)[1]
    assert isinstance(empty, Chart)
    assert "too short" in empty.note
    assert "<svg" not in block_html(empty)


def test_an_expert_that_is_not_to_be_believed_says_so() -> None:
    table = expert_blocks(expert(doubt="it guesses", curves={}), ROWS)[0]
    assert isinstance(table, Table)
    assert table.rows[-1] == ["Doubt", Flag("yes", True), "it guesses"]
    assert len(expert_blocks(expert(curves={}), ROWS)) == 1

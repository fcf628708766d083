"""The expert's own figures and its curves are on the page, with the shifts at which they are lowest."""

from src.eval.blocks import Chart
from src.eval.sync_expert_block import expert_blocks
from src.eval.tables import Table

ROWS = {"model": {"label": "Model"}, "truth": {"label": "Ground truth"}}
EXPERT = {
    "definition": "A network.",
    "figures": [{"label": "Accuracy", "value": 0.9, "meaning": "of pairs"}],
    "shift_ms": [-40.0, 0.0, 40.0],
    "curves": {"model": [1.2, 1.1, 1.0], "truth": [1.2, 0.8, 1.2], "energy": [1.0, 1.0, 1.0]},
}


def test_the_accuracy_of_the_expert_stands_beside_its_curves() -> None:
    table, chart = expert_blocks(EXPERT, ROWS)
    assert isinstance(table, Table)
    assert table.rows == [["Accuracy", 0.9, "of pairs"]]
    assert isinstance(chart, Chart)
    assert chart.note.endswith("Nearest: Model +40 ms; Ground truth +0 ms.")
    assert list(chart.legend) == [("predicted", "Model"), ("reference", "Ground truth")]


def test_an_expert_without_curves_still_has_its_figures() -> None:
    assert len(expert_blocks(EXPERT | {"curves": {}}, ROWS)) == 1

"""The sync expert on a page: how good it is itself, and its score over shifts of the motion."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from src.eval.blocks import Block, Chart
from src.eval.charts import Line, line_chart
from src.eval.tables import Cell, Flag, Table, written

STYLES = {"model": "predicted", "truth": "reference", "shuffled": "shown"}
"""Rows whose shift curves are drawn, and their colours."""


def expert_blocks(expert: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]]) -> list[Block]:
    """How often it tells a shift right, and where its score peaks for the model and for the truth.

    Args:
        expert: `definition`; `doubt`, why not to believe it, empty for no reason; `figures`: `label`, `value` and
            `meaning` of each of its own; `shift_ms`: (N,), and `curves`: (N,) scores by id of a row, None where a shift
            has no window.
        rows: of the tables, for their labels.
    """
    figures: list[list[Cell]] = [[item["label"], item["value"], item["meaning"]] for item in expert["figures"]]
    if expert["doubt"]:
        figures.append(["Doubt", Flag("yes", True), expert["doubt"]])
    title, columns = "How good the sync expert is", ["figure", "value", "meaning"]
    blocks: list[Block] = [Table(title, columns, figures, expert["definition"], prose=(2,))]
    drawn = {name: expert["curves"][name] for name in STYLES if name in expert["curves"]}
    if drawn:
        blocks.append(_shift_chart(expert["shift_ms"], drawn, rows))
    return blocks


def _shift_chart(
    shifts_ms: Sequence[float], curves: Mapping[str, Sequence[float | None]], rows: Mapping[str, Mapping[str, Any]]
) -> Chart:
    values = {name: np.array([np.nan if one is None else one for one in curve]) for name, curve in curves.items()}
    known = np.isfinite(np.stack(list(values.values()))).all(axis=0)
    places = [shift for shift, is_known in zip(shifts_ms, known, strict=True) if is_known]
    lines = [Line(rows[name]["label"], STYLES[name], curve[known]) for name, curve in values.items()]
    legend = [(line.style, line.name) for line in lines]
    title, note = "Score of the sync expert over shifts", "All windows together."
    if len(places) < 2:
        return Chart(title, f"{note} No curve: the clips are too short to be shifted.", "", ())
    peaks = "; ".join(f"{line.name} {_signed(places[int(line.values.argmax())])} ms" for line in lines)
    return Chart(
        title,
        f"{note} A mouth in time with its sound scores highest at 0, one that ignores it nowhere; a peak on the right "
        f"is a mouth that is late. Peaks: {peaks}.",
        line_chart(lines, places, ("score", "ms"), title),
        legend,
    )


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + written(value, 0)

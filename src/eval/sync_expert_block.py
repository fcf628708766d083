"""The sync expert on a page: how good it is itself, and how far mouth and sound are apart for it over shifts."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from src.eval.blocks import Block, Chart
from src.eval.charts import Line, line_chart
from src.eval.tables import Cell, Table

STYLES = {"model": "predicted", "truth": "reference", "shuffled": "shown"}
"""Rows whose shift curves are drawn, and their colours."""


def expert_blocks(expert: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]]) -> list[Block]:
    """How often it tells a shift right, and at which shift mouth and sound are nearest, of the model and of the truth.

    Args:
        expert: `definition`; `figures`: name, value and meaning of each of its own; `shift_ms`: (N,), and `curves`:
            (N,) mean distances by id of a row.
        rows: of the tables, for their labels.
    """
    figures: list[list[Cell]] = [[item["label"], item["value"], item["meaning"]] for item in expert["figures"]]
    blocks: list[Block] = [
        Table("How good the sync expert is", ["figure", "value", "meaning"], figures, expert["definition"], prose=(2,))
    ]
    drawn = [name for name in STYLES if name in expert["curves"]]
    if drawn:
        blocks.append(_shift_chart(expert["shift_ms"], {name: expert["curves"][name] for name in drawn}, rows))
    return blocks


def _shift_chart(
    shifts_ms: Sequence[float], curves: Mapping[str, Sequence[float]], rows: Mapping[str, Mapping[str, Any]]
) -> Chart:
    lines = [Line(rows[name]["label"], STYLES[name], np.asarray(curve, float)) for name, curve in curves.items()]
    label = "Mean distance of mouth and sound over shifts"
    chart = line_chart(lines, shifts_ms, ("distance", "ms"), label)
    places = "; ".join(f"{line.name} {shifts_ms[int(line.values.argmin())]:+g} ms" for line in lines)
    return Chart(
        "Distance of mouth and sound over shifts",
        "As the sync expert sees it, all windows together. A mouth in time is nearest to its sound at 0, one that "
        f"ignores the sound nowhere; a dip on the right is a mouth that is late. Nearest: {places}.".replace(
            "-", "\u2212"
        ),
        chart,
        [(line.style, line.name) for line in lines],
    )

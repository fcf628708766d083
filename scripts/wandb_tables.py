"""Evaluations and leaderboards as Weights & Biases shows them: tables, pictures and a plot, by the names of panels.

Part of `scripts.tracking`, `scripts.sweep_tracking` and `scripts.live_tracking`. What would name a person or a clip is
left out: the slice by speaker, the list of clips, and the names of those that are drawn.
"""

import csv
import logging
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

from src.eval.cases import Case
from src.eval.clip_curves import LONGEST_S, ClipCurves
from src.eval.leaderboard import Leaderboard, Row, pareto_front

if TYPE_CHECKING:
    from wandb import Html, Image, Table
    from wandb.plot import CustomChart

    from scripts.evaluate import Evaluation

logger = logging.getLogger(__name__)

EVALUATION_TABLE, EVALUATION_FIGURES = "evaluation/table", "evaluation/figures"
EVALUATION_SLICES, EVALUATION_CURVES = "evaluation/slices", "evaluation/curves"
LIVE_TABLE, LIVE_FIGURES, LIVE_LATENCY = "live/table", "live/figures", "live/latency"
SWEEP_LEADERBOARD, SWEEP_PARETO, SWEEP_PAGE = "sweep/leaderboard", "sweep/pareto", "sweep/page"

MAIN = ("pearson_r", "ccc", "std_ratio", "lip_mae", "lag", "closure_recall", "peak_f1", "jitter")
"""Figures of the wide table; the long one has all."""

PARETO_AXES = ("latency_ms", "objective")
"""Columns of the Pareto plot."""

_AT_HOME = ("speaker",)
"""Slices whose groups are people."""

_ESTIMATE = ("value", "low", "high", "clips", "speakers")


def evaluation_media(evaluation: "Evaluation") -> dict[str, Any]:
    """What a run logs of the evaluation of its best checkpoint.

    Args:
        evaluation: of `scripts.evaluate`.
    """
    record = evaluation.record
    pictures = _curves(record, evaluation.curves, evaluation.cases)
    return {
        EVALUATION_TABLE: _wide(record),
        EVALUATION_FIGURES: _figures(record),
        EVALUATION_SLICES: _slices(record),
        **({EVALUATION_CURVES: pictures} if pictures else {}),
    }


def evaluation_summary(record: Mapping[str, Any]) -> dict[str, float]:
    """Lip r, and by how much it is above that of `energy`, with the ends of their intervals; those that are known."""
    found = {"lip_r": record["rows"]["model"]["figures"]["pearson_r"]}
    if "energy" in record["differences"]:
        found["lip_r_over_energy"] = record["differences"]["energy"]["pearson_r"]
    ends = {"": "value", "_low": "low", "_high": "high"}
    return {
        f"evaluation/{name}{suffix}": figure[key]
        for name, figure in found.items()
        for suffix, key in ends.items()
        if figure[key] is not None
    }


def live_media(record: Mapping[str, Any]) -> dict[str, Any]:
    """What a run logs of an evaluation of the live engine: rows beside their controls, and the latency's distribution.

    Args:
        record: of `scripts.realtime_eval`.
    """
    import wandb

    edges, counts = record["latency_bars"]["edges_ms"], record["latency_bars"]["counts"]
    bars = [[start, end, count] for start, end, count in zip(edges[:-1], edges[1:], counts, strict=True)]
    tables = {LIVE_TABLE: _wide(record), LIVE_FIGURES: _figures(record)} if record["rows"] else {}
    return {**tables, LIVE_LATENCY: wandb.Table(columns=["from_ms", "to_ms", "frames"], data=bars)}


def leaderboard_table(text: str) -> "Table":
    """`leaderboard.csv` as a table; columns of numbers are numbers.

    Args:
        text: of the file.
    """
    import wandb

    names, *rows = csv.reader(StringIO(text))
    columns = [_typed(column) for column in zip(*rows, strict=True)]
    return wandb.Table(columns=names, data=[list(row) for row in zip(*columns, strict=True)])


def pareto_plot(board: Leaderboard) -> "CustomChart":
    """Quality against algorithmic latency, a point per configuration; the table behind it says which none beats.

    Args:
        board: of the sweep; controls are points as well.
    """
    import wandb

    front = pareto_front(board.rows, _latency, board.objective)
    x, y = PARETO_AXES
    table = wandb.Table(
        columns=["configuration", "kind", x, y, "cpu_ms_per_frame", "num_parameters", "unbeaten"],
        data=[
            [row.label, "control" if row.is_control else "model", row.latency_ms, row.mean, row.cpu_ms,
             row.num_parameters, row in front]
            for row in (*board.rows, *board.controls)
            if row.latency_ms is not None
        ],
    )  # fmt: skip
    title = f"{board.objective.metric} against algorithmic latency (ms)"
    chart: CustomChart = wandb.plot.scatter(table, x, y, title)
    return chart


def page(html: str) -> "Html":
    """One of our pages as it is, with nothing of W&B's put into it."""
    import wandb

    return wandb.Html(html, inject=False)


def _wide(record: Mapping[str, Any]) -> "Table":
    """A row per row of the evaluation."""
    import wandb

    names = [name for name in MAIN if name in record["metrics"]]
    columns = ["row", "kind", *(f"{name}{end}" for name in names for end in ("", "_low", "_high"))]
    data = [
        [row["label"], row["kind"]] + [row["figures"][name][key] for name in names for key in ("value", "low", "high")]
        for row in record["rows"].values()
    ]
    return wandb.Table(columns=columns, data=data)


def _figures(record: Mapping[str, Any]) -> "Table":
    """A row per figure of every row."""
    import wandb

    data = [
        [row["label"], *_cells(record, name, figure)]
        for row in record["rows"].values()
        for name, figure in row["figures"].items()
    ]
    return wandb.Table(columns=["row", "metric", *_ESTIMATE, "unit"], data=data)


def _slices(record: Mapping[str, Any]) -> "Table":
    """A row per figure of every group of the model's clips or frames."""
    import wandb

    data = [
        [part["label"], group["label"], *_cells(record, name, figure)]
        for slice_name, part in record["slices"].items()
        if slice_name not in _AT_HOME
        for group in part["groups"].values()
        for name, figure in group["figures"].items()
    ]
    return wandb.Table(columns=["slice", "group", "metric", *_ESTIMATE, "unit"], data=data)


def _cells(record: Mapping[str, Any], name: str, figure: Mapping[str, Any]) -> list[Any]:
    return [name, *(figure[key] for key in _ESTIMATE), record["metrics"][name]["unit"]]


def _curves(record: Mapping[str, Any], curves: Sequence[ClipCurves], cases: Sequence[Case]) -> "list[Image]":
    """Predicted and true mouth over the sound, nobody named; empty, with a warning, without matplotlib."""
    import wandb

    try:
        from src.eval.lip_chart import lip_chart
    except ModuleNotFoundError as error:
        logger.warning("No pictures of curves: %s is missing. Install it: `pip install -e '.[data]'`.", error.name)
        return []
    case_of = {case.clip_id: case for case in cases}
    r_of = {clip["clip_id"]: clip["figures"]["pearson_r"] for clip in record["clips"]}
    pictures = []
    for item in curves:
        case, frames = case_of[item.clip_id], int(LONGEST_S * item.fps)
        caption = f"{item.place}: lip r {r_of[item.clip_id]:.2f}, {case.seconds:.1f} s"
        picture = lip_chart(
            item.predicted[:frames],
            item.reference[:frames],
            item.seen[:frames],
            case.waveform[: int(LONGEST_S * case.sample_rate_hz)],
            fps=item.fps,
            sample_rate_hz=case.sample_rate_hz,
            unit=item.unit,
            title=caption,
        )
        pictures.append(wandb.Image(picture, caption=caption))
    return pictures


def _typed(column: Sequence[str]) -> list[str | float | None]:
    try:
        return [float(value) if value else None for value in column]
    except ValueError:
        return [value or None for value in column]


def _latency(row: Row) -> float | None:
    return row.latency_ms

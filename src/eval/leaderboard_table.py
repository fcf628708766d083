"""The table of a leaderboard: for readers, and as CSV with full precision."""

import csv
import io
from collections.abc import Mapping

from src.eval.leaderboard import AxisValue, Entry, Leaderboard, Objective, Row
from src.eval.tables import Cell, Flag, Head, Interval, Table

MOST_OF_AN_ERROR = 400
"""Characters of the end of an error; the log of the trial has all."""

COLUMNS = {
    "objective": "What configurations are ranked by: of the best epoch of each trial, on validation clips. Mean over "
    "the seeds with Student's 95 % interval: where the mean of very many seeds lies. One seed gives no interval.",
    "seeds": "Trainings of this configuration that differ in nothing but the seed.",
    "over speakers": "Lip r of the best seed with a 95 % interval by bootstrap over speakers: what other speakers "
    "might say. Clips count by their frames.",
    "each speaker once": "Lip r as the mean over speakers, each counting once, where the figures by frames follow "
    "whoever spoke most. Mean over the seeds.",
    "movement": "Standard deviation of the predicted lips as a ratio of the true one; 1 is right, below 1 the mouth "
    "moves too little. Mean over the seeds.",
    "parameters": "Numbers that the network learned.",
    "CPU": "Computing time per motion frame of features and network on one core, median, mean over the seeds. A frame "
    "has 40 ms.",
    "latency": "Algorithmic latency: sound that is needed after the time of a motion frame before it can be computed, "
    "whatever the machine. Each frame of look-ahead costs 40 ms.",
    "epochs": "Until training ended. Mean over the seeds.",
    "seconds": "Of one training, on the machine of the sweep. Mean over the seeds.",
}
"""Meaning of each column."""


def leaderboard_table(board: Leaderboard, names: Mapping[str, str], winner: Row | None) -> Table:
    """All configurations, the best first, and below them the controls.

    Args:
        board: the leaderboard.
        names: of axes, for readers; others keep their own.
        winner: the configuration that `checkpoint=best` means; None for none.
    """
    columns: list[str | Head] = ["place", *(names.get(axis, axis) for axis in board.axes)]
    columns += [
        Head(board.objective.metric, "higher" if board.objective.mode == "max" else "lower", "95 %, over seeds"),
        Head("seeds"),
        Head("lip r", "higher", "95 %, over speakers"),
        Head("latency", "lower", "ms"),
        Head("CPU", "lower", "ms per frame"),
        Head("movement", "truth", "of the true one"),
        Head("lip r", "higher", "each speaker once"),
        "parameters",
        "epochs",
        Head("training", "", "s"),
    ]
    rows: list[list[Cell]] = [_cells(board, row, place) for place, row in enumerate(board.rows, 1)]
    rows += [_cells(board, row, _control(board, row)) for row in board.controls]
    note = (
        "Ranked on validation data, on which the epoch and the configuration were chosen: the first of many is partly "
        "the luckiest, so that test data will say less of it. Test figures come from "
        "scripts.evaluate of the named best alone, and rank nothing here."
    )
    marked = [number for number, row in enumerate(board.rows) if row is winner]
    search = "Filter configurations" if len(rows) > 12 else ""
    words = tuple(range(1, 1 + len(board.axes)))
    return Table("Leaderboard", columns, rows, note, words, search, marked)


def failure_table(board: Leaderboard) -> Table:
    """Trials that gave no figure, each with its reason."""
    rows: list[list[Cell]] = [
        [f"{entry.number} ({entry.trial[:8]})", _said(entry.axes), entry.seed, entry.state, _end_of(entry)]
        for entry in sorted((*board.failed, *board.pruned), key=lambda entry: (entry.state, entry.number))
    ]
    note = (
        "Failed trials did not stop the others. Pruned ones were stopped early, by plan. All that a trial said is in "
        "trials/<id>/train.log."
    )
    return Table("Without a figure", ["trial", "configuration", "seed", "state", "reason"], rows, note, (1, 4))


def definition_table(objective: Objective) -> Table:
    """What the columns of the leaderboard mean."""
    rows = [[objective.metric if name == "objective" else name, text] for name, text in COLUMNS.items()]
    return Table("What the columns mean", ["column", "meaning"], rows, prose=(1,))


def leaderboard_csv(board: Leaderboard, winner: Row | None) -> str:
    """All configurations and controls with full precision; an empty field is an unknown figure."""
    written_to = io.StringIO()
    records = [_record(board, row, place, row is winner) for place, row in enumerate(board.rows, 1)]
    records += [_record(board, row, None, False) for row in board.controls]
    names = list(dict.fromkeys(name for record in records for name in record)) or ["place"]
    table = csv.DictWriter(written_to, names, restval="", lineterminator="\n")
    table.writeheader()
    table.writerows(records)
    return written_to.getvalue()


def _cells(board: Leaderboard, row: Row, place: Cell) -> list[Cell]:
    speakers = row.over_speakers
    return [
        place,
        *(_axis_cell(row.axes.get(axis)) for axis in board.axes),
        Interval(row.value.value, row.value.low, row.value.high, row.value.reason, 3),
        len(row.entries),
        Interval(speakers.value, speakers.low, speakers.high, speakers.reason, 3),
        row.latency_ms,
        Interval(row.cpu_ms, None, None, "the network can't be exported", 2),
        Interval(row.figure("val/lip_std_ratio"), None, None, "", 2),
        Interval(row.figure("val/lip_r_of_speakers"), None, None, "", 3),
        row.num_parameters,
        None if row.epochs is None else round(row.epochs),
        None if row.seconds is None else round(row.seconds),
    ]


def _control(board: Leaderboard, row: Row) -> Flag:
    """What stands in place of a place: a control takes none."""
    is_told = any(row.axes.get(axis) is not None for axis in board.axes)
    return Flag("control" if is_told else row.label, is_bad=False, hint=f"{row.label}: a reference to compare with")


def _axis_cell(value: AxisValue) -> Cell:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else value if value is None else str(value)


def _record(board: Leaderboard, row: Row, place: int | None, is_winner: bool) -> dict[str, object]:
    return {
        "place": place,
        "kind": "control" if row.is_control else "model",
        "group": row.group,
        "label": row.label,
        **{f"axis.{axis}": row.axes.get(axis) for axis in board.axes},
        "metric": board.objective.metric,
        "value": row.value.value,
        "seeds_low": row.value.low,
        "seeds_high": row.value.high,
        "seeds": row.value.count,
        "best_seed_lip_r": row.over_speakers.value,
        "speakers_low": row.over_speakers.low,
        "speakers_high": row.over_speakers.high,
        "speakers": row.over_speakers.speakers,
        "clips": row.over_speakers.clips,
        "lip_r_of_speakers": row.figure("val/lip_r_of_speakers"),
        "lip_std_ratio": row.figure("val/lip_std_ratio"),
        "num_parameters": row.num_parameters,
        "cpu_ms_per_frame": row.cpu_ms,
        "latency_ms": row.latency_ms,
        "epochs": row.epochs,
        "training_seconds": row.seconds,
        "best_trial": row.best.trial,
        "best_seed": row.best.seed,
        "best_value": row.best.value,
        "checkpoint": row.best.checkpoint,
        "checkpoint_sha256": row.best.sha256,
        "is_best": int(is_winner),
    }


def _said(axes: Mapping[str, AxisValue]) -> str:
    return ", ".join(f"{name} {value}" for name, value in axes.items()) or "\u2013"


def _end_of(entry: Entry) -> str:
    """The last lines of an error, where the reason stands."""
    text = " \u00b7 ".join(line.strip() for line in entry.error.splitlines() if line.strip())
    return text if len(text) <= MOST_OF_AN_ERROR else "\u2026" + text[-MOST_OF_AN_ERROR:]

"""One table over the runs of a matrix: what was varied, and what came of it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from src.errors import DataError
from src.eval.blocks import Definition, Definitions
from src.eval.lip_sync import AV_OFFSET
from src.eval.live.drift import DRIFT, LONG_S
from src.eval.live.interruption import INTERRUPTION
from src.eval.live.page import SHOWN_R
from src.eval.live.silence import SILENCE_STABILITY
from src.eval.report import Page
from src.eval.run_page import LATENCY_DEFINITION
from src.eval.tables import Cell, Head, Table

Record = Mapping[str, Any]

FIGURES = (
    ("lip_r_offline", Head("Lip r", "higher", "offline")),
    ("av_offset_ms", Head("A/V offset", "", "ms")),
    ("drift_ms_per_hour", Head("Drift", "", "ms per hour")),
    ("interrupt_ms", Head("Interruption", "lower", "ms")),
    ("silence_stability", Head("At rest in silence", "higher")),
    ("latency_ms.p95", Head("Latency, 95 %", "lower", "ms")),
    ("first_frame_ms", Head("First picture", "lower", "ms")),
    ("fps", Head("Frame rate", "higher", "fps")),
    ("deadline_miss_rate", Head("Late", "lower", "of all")),
    ("stages_ms.render.p95", Head("Drawing, 95 %", "lower", "ms")),
    ("rss_mb_end", Head("Memory", "lower", "MiB")),
)


DEFINITIONS = Definitions(
    "What the figures mean",
    [
        *(
            Definition(metric.label, metric.unit, metric.definition, metric.source)
            for metric in (SHOWN_R, AV_OFFSET, DRIFT, INTERRUPTION, SILENCE_STABILITY)
        ),
        Definition("Latency", "ms", LATENCY_DEFINITION),
        Definition("Drawing", "ms", "Idle layer and renderer, per picture, on the machine's own clock."),
        Definition("Memory", "MiB", "Resident memory of the process after the last run of the engine."),
        Definition("Harness", "", "Whether clicks through the same engine, renderer and encoder were read as known."),
    ],
    f"Drift is left out below {LONG_S:g} s of speech.",
)


def read_runs(folder: Path, report: str, command: str) -> dict[str, dict[str, Any]]:
    """The records of a matrix, by the name of their folder; those that are there.

    Args:
        folder: of the matrix.
        report: name of a record in its folder.
        command: that made the matrix; what another command left in the folder is none of it.

    Raises:
        DataError: one is no JSON.
    """
    runs = {}
    for path in sorted(folder.glob(f"*/{report}"), key=lambda path: (len(path.parent.name), path.parent.name)):
        try:
            record = json.loads(path.read_text("utf-8"))
        except ValueError as error:
            raise DataError(f"{path}: no JSON ({error}). Delete its folder, or run it again.") from error
        if record["command"] == command:
            runs[path.parent.name] = record
    return runs


def varied(runs: Sequence[Record]) -> list[str]:
    """Keys of the command lines that differ between the runs, in the order in which they were given."""
    given = [dict(override.partition("=")[::2] for override in run["overrides"]) for run in runs]
    keys = dict.fromkeys(key for one in given for key in one)
    return [key for key in keys if len({one.get(key) for one in given}) > 1]


def matrix_page(runs: Mapping[str, Record]) -> Page:
    """The page over all runs that have ended.

    Args:
        runs: records by the name of their folder.
    """
    axes = varied(list(runs.values()))
    rows: list[list[Cell]] = []
    for name, run in runs.items():
        given = dict(override.partition("=")[::2] for override in run["overrides"])
        calibrated = run["calibration"]
        right = None if calibrated is None else "right" if calibrated["is_right"] else "wrong"
        rows.append([name, *(given.get(axis, "") for axis in axes), *(_at(run, key) for key, _ in FIGURES), right])
    heads: list[str | Head] = ["run", *axes, *(head for _, head in FIGURES), "harness"]
    clocks = sorted({run["clock"] for run in runs.values()})
    return Page(
        title="Live runs compared",
        summary=f"{len(runs)} runs in {' and '.join(clocks)} time; each has a page of its own, <run>/report.html.",
        headline=(),
        blocks=[Table("Runs", heads, rows, prose=range(1, len(axes) + 1))],
        definitions=DEFINITIONS,
        provenance=[("Command", command) for command in dict.fromkeys(run["command"] for run in runs.values())],
    )


def _at(record: Record, key: str) -> Any:
    if key == "drift_ms_per_hour" and record["drift"]["is_extrapolated"]:
        return None
    value: Any = record
    for part in key.split("."):
        value = None if value is None else value[part]
    return value

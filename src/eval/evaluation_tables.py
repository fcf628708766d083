"""What an evaluation found, as blocks of a page: every row against every metric, slices, and the worst clips.

All functions take the parts of the record that `scripts.evaluate` writes, whose form `src.eval.evaluation_page` says.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from src.eval.blocks import Chart
from src.eval.estimates import estimate
from src.eval.failures import FAULTS, faults_of
from src.eval.interval_chart import IntervalRow, interval_chart
from src.eval.metric_groups import MetricGroup, decimals_of, head_of, present_groups, unit_of
from src.eval.tables import Cell, Head, Interval, Table

LIP_R = "pearson_r"

MOST_CLIPS = 50
"""Rows of the table of worst clips; `metrics.json` has them all."""

MOST_BARS = 40
"""Rows of an interval chart of a slice; its table has them all."""

OF_MANY_UNITS = ("mae",)
"""Metrics whose values in one column have different units, so that they can't share their decimals."""

STYLES = (("model", "model"), ("ceiling", "ceiling"), ("control", "control"), ("band", "the model's interval"))

Record = Mapping[str, Any]


def ordered(rows: Mapping[str, Record]) -> list[tuple[str, Record]]:
    """Ceilings, the model, controls; each kind as it was measured."""
    kinds = ("ceiling", "model", "control")
    return sorted(rows.items(), key=lambda item: kinds.index(item[1]["kind"]))


def row_chart(rows: Mapping[str, Record], differences: Mapping[str, Mapping[str, Record]]) -> Chart:
    """Lip r of every row on one axis, controls from the best to the worst."""

    def place(item: tuple[str, Record]) -> tuple[int, float]:
        value = item[1]["figures"].get(LIP_R, {}).get("value")
        kind = ("ceiling", "model", "control").index(item[1]["kind"])
        return kind, 2.0 if value is None else -value

    drawn = []
    for name, row in sorted(rows.items(), key=place):
        apart = differences.get(name, {}).get(LIP_R)
        drawn.append(_interval_row(row["label"], row["figures"].get(LIP_R), row["kind"], "", apart))
    model = next((row for row in drawn if row.style == "model"), None)
    return Chart(
        "Lip correlation of the model and of what it has to beat",
        "Lines are 95 % intervals over speakers. On the right, how much higher the model is, paired clip by clip: an "
        "interval that leaves out 0 tells the two apart, also where their lines overlap.",
        interval_chart(
            drawn, quantity="Lip r", unit="", decimals=3, including=(0.0, 1.0), band=model, apart="Model above by"
        ),
        STYLES,
    )


def metric_tables(rows: Mapping[str, Record], metrics: Mapping[str, Record]) -> list[Table]:
    """Model, ceilings and controls by metric, a few tables of metrics that are read together."""
    measured = dict.fromkeys(metric for row in rows.values() for metric in row["figures"])
    return [_metric_table(group, rows, metrics) for group in present_groups(measured, metrics)]


def _metric_table(group: MetricGroup, rows: Mapping[str, Record], metrics: Mapping[str, Record]) -> Table:
    lines = ordered(rows)
    estimates = [
        [row["figures"].get(column.metric) for column in group.columns] + [row["figures"].get(LIP_R)]
        for _, row in lines
    ]
    cells = interval_cells([line[:-1] for line in estimates], [unit_of(column, metrics) for column in group.columns])
    table = [
        [row["label"], *own, _most(line, "clips")]
        for (_, row), own, line in zip(lines, cells, estimates, strict=True)
    ]  # fmt: skip
    heads: list[str | Head] = ["", *(head_of(column, metrics) for column in group.columns), "clips"]
    note = group.note
    if any(column.better == "truth" for column in group.columns):
        note += " \u2248: best is what the ground truth has."
    marked = [number for number, (_, row) in enumerate(lines) if row["kind"] == "model"]
    return Table(group.title, heads, table, note, marked=marked)


def slice_table(
    title: str, note: str, groups: Mapping[str, Record], metrics: Mapping[str, Record], *, of_lips: bool = True
) -> Table:
    """One row per channel, speaker, language or class of sounds.

    Args:
        title, note: of the table.
        groups: `figures` of each by its name; `label` where it has another.
        metrics: what they mean.
        of_lips: whether correlations are those of the lips.
    """
    measured = list(dict.fromkeys(metric for group in groups.values() for metric in group["figures"]))
    columns = [column for group in present_groups(measured, metrics) for column in group.columns]
    if not of_lips:
        columns = [replace(column, name="r") if column.metric == LIP_R else column for column in columns]
    estimates = [[group["figures"].get(column.metric) for column in columns] for group in groups.values()]
    counts = [(_most(line, "clips"), _most(line, "speakers")) for line in estimates]
    keep = 2 if any(speakers > 1 for _, speakers in counts) else 1
    cells = interval_cells(estimates, [unit_of(column, metrics) for column in columns])
    for place, column in enumerate(columns):
        if column.metric in OF_MANY_UNITS:
            for line in cells:
                line[place] = replace(line[place], decimals=None)
    rows = [
        [group.get("label", name), *own, *count[:keep]]
        for (name, group), own, count in zip(groups.items(), cells, counts, strict=True)
    ]
    heads: list[str | Head] = ["", *(head_of(column, metrics) for column in columns), *("clips", "speakers")[:keep]]
    return Table(title, heads, rows, note, search="Search" if len(rows) > 15 else "")


def speaker_chart(clips: Sequence[Record], model: Record) -> Chart:
    """Lip r of each speaker, the worst first, over the interval of the model."""
    of_speaker: dict[str, list[Record]] = {}
    for clip in clips:
        if clip["figures"].get(LIP_R) is not None:
            of_speaker.setdefault(clip["speaker"], []).append(clip)
    known = [(name, _within_speaker(own)) for name, own in of_speaker.items()]
    worst = sorted(known, key=lambda item: item[1]["value"])[:MOST_BARS]
    drawn = [_interval_row(name, figure, "control", _clips(figure["clips"])) for name, figure in worst]
    shown = f"The worst {len(drawn)} of {len(known)}." if len(known) > len(drawn) else "The worst first."
    return Chart(
        "Lip correlation by speaker",
        f"{shown} Lines are 95 % intervals over the speaker's own clips, drawn with replacement; the band is the "
        "interval of the whole over speakers.",
        interval_chart(
            drawn,
            quantity="Lip r",
            unit="",
            decimals=3,
            including=(0.0, 1.0),
            band=_interval_row("", model["figures"].get(LIP_R), "model", ""),
        ),
        (("control", "speaker"), ("band", "interval of all speakers")),
    )


def _within_speaker(clips: Sequence[Record]) -> Record:
    """The figure of one speaker, its interval over the clips."""
    names = [clip["clip_id"] for clip in clips]
    weights = [clip["frames"] for clip in clips]
    found = estimate([clip["figures"][LIP_R] for clip in clips], weights, names, draws=1000, seed=0)
    return {**found.to_dict(), "reason": "one clip" if len(clips) == 1 else ""}


def _clips(count: int) -> str:
    return f"{count} clip{'s' if count != 1 else ''}"


def worst_clips(clips: Sequence[Record]) -> Table:
    """Clips of the lowest lip r, with what is wrong where a figure tells."""
    known = [clip for clip in clips if clip["figures"].get(LIP_R) is not None]
    worst = sorted(known, key=lambda clip: clip["figures"][LIP_R])[:MOST_CLIPS]
    unknown = len(clips) - len(known)
    rows: list[list[Cell]] = [
        [
            clip["clip_id"],
            ", ".join(clip_faults(clip)),
            " ".join(part for part in (clip["speaker"], clip["language"] and f"({clip['language']})") if part),
            clip["figures"][LIP_R],
            clip.get("ceiling_r"),
            clip["figures"].get("lag"),
            clip["figures"].get("std_ratio"),
            f"{100 * clip['frames'] / max(clip['total_frames'], 1):.0f} %",
            clip["seconds"],
        ]
        for clip in worst
    ]
    note = f"The {len(worst)} of {len(clips)} clips with the lowest lip r. " if len(worst) < len(known) else ""
    note += "; ".join(f"{word.capitalize()}: {sentence}" for word, sentence in FAULTS.items()) + "."
    if unknown:
        note += f" {_clips(unknown)} without lip r: the true or the predicted mouth was still, or hardly seen."
    heads: list[str | Head] = [
        "clip",
        "what is wrong",
        "speaker",
        Head("Lip r", "higher"),
        Head("Noise ceiling", "", "lip r"),
        Head("Lag", "truth", "ms"),
        Head("Movement", "truth"),
        "seen",
        Head("Length", "", "s"),
    ]
    return Table("Worst clips", heads, rows, note, prose=(1, 2), search="Search a clip, a speaker, a fault")


def clip_faults(clip: Record) -> list[str]:
    """What is wrong with a clip, in words of `FAULTS`."""
    seen = clip["frames"] / max(clip["total_frames"], 1)
    return faults_of(clip["figures"], seen=seen, ceiling_r=clip.get("ceiling_r"))


def interval_cells(rows: Sequence[Sequence[Record | None]], units: Sequence[str]) -> list[list[Interval]]:
    """Estimates as cells; those of one column share their decimals. `units` are of the columns."""
    decimals = [
        decimals_of((one["value"] for one in column if one), unit)
        for column, unit in zip(zip(*rows, strict=True), units, strict=True)
    ]
    return [[_cell(one, places) for one, places in zip(row, decimals, strict=True)] for row in rows]


def _cell(estimate: Record | None, decimals: int) -> Interval:
    if estimate is None:
        return Interval(None, None, None, "not measured")
    reason = estimate["reason"]
    taken = f"{estimate['clips']} clips of {estimate['speakers']} speakers" if estimate["clips"] else ""
    hint = "; ".join(part for part in (reason, taken) if part)
    return Interval(estimate["value"], estimate["low"], estimate["high"], hint, decimals)


def _most(estimates: Iterable[Record | None], key: str) -> int:
    return max((one[key] for one in estimates if one), default=0)


def _interval_row(
    label: str, figure: Record | None, style: str, note: str, difference: Record | None = None
) -> IntervalRow:
    apart = _cell(difference, 3) if difference is not None else None
    if figure is None:
        return IntervalRow(label, None, style=style, note=note, apart=apart, reason="not measured")
    return IntervalRow(label, figure["value"], figure["low"], figure["high"], style, note, apart, figure["reason"])

"""The page of an evaluation, made from the record that `scripts.evaluate` writes as `metrics.json`.

The record holds, all optional but `rows`, `metrics` and `clips`:

* `rows`: by id `label`, `kind` (`model`, `ceiling`, `control`), `definition`, and `figures`: by metric an estimate with
  `value`, `low`, `high`, `clips`, `speakers`, `reason`.
* `differences`: by id of a row the estimates of model less that row, by metric.
* `metrics`: by id `label`, `unit`, `version`, `definition`, `source`, `pooling`, `better`.
* `slices`: by id `label`, `definition`, and `groups`: by name `figures` as those of a row.
* `clips`: of the model `clip_id`, `speaker`, `language`, `seconds`, `frames` (seen), `total_frames`, `ceiling_r`,
  and `figures`: numbers by metric.
* `sync_expert`: `definition`, `doubt`, `figures` of its own, and `shift_ms` with `curves`: scores by row.
* `absent`: `label` and `reason` of what was not measured.
* `notes`: sentences that belong to the figures.
* `checkpoint`, `data`, `seed`, `command`, `machine`: where it comes from.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from src.eval.blocks import Block, Definition, Definitions
from src.eval.clip_curves import ClipCurves, curves_block
from src.eval.evaluation_tables import (
    LIP_R,
    clip_faults,
    metric_tables,
    ordered,
    row_chart,
    slice_table,
    speaker_chart,
    worst_clips,
)
from src.eval.report import Figure, Page
from src.eval.sync_expert_block import expert_blocks
from src.eval.tables import Table, formatted, written

Record = Mapping[str, Any]

NAMED_CONTROLS = (("energy", "Lip r over energy"), ("shuffled", "Lip r over shuffled"))
"""Controls that have a figure in the headline: what a mouth does that only follows loudness, and what is chance."""


INTERVALS = (
    "Intervals are the 2.5th and 97.5th percentile of a bootstrap over speakers: whole speakers are drawn with "
    "replacement and their clips pooled. Of a few speakers they are too narrow."
)

MUCH_OF_ONE = 1 / 3
"""Share of the frames that a single speaker may have before the page says so."""

SHIFTED = "shifted_"
"""How ids of rows begin that are the truth at the wrong time: nothing to beat, but what being late costs."""


def evaluation_page(record: Record, curves: Sequence[ClipCurves]) -> Page:
    """The page: the headline, then failures first, then everything.

    Args:
        record: the content of `metrics.json`.
        curves: of the worst, median and best clips, in the order to be shown.
    """
    rows, metrics, clips = record["rows"], record["metrics"], record["clips"]
    differences = record.get("differences", {})
    blocks: list[Block] = [worst_clips(clips)]
    if curves:
        blocks.append(curves_block(curves, {clip["clip_id"]: clip_note(clip) for clip in clips}))
    blocks.append(row_chart(rows, differences))
    blocks += metric_tables(rows, metrics)
    for name, part in record.get("slices", {}).items():
        if name == "speaker" and len(part["groups"]) > 1:
            blocks.append(speaker_chart(clips, model_of(rows)))
        of_lips = name != "channel"
        blocks.append(slice_table(part["label"], part["definition"], part["groups"], metrics, of_lips=of_lips))
    if record.get("sync_expert"):
        blocks += expert_blocks(record["sync_expert"], rows)
    blocks.append(row_definitions(rows))
    if record.get("absent"):
        blocks.append(absent_table(record["absent"]))
    return Page(
        title=f"Evaluation of {'/'.join(Path(record['checkpoint']['path']).parts[-2:])}",
        summary=f"{extent(clips)}, {record['data']['split']} part of {Path(record['data']['path']).name}. "
        f"{verdict(rows, differences)} Small figures are 95 % intervals over speakers.",
        headline=headline(rows, differences, metrics),
        blocks=blocks,
        definitions=metric_definitions(metrics, record.get("notes", ())),
        provenance=provenance_rows(record),
    )


def extent(clips: Sequence[Record]) -> str:
    """How many clips of how many speakers, and whether one of them decides the figures."""
    frames: Counter[str] = Counter()
    for clip in clips:
        frames[clip["speaker"]] += clip["frames"]
    text = f"{_counted(len(clips), 'clip')} of {_counted(len(frames), 'speaker')}"
    share = max(frames.values(), default=0) / max(frames.total(), 1)
    if len(frames) > 1 and share > MUCH_OF_ONE:
        text += f", {100 * share:.0f} % of the frames of a single one"
    return text


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count != 1 else ''}"


def model_of(rows: Mapping[str, Record]) -> Record:
    """The model's row."""
    return next(row for row in rows.values() if row["kind"] == "model")


def verdict(rows: Mapping[str, Record], differences: Mapping[str, Mapping[str, Record]]) -> str:
    """Which controls the model is above by more than chance, in a sentence about lip r."""
    above: list[str] = []
    level: list[str] = []
    below: list[str] = []
    for name, row in rows.items():
        apart = differences.get(name, {}).get(LIP_R)
        if (
            row["kind"] != "control"
            or name.startswith(SHIFTED)
            or apart is None
            or apart["low"] is None
            or apart["high"] is None
        ):
            continue
        (above if apart["low"] > 0 else below if apart["high"] < 0 else level).append(row["label"])
    parts = [
        f"{words} {', '.join(labels)}"
        for words, labels in (("above", above), ("not told apart from", level), ("below", below))
        if labels
    ]
    return f"By lip correlation the model is {'; '.join(parts)}." if parts else ""


def headline(
    rows: Mapping[str, Record], differences: Mapping[str, Mapping[str, Record]], metrics: Mapping[str, Record]
) -> tuple[Figure, ...]:
    """The few figures that say whether the model is good, with what they are to be compared with."""
    model = model_of(rows)["figures"]
    tiles = [_tile(metrics[LIP_R]["label"], model.get(LIP_R), metrics[LIP_R])]
    for name, label in NAMED_CONTROLS:
        if name in differences:
            tiles.append(_tile(label, differences[name].get(LIP_R), metrics[LIP_R], signed=True))
    tiles += [_tile(metrics[name]["label"], model.get(name), metrics[name]) for name in ("lag", "std_ratio")
              if name in metrics]  # fmt: skip
    if "noise_floor" in rows:
        floor = rows["noise_floor"]
        tiles.append(_tile("Noise ceiling, lip r", floor["figures"].get(LIP_R), metrics[LIP_R]))
    return tuple(tiles)


def _tile(label: str, estimate: Record | None, metric: Record, *, signed: bool = False) -> Figure:
    if estimate is None:
        return Figure(label, None, metric["unit"], metric["definition"], "not measured")
    value, low, high, unit = estimate["value"], estimate["low"], estimate["high"], metric["unit"]
    if value is None:
        return Figure(label, None, unit, metric["definition"], estimate["reason"])
    text = formatted(float(value), unit)
    decimals = len(text.partition(".")[2])
    note = estimate["reason"] if low is None else f"{written(low, decimals)} \u2026 {written(high, decimals)}"
    return Figure(label, "+" + text if signed and value > 0 else text, unit, metric["definition"], note=note)


def clip_note(clip: Record) -> str:
    """What a clip's chart says below its name."""
    figures, words = clip["figures"], clip_faults(clip)
    parts = [
        f"{label} {formatted(figures[name], unit)}{f' {unit}' if unit else ''}"
        for name, label, unit in ((LIP_R, "lip r", ""), ("lag", "lag", "ms"), ("std_ratio", "movement", ""))
        if figures.get(name) is not None
    ]
    return "; ".join([f"speaker {clip['speaker']}", ", ".join(parts), ", ".join(words)]).rstrip("; ")


def row_definitions(rows: Mapping[str, Record]) -> Definitions:
    """What each row of the tables is."""
    return Definitions(
        "What the rows are", [Definition(row["label"], row["kind"], row["definition"]) for _, row in ordered(rows)]
    )


def absent_table(absent: Sequence[Record]) -> Table:
    """What is not on the page, and why."""
    cells = [[item["label"], item["reason"]] for item in absent]
    return Table("Not measured", ["figure", "reason"], cells, prose=(1,))


def metric_definitions(metrics: Mapping[str, Record], notes: Sequence[str]) -> Definitions:
    """What each metric means, with its version, its source and how clips are pooled."""
    items = [
        Definition(
            metric["label"],
            f"{name}, version {metric['version']}" + (f", {metric['unit']}" if metric["unit"] else ""),
            metric["definition"],
            f"Clips weighted by {metric['pooling']}. Source: {metric['source']}.",
        )
        for name, metric in metrics.items()
    ]
    return Definitions("What the figures mean", items, " ".join((INTERVALS, *notes)))


def provenance_rows(record: Record) -> tuple[tuple[str, str], ...]:
    """Checkpoint, data, command and machine, with hashes."""
    checkpoint, data, machine = record["checkpoint"], record["data"], record["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    optional = (
        ("Features", checkpoint.get("features")),
        ("Look-ahead", f"{checkpoint['lookahead_frames']} frames" if "lookahead_frames" in checkpoint else None),
        ("Alignment of speakers", data.get("alignment")),
        ("Closures", data.get("closures")),
    )
    return (
        ("Command", record["command"]),
        ("Checkpoint", f"{checkpoint['path']} (SHA-256 {checkpoint['sha256']})"),
        ("Data", f"{data['path']}, {data['split']} part (content hash {data['content_hash']})"),
        *((name, text) for name, text in optional if text),
        ("Seed", str(record["seed"])),
        ("Commit", machine["commit"] or "outside of a repository"),
        ("Machine", f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}"),
        ("Versions", f"Python {machine['python']}, {packages}"),
    )

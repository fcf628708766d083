"""The page of an evaluation of the live engine, made from the record that `scripts.realtime_eval` writes.

First whether the harness itself can be believed, then what was shown beside its controls, then the engine.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from src.eval.blocks import Block, Chart
from src.eval.charts import Line, line_chart
from src.eval.evaluation_page import absent_table, metric_definitions, row_definitions
from src.eval.evaluation_tables import metric_tables, row_chart
from src.eval.lip_sync import AV_OFFSET
from src.eval.live.click_offset import CLICK_OFFSET
from src.eval.live.drift import DRIFT, LONG_S
from src.eval.live.interruption import INTERRUPTION
from src.eval.live.silence import SILENCE_STABILITY
from src.eval.live.tables import (
    calibration_table,
    count_table,
    interruption_table,
    recording_table,
    stages_table,
    target_table,
)
from src.eval.metrics import PEARSON_R, Metric
from src.eval.report import Figure, Latencies, Page
from src.eval.run_page import LATENCY_DEFINITION, algorithmic_table, mouth_curves
from src.eval.shown import Shown
from src.eval.tables import Table, formatted, written

Record = Mapping[str, Any]

CLOCKS = {
    "wall": "Wall time: the machine's own pace, lateness included.",
    "virtual": "Virtual time: computing takes none of it, so frame rate, deadlines and latency are those of a machine "
    "that is fast enough; what it would be on this one says clock=wall.",
}

OVER_RECORDINGS = "Intervals are over recordings, drawn with replacement; of one recording there is none."

SHOWN_R = Metric(
    PEARSON_R.id, 1, "Lips as predicted", "",
    "Correlation of the mouth opening found again in the written pictures with the offline prediction, at the place of "
    "the recording in the sound that was played.", "",
)  # fmt: skip


def eval_page(record: Record, shown: Shown) -> Page:
    """The page.

    Args:
        record: the content of `report.json`.
        shown: the first recording, looked at again.
    """
    recordings = record["recordings"]
    blocks: list[Block] = [target_table(record)]
    if record["calibration"]:
        blocks.append(calibration_table(record["calibration"]))
    blocks.append(recording_table(recordings))
    if record["rows"]:
        blocks += _compared(record["rows"], record["differences"], record["metrics"], "the offline prediction")
    if record["reference_rows"]:
        rows, apart = record["reference_rows"], record["reference_differences"]
        blocks += _compared(rows, apart, record["metrics"], "the reference video")
    blocks += [offset_chart(recordings, record["drift"])] if _windows(recordings) else []
    if record["interruptions"]:
        blocks.append(interruption_table(record["interruptions"]))
    blocks += [memory_chart(record["rss_mb"])] if len(record["rss_mb"]) > 1 else []
    if record["rows"]:
        blocks.append(row_definitions({**record["rows"], **record["reference_rows"]}))
    if record["absent"]:
        blocks.append(absent_table(record["absent"]))
    inputs = record["inputs"]
    count = f"{len(recordings)} recording{'s' if len(recordings) != 1 else ''}"
    return Page(
        title=f"{Path(inputs['avatar']['path']).name} live: {Path(inputs['audio']['path']).name}",
        summary=f"{count}, {record['stream_seconds']:g} s, through {Path(inputs['checkpoint']['path']).name}. "
        f"{CLOCKS[record['clock']]} Measured on the written files.",
        headline=headline(record),
        video=shown.video,
        curves=mouth_curves(shown),
        latencies=latencies(record),
        blocks=blocks,
        tables=(stages_table(record), algorithmic_table(record), count_table(record)),
        definitions=metric_definitions(
            {**record["metrics"], **own_metrics()}, (OVER_RECORDINGS, "Recordings stand where speakers are named.")
        ),
        provenance=provenance_rows(record),
    )


def headline(record: Record) -> tuple[Figure, ...]:
    """The figures that say whether a viewer would be content, and whether the harness can be believed."""
    calibration = record["calibration"]
    latency = record["latency_ms"] or {}
    note = "harness not calibrated"
    if calibration:
        verdict = "right" if calibration["is_right"] else "wrong"
        note = f"harness reads {formatted(calibration['readings'][0]['clicks_ms'], 'ms')} ms at 0: {verdict}"
    return (
        _figure(record, "lip_r_offline", SHOWN_R),
        _figure(record, "av_offset_ms", AV_OFFSET, note=note),
        drift_figure(record),
        _figure(record, "interrupt_ms", INTERRUPTION),
        _figure(record, "silence_stability", SILENCE_STABILITY),
        Figure("Latency, 95 %", latency.get("p95"), "ms", LATENCY_DEFINITION, note=record["clock"] + " time"),
    )


def drift_figure(record: Record) -> Figure:
    """The drift, or why it is not worth a large number: an hour from a few seconds is mostly noise."""
    drift, value = record["drift"], record["drift_ms_per_hour"]
    if value is None:
        return _figure(record, "drift_ms_per_hour", DRIFT)
    ends = f"{written(drift['low'], 0)} \u2026 {written(drift['high'], 0)}"
    if drift["is_extrapolated"]:
        reason = f"{drift['span_s']:.0f} s are too short to tell: {written(value, 0)}, {ends} {DRIFT.unit}"
        return Figure(DRIFT.label, None, DRIFT.unit, DRIFT.definition, reason)
    return _figure(record, "drift_ms_per_hour", DRIFT, note=ends)


def _compared(rows: Record, apart: Mapping[str, Record], metrics: Record, against: str) -> list[Block]:
    """Chart and tables of what was shown beside its controls."""
    chart = row_chart(rows, apart)
    tables = metric_tables(rows, metrics)
    title = f"Lips as shown and controls, against {against}"
    legend = (("model", "shown"), ("ceiling", "ceiling"), ("control", "control"))
    blocks: list[Block] = [Chart(title, OVER_RECORDINGS, chart.svg, legend)]
    for table in tables:
        name = f"{table.title.removesuffix(' against the truth')}, against {against}"
        blocks.append(Table(name, table.columns, table.rows, OVER_RECORDINGS, marked=table.marked))
    return blocks


def _windows(recordings: Sequence[Record]) -> list[tuple[float, float]]:
    """Times and offsets of all windows, the recordings end to end."""
    found, begin_s = [], 0.0
    for one in recordings:
        found += [(begin_s + window["time_s"], window["offset_ms"]) for window in one["offsets"]]
        begin_s += one["seconds"]
    return found


def offset_chart(recordings: Sequence[Record], drift: Record) -> Chart:
    """The A/V offset over time."""
    windows = _windows(recordings)
    places = [place for place, _ in windows]
    offsets = np.array([offset for _, offset in windows])
    if len(places) == 1:
        places, offsets = [places[0], places[0] + 1e-3], np.repeat(offsets, 2)
    note = (
        f"Of windows of a few seconds, recordings end to end. {drift['windows']} windows over {drift['span_s']:.0f} s"
    )
    if drift["is_extrapolated"]:
        note += f"; below {LONG_S:g} s an hour is extrapolated, and its interval says how far"
    svg = line_chart([Line("A/V offset", "predicted", offsets)], places, ("ms", "s"), "A/V offset over time")
    return Chart("A/V offset over time", note + ".", svg)


def memory_chart(series: Sequence[Sequence[float]]) -> Chart:
    """Resident memory over time."""
    places = [time_s for time_s, _ in series]
    line = Line("memory", "predicted", np.array([mb for _, mb in series]))
    svg = line_chart([line], places, ("MiB", "s"), "Resident memory over time")
    note = "Resident memory of the process once a second of the stream, recordings end to end."
    return Chart("Memory over time", note, svg)


def latencies(record: Record) -> Latencies | None:
    """The distribution of latency over all recordings."""
    latency, bars = record["latency_ms"], record["latency_bars"]
    if not latency:
        return None
    marks = [(name, latency[key]) for name, key in (("median", "p50"), ("95 %", "p95"), ("99 %", "p99"))]
    marks.append(("presentation", record["playout_delay_ms"]))
    return Latencies(bars["edges_ms"], bars["counts"], marks, LATENCY_DEFINITION)


def own_metrics() -> dict[str, dict[str, Any]]:
    """What the figures mean that no table of rows has."""
    return {
        metric.id: {
            "label": metric.label,
            "unit": metric.unit,
            "version": metric.version,
            "definition": metric.definition,
            "source": metric.source or "ours",
            "pooling": "1 each",
        }
        for metric in (AV_OFFSET, DRIFT, INTERRUPTION, CLICK_OFFSET)
    }


def provenance_rows(record: Record) -> tuple[tuple[str, str], ...]:
    """Command, commit, machine and inputs with hashes."""
    machine = record["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    return (
        ("Command", record["command"]),
        ("Commit", machine["commit"] or "outside of a repository"),
        ("Machine", f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}"),
        ("Versions", f"Python {machine['python']}, {packages}"),
        ("Seed", str(record["seed"])),
        *((name, f"{item['path']} (SHA-256 {item['sha256']})") for name, item in record["inputs"].items()),
    )


def _figure(record: Record, key: str, metric: Metric, note: str = "") -> Figure:
    value = record[key]
    return Figure(metric.label, value, metric.unit, metric.definition, record.get(f"{key}_reason", ""), note)

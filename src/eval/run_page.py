"""The report page of a live run, made from its `report.json` and what was shown."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from src.eval.lip_sync import AV_OFFSET, MOUTH
from src.eval.metrics import LAG, PEARSON_R, SILENCE_SPEED, SILENCE_STD, STD_RATIO, Metric, frame_rms
from src.eval.report import Figure, Latencies, MouthCurves, Page, Table
from src.eval.shown import Shown
from src.motion import Motion

STAGE_NAMES = {
    "features_model": "Features and model, per chunk of sound",
    "render": "Idle layer and drawing, per picture",
    "sink": "Encoding or display, per picture",
}

PACE = {"wall": "at the pace of speech", "virtual": "in virtual time"}

LATENCY_DEFINITION = (
    "From the arrival of the sound of a frame to its finished picture at the sink. Includes the look-ahead of the "
    "model and the wait for the common presentation of picture and sound."
)


MOUTH_ROWS = (
    ("r", "Correlation", "", PEARSON_R),
    ("lag_ms", "Lag", "ms", LAG),
    ("movement", "Movement", "", STD_RATIO),
    ("silence_std", "Spread in silence", "of face size", SILENCE_STD),
    ("silence_speed", "Speed in silence", "of face size per s", SILENCE_SPEED),
)
"""Key in the report, name, unit and metric of what is said about a mouth."""


def live_page(record: Mapping[str, Any], shown: Shown | None) -> Page:
    """The page of a run.

    Args:
        record: the content of `report.json`.
        shown: the video that the sink wrote, looked at again; None if it wrote none.
    """
    inputs = record["inputs"]
    return Page(
        title=f"{Path(inputs['avatar']['path']).name} speaks {Path(inputs['source']['path']).name}",
        summary=f"{record['seconds']:g} s of speech through {Path(inputs['checkpoint']['path']).name}, "
        f"{PACE[record['clock']]}; picture and sound {record['playout_delay_ms']:g} ms behind the voice.",
        headline=headline_figures(record),
        figures=engine_figures(record),
        video=shown.video if shown else None,
        curves=mouth_curves(shown) if shown else None,
        latencies=latency_figure(record),
        tables=(stage_table(record), algorithmic_table(record)),
        provenance=provenance_rows(record),
    )


def demo_page(record: Mapping[str, Any], shown: Shown | None, reference: Motion | None) -> Page:
    """The page of the whole main job: the page of its live run, with the lips judged and the time of each stage.

    Args:
        record: the content of the demo's `report.json`: that of a live run with `lip_r`, `lip_lag_ms`,
            `lip_reference`, `lips`, `speech`, `data` and `stage_seconds`.
        shown: the video that the sink wrote, looked at again.
        reference: true motion of the utterance, where it is known.
    """
    live, data = live_page(record, shown), record["data"]
    frame_rate, latency, offset, faithful, dropped, held = live.headline
    against = f" Measured on {record['lip_reference']}."
    lips = [
        replace(_measured(record, key, metric), definition=metric.definition + against)
        for key, metric in (("lip_r", PEARSON_R), ("lip_lag_ms", LAG))
    ]
    stages = [(name, seconds) for name, seconds in record["stage_seconds"].items() if name != "total"]
    disjoint = "speakers it never saw" if data["speaker_disjoint"] else "clips it never saw"
    return replace(
        live,
        title="A portrait that speaks",
        summary=f"It says {record['speech']}. The model learned in this run and was judged on {disjoint}; picture and "
        f"sound are {record['playout_delay_ms']:g} ms behind the voice.",
        headline=(*lips, offset, faithful, frame_rate, latency),
        figures=(dropped, held, *live.figures),
        curves=mouth_curves(shown, reference) if shown else None,
        stages=stages,
        tables=(mouth_table(record["lips"], known=reference is not None), *live.tables),
        provenance=(*live.provenance, ("Training data", data["data_hash"])),
    )


def mouth_table(lips: Mapping[str, Mapping[str, float | None]], *, known: bool) -> Table:
    """What the mouth does as predicted and as shown.

    Args:
        lips: `mouth_record` of the `predicted` and, where there are, of the `shown` and the `true` motion.
        known: whether they were held against a true motion.
    """
    rows = [
        [label, *(lips.get(who, {}).get(key) for who in ("predicted", "shown", "true")), unit]
        for key, label, unit, _ in MOUTH_ROWS
    ]
    subject = "Against the true motion, and in silence." if known else "The true motion is unknown; silence tells."
    definitions = " ".join(f"{label}: {metric.definition}" for _, label, _, metric in MOUTH_ROWS)
    columns = ["figure", "as predicted", "as found in the pictures", "in truth", "unit"]
    return Table("The mouth", columns, rows, f"{subject} {definitions}")


def mouth_curves(shown: Shown, reference: Motion | None = None) -> MouthCurves:
    """Mouth opening of a video: predicted, found again, and of a reference that starts with it, over its sound."""
    predicted = shown.predicted
    return MouthCurves(
        fps=predicted.fps,
        predicted=predicted.channel(MOUTH),
        envelope=frame_rms(shown.waveform, shown.sample_rate_hz, predicted.fps, len(predicted)),
        reference=reference.channel(MOUTH) if reference is not None else None,
        shown=shown.motion.channel(MOUTH) if shown.motion is not None else None,
    )


def headline_figures(record: Mapping[str, Any]) -> tuple[Figure, ...]:
    """Six figures that say whether the run was good."""
    latency = record["latency_ms"] or {}
    return (
        Figure("Frame rate", record["fps"], "fps", "Pictures per second between the first and the last one."),
        Figure("Latency, 95 %", latency.get("p95"), "ms",
               "95 % of the pictures were at least as quick. " + LATENCY_DEFINITION),
        _measured(record, "av_offset_ms", AV_OFFSET),
        _measured(
            record,
            "shown_lip_r",
            Metric(PEARSON_R.id, 1, "Lips as predicted", "", "Correlation of the mouth opening found again in the "
            "pictures with the model's prediction on the video's own sound: how faithfully the portrait shows it.", ""),
        ),
        Figure("Dropped pictures", record["dropped"], "", "Frames that were never shown, because their time had "
               "passed or the sink was too slow. Their sound is kept."),
        Figure("Held pictures", record["repeated"], "", "Frames shown with the motion before them, because theirs "
               "was not ready."),
    )  # fmt: skip


def engine_figures(record: Mapping[str, Any]) -> tuple[Figure, ...]:
    """The other figures of the engine."""
    latency = record["latency_ms"] or {}
    return (
        Figure("Pictures", record["frames"], "", "Pictures that reached the sink."),
        Figure(
            "First picture", record["first_frame_ms"], "ms", "From the first sound to the first picture at the sink."
        ),
        Figure("Latency, median", latency.get("p50"), "ms", "Half of the pictures were at least as quick."),
        Figure("Latency, 99 %", latency.get("p99"), "ms", "99 % of the pictures were at least as quick."),
        Figure("Latency, largest", latency.get("max"), "ms", "The slowest picture."),
        Figure(
            "Missed deadlines", record["deadline_misses"], "", "Pictures at the sink after their presentation time."
        ),
        Figure("Underruns", record["underruns"], "", "Times that the sound ran out and had to wait for its source."),
        _measured(record, "shown_silence_std", SILENCE_STD),
        _measured(record, "shown_silence_speed", SILENCE_SPEED),
    )


def latency_figure(record: Mapping[str, Any]) -> Latencies | None:
    """The distribution of latency with its percentiles and the playout delay."""
    latency, bars = record["latency_ms"], record["latency_bars"]
    if not latency:
        return None
    marks = [(name, latency[key]) for name, key in (("median", "p50"), ("95 %", "p95"), ("99 %", "p99"))]
    return Latencies(
        bars["edges_ms"],
        bars["counts"],
        [*marks, ("presentation", record["playout_delay_ms"])],
        LATENCY_DEFINITION,
    )


def stage_table(record: Mapping[str, Any]) -> Table:
    """Computing time of each stage."""
    keys = ("p50", "p95", "p99", "max", "count")
    rows = [
        [STAGE_NAMES.get(stage, stage), *((summary or {}).get(key) for key in keys)]
        for stage, summary in record["stages_ms"].items()
    ]
    return Table(
        "Computing time in ms", ["stage", "median", "95 %", "99 %", "largest", "calls"], rows, "A frame has 40 ms."
    )


def algorithmic_table(record: Mapping[str, Any]) -> Table:
    """What the algorithmic latency is the sum of."""
    return Table(
        "Algorithmic latency",
        ["part", "ms"],
        list(record["algorithmic_latency_ms"].items()),
        "Sound after a frame's own time that its motion is computed from, whatever the machine.",
    )


def provenance_rows(record: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Commit, machine, versions, and hashes of the inputs."""
    machine = record["machine"]
    memory = f", {machine['memory_gib']:g} GiB" if machine["memory_gib"] else ""
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    return (
        ("Commit", machine["commit"] or "outside of a repository"),
        ("Machine", f"{machine['cpu']}, {machine['cores']} cores{memory}, {machine['system']}"),
        ("Versions", f"Python {machine['python']}, {packages}"),
        ("Seed", str(record["seed"])),
        *((name, f"{item['path']} (SHA-256 {item['sha256']})") for name, item in record["inputs"].items()),
    )


def _measured(record: Mapping[str, Any], key: str, metric: Metric) -> Figure:
    return Figure(metric.label, record[key], metric.unit, metric.definition, record.get(f"{key}_reason", ""))

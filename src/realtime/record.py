"""What a live run leaves behind: the content of its `report.json`."""

from dataclasses import asdict
from typing import Any

from src.eval.metrics import Measurement
from src.realtime.meter import RunFigures
from src.realtime.predictor import LatencyPart
from src.realtime.shown import Shown, unmeasured
from src.realtime.statistics import LatencySummary


def engine_record(figures: RunFigures) -> dict[str, Any]:
    """Counts and latencies of a run in plain types: frames per second, milliseconds, seconds."""
    edges, counts = figures.latency_bars
    return {
        "fps": _rounded(figures.fps),
        "latency_ms": _summary(figures.latency),
        "frames": figures.frames,
        "dropped": figures.dropped,
        "repeated": figures.repeated,
        "deadline_misses": figures.deadline_misses,
        "underruns": figures.underruns,
        "first_frame_ms": _rounded(figures.first_frame_ms),
        "seconds": _rounded(figures.seconds),
        "stages_ms": {name: _summary(summary) for name, summary in figures.stages.items()},
        "latency_bars": {"edges_ms": [round(edge, 3) for edge in edges], "counts": counts},
    }


def latency_record(parts: tuple[LatencyPart, ...]) -> dict[str, float]:
    """The parts of the algorithmic latency by name, and their sum, in milliseconds."""
    named = {part.name: part.latency_ms for part in parts}
    return {**named, "total": sum(named.values())}


def shown_record(shown: Shown | None) -> dict[str, Any]:
    """Figures of the written video; beside a missing one stands `<key>_reason`.

    Args:
        shown: None when the sink wrote no video.
    """
    if shown is None:
        r, offset, spread, speed = unmeasured("the sink writes no video")
    else:
        r, offset, spread, speed = shown.lip_r, shown.av_offset, shown.silence_std, shown.silence_speed
    record: dict[str, Any] = {}
    for key, measurement in (
        ("av_offset_ms", offset),
        ("shown_lip_r", r),
        ("shown_silence_std", spread),
        ("shown_silence_speed", speed),
    ):
        record |= measurement_record(key, measurement)
    return record


def measurement_record(key: str, measurement: Measurement) -> dict[str, Any]:
    """A measurement under a key; beside a missing value stands `<key>_reason`."""
    record: dict[str, Any] = {key: _rounded(measurement.value)}
    if measurement.value is None:
        record[f"{key}_reason"] = measurement.reason
    return record


def _summary(summary: LatencySummary | None) -> dict[str, Any] | None:
    if summary is None:
        return None
    return {name: _rounded(value) for name, value in asdict(summary).items()}


def _rounded(value: float | int | None) -> float | int | None:
    """Four decimals, more than any figure holds."""
    return round(value, 4) if isinstance(value, float) else value

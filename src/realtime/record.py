"""What a live run leaves behind: the content of its `report.json`."""

from dataclasses import asdict
from typing import Any

from src.realtime.meter import RunFigures
from src.realtime.statistics import LatencySummary


def engine_record(figures: RunFigures) -> dict[str, Any]:
    """Counts and latencies of a run in plain types: frames per second, milliseconds, seconds."""
    edges, bars = figures.latency_bars
    counts = figures.counts
    return {
        "fps": _rounded(figures.fps),
        "latency_ms": _summary(figures.latency),
        "frames": figures.frames,
        "dropped": figures.dropped,
        "repeated": counts.held,
        "deadline_misses": figures.deadline_misses,
        "deadline_miss_rate": _rounded(figures.deadline_misses / figures.frames) if figures.frames else None,
        "underruns": counts.underruns,
        "fillers": counts.fillers,
        "starved": counts.starved,
        "stretched": counts.stretched,
        "skipped": counts.skipped,
        "cleared": counts.cleared,
        "drift": {name: _rounded(value) for name, value in asdict(counts.drift).items()},
        "first_frame_ms": _rounded(figures.first_frame_ms),
        "seconds": _rounded(figures.seconds),
        "stages_ms": {name: _summary(summary) for name, summary in figures.stages.items()},
        "latency_bars": {"edges_ms": [round(edge, 3) for edge in edges], "counts": bars},
    }


def _summary(summary: LatencySummary | None) -> dict[str, Any] | None:
    if summary is None:
        return None
    return {name: _rounded(value) for name, value in asdict(summary).items()}


def _rounded(value: float | int | None) -> float | int | None:
    """Four decimals, more than any figure holds."""
    return round(value, 4) if isinstance(value, float) else value

"""What `report.json` of an evaluation says: figures of all recordings together, of each, and of what they are held to.

Part of `scripts.realtime_eval`. Beside a figure that is missing stands `<key>_reason`.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from scripts.live_judging import LIVE_FIGURES, Judged, encoding_cost, measured_rows, rest_figure
from scripts.live_runs import Played
from src.eval.lip_sync import AV_OFFSET, MOUTH
from src.eval.live.drift import drift_per_hour
from src.eval.live.silence import SILENCE_STABILITY
from src.eval.metrics import PEARSON_R, Measurement, Metric, pearson_r
from src.eval.rows import Bootstrap
from src.eval.shown import measurement_record, shown_record
from src.files import sha256_of
from src.realtime.record import engine_record
from src.realtime.statistics import LatencyHistogram

COUNTS = ("dropped", "repeated", "fillers", "starved", "stretched", "skipped", "underruns", "deadline_misses")
"""Counts of the engine that are added up over recordings."""

OFFLINE = (
    "Offline prediction",
    "The model's motion of the whole recording, computed at once, at the place of the recording in what was played.",
)
REFERENCE = ("Reference video", "The mouth of the person who said it, found by its landmarks.")


def recording_record(run: Played, judged: Judged, path: Path, fps: float) -> dict[str, Any]:
    """Everything about one recording."""
    closeness, structure = encoding_cost(run.video, run.witness.kept, fps)
    placement = judged.placement
    return {
        "name": run.name,
        "file": path.name,
        "sha256": sha256_of(path),
        "video": run.video.name,
        "stream_sha256": run.witness.sha256,
        **engine_record(run.figures),
        **shown_record(judged.shown),
        **measurement_record("lip_r_offline", _lip_r(judged)),
        **measurement_record("silence_stability", _rest(judged)),
        **measurement_record("psnr_moving", closeness),
        **measurement_record("ssim_moving", structure),
        "placed_s": None if placement is None else round(placement.start_s, 6),
        "played_in_pieces": None if placement is None else placement.num_pieces,
        "sound_similarity": None if placement is None else round(placement.similarity, 4),
        "offsets": [{key: round(value, 3) for key, value in asdict(window).items()} for window in judged.windows],
    }


def pooled_record(
    played: Sequence[Played], judged: Sequence[Judged], latency: LatencyHistogram, fps: float
) -> dict[str, Any]:
    """The figures of the whole, and how they scatter over recordings.

    Args:
        played, judged: the recordings.
        latency: of all their frames.
        fps: of the time line.
    """
    engines = [engine_record(run.figures) for run in played]
    frames = sum(run.figures.frames for run in played)
    missed = sum(run.figures.deadline_misses for run in played)
    drift = drift_per_hour([each.windows for each in judged])
    edges, bars = latency.bars()
    firsts = [engine["first_frame_ms"] for engine in engines if engine["first_frame_ms"] is not None]
    rates = [run.figures.fps for run in played if run.figures.fps is not None]
    summary = latency.summary()
    worst = max(engines, key=lambda engine: (engine["stages_ms"]["render"] or {"p95": 0.0})["p95"])
    offsets = [each.shown.av_offset for each in judged]
    rs, rests = [_lip_r(each) for each in judged], [_rest(each) for each in judged]
    return {
        "fps": round(fmean(rates), 4) if rates else None,
        "deadline_miss_rate": round(missed / frames, 6) if frames else None,
        "latency_ms": None if summary is None else {name: round(value, 4) for name, value in asdict(summary).items()},
        "first_frame_ms": max(firsts) if firsts else None,
        **measurement_record("av_offset_ms", _mean(AV_OFFSET, offsets)),
        **measurement_record("drift_ms_per_hour", drift.measurement),
        "drift": {
            "low": drift.low,
            "high": drift.high,
            "windows": drift.windows,
            "span_s": round(drift.span_s, 2),
            "is_extrapolated": drift.is_extrapolated,
        },
        **measurement_record("silence_stability", _mean(SILENCE_STABILITY, rests)),
        **measurement_record("lip_r_offline", _mean(PEARSON_R, rs)),
        "frames": frames,
        "stream_seconds": round(sum(run.figures.seconds for run in played), 2),
        "time_line_fps": fps,
        **{name: sum(engine[name] for engine in engines) for name in COUNTS},
        "stages_ms": worst["stages_ms"],
        "stages_of": played[engines.index(worst)].name,
        "latency_bars": {"edges_ms": [round(edge, 3) for edge in edges.tolist()], "counts": bars.tolist()},
    }


def memory_record(played: Sequence[Played], start_mb: float, end_mb: float) -> dict[str, Any]:
    """Resident memory before the first run, after the last one, and once a second of the recordings in between."""
    series, begin_s = [], 0.0
    for run in played:
        series += [[round(begin_s + time_s, 2), round(mb, 2)] for time_s, mb in run.witness.rss_mb]
        begin_s += run.figures.seconds
    return {"rss_mb_start": round(start_mb, 2), "rss_mb_end": round(end_mb, 2), "rss_mb": series}


def rows_record(judged: Sequence[Judged], bootstrap: Bootstrap, draws: int) -> dict[str, Any]:
    """What was shown beside its controls, against the offline prediction and, where there is one, the reference."""
    record: dict[str, Any] = {
        "metrics": {name: figure.to_dict() for name, figure in LIVE_FIGURES.items()},
        "absent": [{"label": each.name, "reason": each.reason} for each in judged if each.case is None],
    }
    cases = [each.case for each in judged if each.case is not None]
    if not cases:
        return {**record, "rows": {}, "differences": {}, "reference_rows": {}, "reference_differences": {}}
    rows, apart = measured_rows(cases, *OFFLINE, bootstrap, draws)
    pairs = [(each.reference, each.case) for each in judged if each.reference is not None and each.case is not None]
    truths, offline = [truth for truth, _ in pairs], [truth.predicting(own.reference.values) for truth, own in pairs]
    more = measured_rows(truths, *REFERENCE, bootstrap, draws, offline) if pairs else ({}, {})
    return {**record, "rows": rows, "differences": apart, "reference_rows": more[0], "reference_differences": more[1]}


def _lip_r(judged: Judged) -> Measurement:
    if judged.case is None:
        return Measurement(PEARSON_R, None, judged.reason)
    seen = judged.case.reference.valid
    return pearson_r(judged.case.predicted.channel(MOUTH)[seen], judged.case.reference.channel(MOUTH)[seen])


def _rest(judged: Judged) -> Measurement:
    if judged.case is None:
        return Measurement(SILENCE_STABILITY, None, judged.reason)
    return rest_figure(judged.case)[SILENCE_STABILITY.id].measurement


def _mean(metric: Metric, measurements: Sequence[Measurement]) -> Measurement:
    """The mean over recordings of those that have a value."""
    values = [one.value for one in measurements if one.value is not None]
    if not values:
        return Measurement(metric, None, measurements[0].reason if measurements else "no recording")
    return Measurement(metric, fmean(values))

"""What `scripts.realtime_eval` writes, made up."""

from typing import Any

from src.eval.provenance import provenance


def latency(value: float) -> dict[str, float]:
    return dict.fromkeys(("p50", "p95", "p99", "max", "mean", "count"), value)


def recording(name: str, **changed: Any) -> dict[str, Any]:
    return {
        "name": name, "seconds": 5.0, "lip_r_offline": 0.9, "av_offset_ms": 3.0, "silence_stability": 1.0,
        "sound_similarity": 1.0, "played_in_pieces": 1, "fps": 25.0, "deadline_misses": 0, "dropped": 0,
        "first_frame_ms": 100.0,
        "psnr_moving": 37.0, "ssim_moving": 0.97, "latency_ms": latency(100.0), "stream_sha256": "ab" * 32,
        "offsets": [{"time_s": 1.0, "offset_ms": 2.0}], **changed,
    }  # fmt: skip


def record(**changed: Any) -> dict[str, Any]:
    """A report of one recording in virtual time, no face found in it, with a calibration."""
    reading = {
        "expected_ms": 0.0, "clicks_ms": 0.1, "curves_ms": -0.4, "spread_ms": 0.0, "answered": 4, "unanswered": 0,
        "unasked": 0, "reason": "", "is_right": True,
    }  # fmt: skip
    moved = {**reading, "expected_ms": -80.0, "clicks_ms": None, "is_right": False, "reason": "no face <here>"}
    return {
        "command": "python -m scripts.realtime_eval chunk_ms=10", "overrides": ["chunk_ms=10", "audio=a.wav"],
        "fps": 25.0, "deadline_miss_rate": 0.0, "latency_ms": latency(100.0), "first_frame_ms": 100.0,
        "av_offset_ms": 3.0, "drift_ms_per_hour": -900.0, "interrupt_ms": None, "interrupt_ms_reason": "nobody spoke",
        "drift": {"low": -2000.0, "high": 200.0, "windows": 3, "span_s": 5.0, "is_extrapolated": True},
        "silence_stability": 1.0, "lip_r_offline": 0.9, "rss_mb_start": 600.0, "rss_mb_end": 610.0,
        "rss_mb": [[0.0, 600.0], [1.0, 610.0]], "frames": 125, "dropped": 0, "repeated": 0, "fillers": 0, "starved": 0,
        "stretched": 0, "skipped": 0, "underruns": 0, "deadline_misses": 0, "stream_seconds": 5.0,
        "interruptions": [{"clear_s": 1.0, "opening": 0.1, "closed_ms": 60.0, "met_open_mouth": True}],
        "calibration": {"readings": [reading, moved], "is_right": False, "shift_ms": 80.0, "tolerance_ms": 5.0},
        "recordings": [recording("a")], "rows": {}, "differences": {}, "reference_rows": {}, "metrics": {},
        "reference_differences": {}, "absent": [{"label": "a", "reason": "no face was found"}],
        "stages_ms": {"render": latency(5.0)}, "stages_of": "a", "playout_delay_ms": 150.0,
        "latency_bars": {"edges_ms": [100.0, 101.0], "counts": [125]}, "clock": "virtual", "seed": 0,
        "algorithmic_latency_ms": {"total": 102.5}, "machine": provenance().to_dict(),
        "inputs": {name: {"path": f"some/{name}", "sha256": "0" * 64} for name in ("checkpoint", "avatar", "audio")},
        **changed,
    }  # fmt: skip

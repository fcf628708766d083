"""What is in a store, counted from its manifest: the part of a data card that needs no look at the clips."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.data.clip_info import ClipTable
from src.data.layouts import file_of
from src.data.store import Store
from src.data.sync import RELIABLE_CONFIDENCE

UNKNOWN = "unknown"
PARTS = ("train", "val", "test", "")

_BARS = 24


def summarise_store(store: Store) -> dict[str, Any]:
    """Counts for a data card.

    Returns:
        JSON-like, the same for the same manifest:
        `clips`, `minutes`, `speakers`, `languages`, `sources`, `specs` (motion specifications with their versions),
        `content_hash`, `split_hash`, `config_hashes`, `landmarks` (share of clips that keep them);
        `split`: rows of `split`, `language`, `clips`, `minutes`, `speakers`, where the language None is all of them;
        `terms`: rows of `licence`, `consent`, `clips`, `minutes`, `speakers`;
        `offsets`: those that remain after correction: `edges_ms` and the counts `reliable` and `unsure`, and the
        median of the reliable ones, None without;
        `footage`: histograms with `name`, `unit`, `edges`, `counts`; no edges but `everywhere` for one value in all.
    """
    clips = store.clips
    seconds = np.array(clips.column("seconds"), np.float64)
    speakers = np.array(clips.column("speaker"), object)
    languages = np.array([language or UNKNOWN for language in clips.column("language")], object)
    parts = np.array(clips.column("split"), object)

    def counted(chosen: NDArray[np.int64]) -> dict[str, Any]:
        return {
            "clips": len(chosen),
            "minutes": round(float(seconds[chosen].sum()) / 60, 3),
            "speakers": len(set(speakers[chosen])),
        }

    split = []
    for part in PARTS:
        inside = parts == part
        if inside.any():
            split.append({"split": part or "not drawn", "language": None} | counted(np.flatnonzero(inside)))
            split += [
                {"split": part or "not drawn", "language": language}
                | counted(np.flatnonzero(inside & (languages == language)))
                for language in sorted(set(languages[inside]))
            ]
    return counted(np.arange(len(clips))) | {
        "languages": len(set(languages) - {UNKNOWN}),
        "sources": len(set(map(file_of, clips.column("path")))),
        "specs": sorted({spec for specs in set(clips.column("specs")) for spec in specs.split(",")}),
        "content_hash": store.content_hash,
        "split_hash": store.split_hash,
        "config_hashes": sorted(set(clips.column("config_hash"))),
        "landmarks": float(np.mean(np.array(clips.column("landmark_step_px")) > 0)) if len(clips) else 0.0,
        "split": split,
        "terms": _terms(clips, counted),
        "offsets": _offsets(clips),
        "footage": _footage(clips),
    }


def _terms(clips: ClipTable, counted: Callable[[NDArray[np.int64]], dict[str, Any]]) -> list[dict[str, Any]]:
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, pair in enumerate(zip(clips.column("licence"), clips.column("consent"), strict=True)):
        places[pair].append(place)
    rows = [
        {"licence": licence or UNKNOWN, "consent": consent or UNKNOWN} | counted(np.array(chosen))
        for (licence, consent), chosen in sorted(places.items())
    ]
    return sorted(rows, key=lambda row: -row["minutes"])


def _offsets(clips: ClipTable) -> dict[str, Any]:
    estimated, start_s, motion_start_s = (
        np.array(clips.column(name), np.float64) for name in ("offset_ms", "start_s", "motion_start_s")
    )
    offsets = estimated - 1000 * (start_s - motion_start_s)
    reliable = np.array(clips.column("offset_confidence"), np.float64) >= RELIABLE_CONFIDENCE
    reach = max(200.0, 40 * float(np.ceil(np.abs(offsets).max(initial=0) / 40)))
    edges = np.arange(-reach, reach + 1, 20 if reach <= 400 else 40)
    return {
        "edges_ms": edges.tolist(),
        "reliable": np.histogram(offsets[reliable], edges)[0].tolist(),
        "unsure": np.histogram(offsets[~reliable], edges)[0].tolist(),
        "median_ms": float(np.median(offsets[reliable])) if reliable.any() else None,
    }


def _footage(clips: ClipTable) -> list[dict[str, Any]]:
    columns = (
        ("clip length", "s", "seconds", None),
        ("face height", "px", "face_px", None),
        ("source frame rate", "fps", "source_fps", None),
        ("picture height", "px", "height", None),
        ("head turned by", "degrees", "yaw_deg", None),
        ("speech", "share of frames", "speech_share", (0.0, 1.0)),
        ("sound level", "dB of full scale", "level_db", None),
        ("frames with a face", "share of frames", "valid_share", (0.0, 1.0)),
    )
    charts: list[dict[str, Any]] = []
    for name, unit, column, span in columns:
        values = np.array(clips.column(column), np.float64)
        if not len(values):
            continue
        chart: dict[str, Any] = {"name": name, "unit": unit, "edges": [], "counts": [], "everywhere": float(values[0])}
        if np.ptp(values) > 1e-3 * np.abs(values).max():
            counts, edges = np.histogram(values, _BARS, span)
            chart |= {"edges": edges.round(6).tolist(), "counts": counts.tolist(), "everywhere": None}
        charts.append(chart)
    return charts

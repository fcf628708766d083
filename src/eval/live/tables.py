"""Tables of the page of a live evaluation: targets, calibration, recordings, interruptions, stages and counts.

All functions take the record that `scripts.realtime_eval` writes, or a part of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from src.eval.live.interruption import INTERRUPTION
from src.eval.run_page import stage_table
from src.eval.tables import Cell, Flag, Head, Interval, Table

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Target:
    """What a figure has to reach.

    Attributes:
        key, inner: of the record.
        label, unit: for people.
        limit: in the unit.
        is_least: whether the limit is the least that is good, instead of the most.
        in_wall_time: whether only wall time says anything about it.
    """

    key: str
    inner: str
    label: str
    unit: str
    limit: float
    is_least: bool = False
    in_wall_time: bool = False


TARGETS = (
    Target("fps", "", "Frame rate", "fps", 25.0, is_least=True, in_wall_time=True),
    Target("deadline_miss_rate", "", "Missed deadlines", "of the pictures", 0.001, in_wall_time=True),
    Target("latency_ms", "p95", "Sound in to picture out, 95 %", "ms", 120.0, in_wall_time=True),
    Target("first_frame_ms", "", "First picture", "ms", 250.0, in_wall_time=True),
    Target("av_offset_ms", "", "A/V offset", "ms, either way", 20.0),
    Target("drift_ms_per_hour", "", "Drift", "ms per hour, either way", 10.0),
    Target("interrupt_ms", "", "Interruption", "ms", 80.0),
)
"""Of issue 8, for two cores, `render=mesh` and the model of the program."""


def target_table(record: Record) -> Table:
    """Each target, what was measured, and whether it is met."""
    rows: list[list[Cell]] = []
    for target in TARGETS:
        value = record[target.key]
        value = value.get(target.inner) if target.inner and value else value
        limit = f"{'at least' if target.is_least else 'at most'} {target.limit:g} {target.unit}"
        rows.append([target.label, limit, value, _verdict(target, value, record)])
    note = "Of issue 8, for two cores, render=mesh and the model of the program."
    return Table("Targets", ["figure", "target", "measured", "met"], rows, note, prose=(1,))


def _verdict(target: Target, value: float | None, record: Record) -> Cell:
    if value is None:
        return None
    good = value >= target.limit * (1 - 1e-3) if target.is_least else abs(value) <= target.limit
    if target.in_wall_time and record["clock"] == "virtual":
        return "needs clock=wall"
    if target.key == "drift_ms_per_hour" and record["drift"]["is_extrapolated"]:
        return "too short to tell"
    return Flag("yes", is_bad=False) if good else Flag("no", is_bad=True)


def calibration_table(calibration: Record) -> Table:
    """What the harness reads where the answer is known."""
    names = ("As the engine wrote it", f"Sound delayed by {calibration['shift_ms']:g} ms")
    rows: list[list[Cell]] = [
        [
            name,
            reading["expected_ms"],
            reading["clicks_ms"],
            reading["curves_ms"],
            reading["spread_ms"],
            f"{reading['answered']} of {reading['answered'] + reading['unanswered']}",
            Flag("right", is_bad=False) if reading["is_right"] else Flag("wrong", is_bad=True, hint=reading["reason"]),
        ]
        for name, reading in zip(names, calibration["readings"], strict=True)
    ]
    heads: list[str | Head] = [
        "",
        Head("Known", "", "ms"),
        Head("By clicks", "", "ms"),
        Head("By curves", "", "ms"),
        Head("Spread", "", "ms"),
        "clicks answered",
        "",
    ]
    return Table(
        "Is the harness right?",
        heads,
        rows,
        "The same engine, renderer and encoder, with clicks for speech and a mouth that opens exactly at each. By "
        "clicks: picture by picture. By curves: as the A/V offset of this page. Positive is a picture that is late. "
        f"Right is within {calibration['tolerance_ms']:g} ms of what is known, with every click answered.",
    )


def recording_table(recordings: Sequence[Record]) -> Table:
    """Each recording, and what they have in common."""
    keys = (
        "seconds", "lip_r_offline", "av_offset_ms", "silence_stability", "sound_similarity", "played_in_pieces", "fps",
        "deadline_misses", "dropped", "first_frame_ms", "psnr_moving", "ssim_moving",
    )  # fmt: skip
    rows: list[list[Cell]] = [
        [one["name"], *(one[key] for key in keys), _inner(one, "p95"), one["stream_sha256"][:12]] for one in recordings
    ]
    if len(recordings) > 1:
        values = [[one[key] for one in recordings] for key in keys] + [[_inner(one, "p95") for one in recordings]]
        rows.append(["mean \u00b1 deviation", *(_scatter(column) for column in values), ""])
    heads: list[str | Head] = [
        "recording", Head("Length", "", "s"), Head("Lip r", "higher", "offline"), Head("A/V offset", "", "ms"),
        Head("At rest in silence", "higher"), Head("Sound played", "higher"), Head("Pieces", "lower"),
        Head("Frame rate", "", "fps"),
        Head("Late", "lower"), Head("Dropped", "lower"), Head("First picture", "lower", "ms"),
        Head("PSNR", "higher", "dB"), Head("SSIM", "higher"), Head("Latency, 95 %", "lower", "ms"), "frames, SHA-256",
    ]  # fmt: skip
    note = (
        "Sound played: correlation of the recording with what is in the file, 1 is all of it. Pieces: in how many, "
        "more than one where the engine waited or left out silence; each is compared at its own place. PSNR and "
        "SSIM: read back against drawn pictures, where these move, which is what encoding costs. Equal SHA-256: equal "
        "frames, sound and times."
    )
    return Table(
        "Recordings", heads, rows, note, marked=(len(recordings),), search="Search" if len(recordings) > 15 else ""
    )


def _inner(record: Record, key: str) -> float | None:
    return (record["latency_ms"] or {}).get(key)


def _scatter(values: Sequence[float | None]) -> Interval:
    known = np.array([value for value in values if value is not None], np.float64)
    if not len(known):
        return Interval(None, None, None, "no recording has it")
    if len(known) < 2:
        return Interval(float(known.mean()), None, None, "one recording")
    mean, apart = float(known.mean()), float(known.std(ddof=1))
    return Interval(mean, mean - apart, mean + apart, "mean, and one standard deviation on each side")


def interruption_table(found: Sequence[Record]) -> Table:
    """Each barge-in."""
    rows: list[list[Cell]] = [
        [
            f"{one['clear_s']:.2f} s",
            one["opening"],
            one["closed_ms"],
            "counts" if one["met_open_mouth"] else "the mouth was closed",
        ]
        for one in found
    ]
    heads: list[str | Head] = [
        "barge-in",
        Head("Mouth then", "", "of face size"),
        Head("Closed after", "lower", "ms"),
        "",
    ]
    return Table("Interruptions", heads, rows, INTERRUPTION.definition)


def stages_table(record: Record) -> Table:
    table = stage_table(record)
    if len(record["recordings"]) == 1:
        return table
    return Table(table.title, table.columns, table.rows, f"{table.note} Of {record['stages_of']}, the slowest to draw.")


def count_table(record: Record) -> Table:
    """What did not go as it should, and what pauses were filled with."""
    names = {
        "frames": "pictures at the sink",
        "dropped": "slots that were never drawn, or not taken in time",
        "repeated": "pictures with the motion before theirs, which was not there",
        "fillers": "slots without speech",
        "starved": "of these in the middle of speech: sound or motion was late",
        "stretched": "of these added to a pause, for a slow source",
        "skipped": "frames of silence left out, for a late or fast source",
        "underruns": "times that the sound ran out",
        "deadline_misses": "pictures after their time",
    }
    rows: list[list[Cell]] = [[key.replace("_", " "), record[key], meaning] for key, meaning in names.items()]
    return Table("Counts of the engine", ["", "count", "meaning"], rows, "All recordings together.", prose=(2,))

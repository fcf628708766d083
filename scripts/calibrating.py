"""The known answer, read back: offset of clicks in a written video (mp4, mkv), by the time stamps of its container.

Part of `scripts.realtime_eval`: before a figure about picture and sound is believed, the same engine, renderer and
encoder are given clicks to answer, and the harness has to read 0, and a shift where the sound was moved. There are two
ways to see that a picture answers a click: `brightness` for `FlashRenderer`, and `mouth_opening`, which finds the
landmarks of a real face again, picture by picture.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from src.data.audio import load_recording
from src.data.labels import extract_motion, lip_opening
from src.data.rejection import MediaError, Reason
from src.data.tracking import FaceTracker, Stopwatch
from src.data.video import Timeline, read_images, read_timeline
from src.errors import DataError
from src.eval.lip_sync import av_offset_ms
from src.eval.live.click_offset import ClickOffsets, click_offsets, find_clicks, find_openings
from src.eval.live.drift import Window, drift_per_hour
from src.eval.metrics import Measurement
from src.files import replacing
from src.realtime.calibration import ClickPredictor

TOLERANCE_MS = 5.0
"""How far a reading may be from the known answer."""

Opening = Callable[[Path, Timeline], NDArray[np.floating]]


def measure_clicks(video: Path, opening: Opening) -> ClickOffsets:
    """How much later the pictures of a video answer than its sound clicks.

    Args:
        video: with a sound track of clicks, as `click_waveform` makes them.
        opening: gives (T,), how open each picture is.

    Raises:
        MediaError: it can't be read, or shows no face.
    """
    recording, timeline = load_recording(video), read_timeline(video)
    clicks_s = find_clicks(recording.waveform, recording.sample_rate_hz, recording.start_s)
    values = opening(video, timeline)
    seen = np.isfinite(values)
    return click_offsets(clicks_s, find_openings(values[seen], timeline.times_s[seen]))


def brightness(video: Path, timeline: Timeline) -> NDArray[np.floating]:
    """(T,) mean brightness of each picture."""
    return np.array([image.mean() for _, image in read_images(video, timeline, np.arange(len(timeline.times_s)))])


def mouth_opening(video: Path, timeline: Timeline) -> NDArray[np.floating]:
    """(T,) `jaw_open` in each picture, found again by its landmarks; not a number where they were not found.

    Raises:
        MediaError: no face in it.
    """
    with FaceTracker(max_side_px=1280, probe_every_s=np.inf, rival_ratio=1.0) as tracker:
        track = tracker.follow(video, timeline, -np.inf, np.inf, Stopwatch())
    if not track.present.any():
        raise MediaError(video, Reason.NO_FACE, "no face was found in the video. Check its light, size and direction.")
    opening = np.full(len(timeline.times_s), np.nan)
    opening[np.searchsorted(timeline.times_s, track.times_s[track.present])] = lip_opening(
        track.landmarks[track.present]
    )
    return opening


@dataclass(frozen=True)
class Reading:
    """What the harness says of a video of clicks, and what it should say, in ms; positive: the picture is late.

    Attributes:
        expected_ms: the known answer.
        clicks_ms: median over clicks, picture by picture; None where it can't be read.
        curves_ms: by the comparison of curves that every report's A/V offset is; None where it can't be read.
        spread_ms: largest less smallest offset of a click.
        answered, unanswered, unasked: clicks with a picture, without one, and openings without a click.
        reason: why a reading is missing.
    """

    expected_ms: float
    clicks_ms: float | None
    curves_ms: float | None
    spread_ms: float | None
    answered: int
    unanswered: int
    unasked: int
    reason: str = ""

    @property
    def is_right(self) -> bool:
        """Whether both readings are within `TOLERANCE_MS`, and every click was answered and nothing else."""
        readings = (self.clicks_ms, self.curves_ms)
        near = all(one is not None and abs(one - self.expected_ms) <= TOLERANCE_MS for one in readings)
        return near and not self.unanswered and not self.unasked


def read_known(video: Path, predictor: ClickPredictor, expected_ms: float) -> tuple[Reading, ClickOffsets]:
    """Read a video of clicks in both ways."""
    offsets, curves, reason = ClickOffsets(np.zeros(0), np.zeros(0), 0, 0), None, ""
    try:
        offsets = measure_clicks(video, mouth_opening)
        sound = load_recording(video, predictor.sample_rate_hz).waveform
        found: Measurement = av_offset_ms(extract_motion(video), predictor.predict(sound))
        curves, reason = found.value, offsets.median.reason or found.reason
    except DataError as error:  # a renderer without a face, for one; the report says so
        reason = str(error)
    return (
        Reading(
            expected_ms,
            offsets.median.value,
            curves,
            offsets.spread_ms,
            len(offsets.offsets_ms),
            offsets.unanswered,
            offsets.unasked,
            reason,
        ),
        offsets,
    )


def calibration_record(video: Path, predictor: ClickPredictor, shift_ms: float) -> dict[str, Any]:
    """What the harness reads where the answer is known: of a video of clicks, and of the same with its sound delayed.

    Args:
        video: that an engine wrote of clicks, with a face.
        predictor: that opened its mouth.
        shift_ms: by which a copy, `<name>_moved` beside the video, has its sound delayed.

    Returns:
        For the report: both readings, whether they are right, and the drift over the clicks.
    """
    moved = delayed_sound(video, video.with_name(f"{video.stem}_moved{video.suffix}"), shift_ms)
    plain, offsets = read_known(video, predictor, 0.0)
    late, _ = read_known(moved, predictor, -shift_ms)
    pairs = zip(offsets.clicks_s.tolist(), offsets.offsets_ms.tolist(), strict=True)
    drift = drift_per_hour([[Window(*pair) for pair in pairs]])
    return {
        "readings": [{**asdict(one), "is_right": one.is_right} for one in (plain, late)],
        "is_right": plain.is_right and late.is_right,
        "tolerance_ms": TOLERANCE_MS,
        "shift_ms": shift_ms,
        "drift_ms_per_hour": drift.measurement.value,
        "drift_low": drift.low,
        "drift_high": drift.high,
        "video": video.name,
    }


def delayed_sound(video: Path, out: Path, late_ms: float) -> Path:
    """A copy of a video whose sound is later by its time stamps; nothing is encoded again.

    Args:
        video: with one picture and one sound track.
        out: of the same format.
        late_ms: 0 or more.
    """
    with replacing(out) as unfinished, av.open(str(video)) as source, av.open(str(unfinished), "w") as target:
        streams = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.pts is None or packet.dts is None:
                continue
            stream = source.streams[packet.stream_index]
            if stream.type == "audio":
                late = round(Fraction(late_ms) / 1000 / (stream.time_base or Fraction(1)))
                packet.pts, packet.dts = packet.pts + late, packet.dts + late
            packet.stream = streams[packet.stream_index]
            target.mux(packet)
    return out

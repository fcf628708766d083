"""The known answer, read back: offset of clicks in a written video (mp4, mkv), by the time stamps of its container.

Part of `scripts.realtime_eval`. Two ways to see that a picture answers a click: `brightness` for `FlashRenderer`, and
`mouth_opening`, which finds the landmarks of a real face again, picture by picture.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from src.data.audio import load_recording
from src.data.labels import label_core7
from src.data.rejection import MediaError, Reason
from src.data.tracking import FaceTracker, Stopwatch
from src.data.video import Timeline, read_images, read_timeline
from src.eval.lip_sync import MOUTH
from src.eval.live.click_offset import ClickOffsets, click_offsets, find_clicks, find_openings
from src.motion import FRAMES_PER_SECOND

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
    return click_offsets(clicks_s, find_openings(opening(video, timeline), timeline.times_s))


def brightness(video: Path, timeline: Timeline) -> NDArray[np.floating]:
    """(T,) mean brightness of each picture."""
    return np.array([image.mean() for _, image in read_images(video, timeline, np.arange(len(timeline.times_s)))])


def mouth_opening(video: Path, timeline: Timeline) -> NDArray[np.floating]:
    """(T,) `jaw_open` in each picture, found again by its landmarks.

    Raises:
        MediaError: no face in it.
    """
    with FaceTracker(max_side_px=1280, probe_every_s=np.inf, rival_ratio=1.0) as tracker:
        track = tracker.follow(video, timeline, -np.inf, np.inf, Stopwatch())
    if not track.present.any():
        raise MediaError(video, Reason.NO_FACE, "no face was found in the video. Check its light, size and direction.")
    return label_core7(track.landmarks, track.present, FRAMES_PER_SECOND, 0.0).channel(MOUTH)

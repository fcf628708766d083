"""Pictures of a video at given instants, found by presentation time and never by counting.

decord decodes. Its own time stamps can't be used: they start at the first picture instead of the
container's zero, keep pictures that an edit list cuts away, and are void for avi. The presentation
times come from the packets as FFmpeg reports them, on the clock that the sound of the file shares.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from src.data.audio import opened
from src.data.rejection import MediaError, Reason
from src.errors import DataError

logger = logging.getLogger(__name__)

MAX_DISTANCE_S = 0.04
"""An instant with no picture this close has none: half the interval of a 12.5 fps video."""

LARGEST_STEP_S = 0.042
"""How far apart the pictures may be that are chosen from a fast video: those of a film, 24 per second, are."""


@dataclass(frozen=True, eq=False)
class Timeline:
    """When the pictures of a video are shown.

    Attributes:
        times_s: (N,) ascending presentation times on the container's clock, N >= 1.
        end_s: when the last picture ends.
        declared_s: when the video ends by the container's declaration, 0 if it declares nothing.
        width, height: size of the coded pictures in pixels, before any rotation.
    """

    times_s: NDArray[np.float64]
    end_s: float
    declared_s: float
    width: int
    height: int

    @property
    def fps(self) -> float:
        """Pictures per second on average; 0 for a single picture."""
        span = float(self.times_s[-1] - self.times_s[0])
        return (len(self.times_s) - 1) / span if span > 0 else 0.0

    def nearest(self, times_s: NDArray[np.float64]) -> NDArray[np.int64]:
        """(T,) index of the picture shown closest to each instant; -1 where none is close enough."""
        nearest = nearest_of(self.times_s, times_s)
        # A microsecond of grace: 0.04 s apart is reached exactly by a 12.5 fps video.
        return np.where(np.abs(self.times_s[nearest] - times_s) <= MAX_DISTANCE_S + 1e-6, nearest, -1)

    def between(self, start_s: float, end_s: float) -> NDArray[np.int64]:
        """Indices of the pictures shown from one instant to another, ascending.

        Of a fast video only as many as keep them `LARGEST_STEP_S` apart or less: of 60 per second every other one.
        """
        first, last = np.searchsorted(self.times_s, [start_s, end_s])
        chosen = []
        index = int(first)
        while index < last:
            chosen.append(index)
            furthest = int(np.searchsorted(self.times_s, self.times_s[index] + LARGEST_STEP_S, side="right")) - 1
            index = max(furthest, index + 1)
        return np.array(chosen, np.int64)


def nearest_of(known_s: NDArray[np.float64], wanted_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """(T,) which of N ascending times, N >= 1, is nearest to each wanted one; of two as near, the earlier."""
    after = np.clip(np.searchsorted(known_s, wanted_s), 0, len(known_s) - 1)
    before = np.maximum(after - 1, 0)
    return np.where(np.abs(known_s[before] - wanted_s) <= np.abs(known_s[after] - wanted_s), before, after)


def read_timeline(path: Path) -> Timeline:
    """Presentation times of a video's pictures, read from its packets without decoding.

    Raises:
        MediaError: no such file, no media file, no video in it, or packets that can't be read.
    """
    with opened(path) as container:
        streams = [
            stream for stream in container.streams.video if not stream.disposition & stream.disposition.attached_pic
        ]
        if not streams:
            raise MediaError(path, Reason.NO_VIDEO, "the file has no video track. Give a video of a talking person.")
        stream = streams[0]
        # Without a decoder PyAV gives a stream that lacks even its size.
        if stream.codec_context is None:
            raise MediaError(
                path, Reason.UNREADABLE, "its video is in no format that FFmpeg knows. Convert it to H.264 in mp4."
            )
        time_base = float(stream.time_base or 0)
        try:
            shown = [
                (packet.pts, packet.duration or 0)
                for packet in container.demux(stream)
                if packet.pts is not None and not packet.is_discard
            ]
        except (av.FFmpegError, OSError) as error:
            raise MediaError(
                path, Reason.TRUNCATED, f"the video can't be read to its end ({error}). Copy it again from its source."
            ) from error
        if not shown:
            raise MediaError(
                path, Reason.UNREADABLE, "the video track holds no pictures with a time stamp. Convert it to mp4."
            )
        shown.sort()
        times = np.array([stamp for stamp, _ in shown], np.float64) * time_base
        end_s = float(sum(shown[-1]) * time_base)
        if container.format.name == "avi" and stream.average_rate:
            # avi has no presentation times; what is reported is the decoding order. Its rate is constant.
            times = np.arange(len(times)) / float(stream.average_rate)
            end_s = len(times) / float(stream.average_rate)
        whole_s = (container.duration or 0) / av.time_base
        declared_s = float(stream.duration) * time_base if stream.duration else whole_s
        return Timeline(times, end_s, declared_s, stream.width, stream.height)


def sample_images(
    path: Path, timeline: Timeline, times_s: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
    """Pictures shown nearest to given instants, decoded one at a time in order.

    Args:
        path: the video.
        timeline: what `read_timeline` gave for it.
        times_s: (T,) ascending instants on the container's clock.

    Yields:
        Which instants a picture is for (a slow video serves several with one picture), and the picture
        (H, W, 3) uint8 RGB, turned upright as the file's rotation says. Instants without a picture
        are left out.

    Raises:
        MediaError: decoding stops before the last wanted picture.
        DataError: decord is not installed.
    """
    nearest = timeline.nearest(times_s)
    instants = np.arange(len(times_s))
    for index, image in read_images(path, timeline, np.unique(nearest[nearest >= 0])):
        yield instants[nearest == index], image


def read_images(path: Path, timeline: Timeline, indices: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Pictures by their place in the timeline, decoded one at a time in order.

    Args:
        path: the video.
        timeline: what `read_timeline` gave for it.
        indices: (N,) ascending, each once.

    Yields:
        An index and its picture (H, W, 3) uint8 RGB, turned upright as the file's rotation says.

    Raises:
        MediaError: decoding stops before the last wanted picture.
        DataError: decord is not installed.
    """
    if not len(indices):
        return
    reader, decord_error = _decord_reader(path)
    position = -1
    for index in indices:
        try:
            # In order rather than by index: seeking is where decord's pictures go wrong.
            if index - position > 1:
                reader.skip_frames(int(index - position - 1))
            image = reader.next()
            position = int(index)
        except (decord_error, StopIteration) as error:
            raise MediaError(
                path,
                Reason.TRUNCATED,
                f"the video can't be decoded beyond picture {position + 1} of {len(timeline.times_s)}: the file is cut "
                "off or damaged. Copy it again from its source.",
            ) from error
        yield position, image.asnumpy()


def _decord_reader(path: Path) -> tuple[Any, type[Exception]]:
    try:
        import decord
    except ModuleNotFoundError as error:
        raise DataError(
            "reading videos needs decord, which is not installed. Install it with `pip install decord` "
            "(`eva-decord` on macOS), or run `make .venv`."
        ) from error
    decord.logging.set_level(decord.logging.QUIET)
    try:
        # More threads gain nothing: preparation runs one process per core.
        return decord.VideoReader(str(path), ctx=decord.cpu(0), num_threads=1), decord.DECORDError
    except (decord.DECORDError, RuntimeError) as error:
        raise MediaError(
            path,
            Reason.UNREADABLE,
            "decord can't decode the video, though its container is sound. Convert it to H.264 in mp4.",
        ) from error

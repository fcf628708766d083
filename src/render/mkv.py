"""Writing pictures and sound to a Matroska file that can be played as far as it got, whatever happens to the writer.

H.264 (yuv420p) and AAC as in `src.render.mp4`. An MP4 file gets its index at the end and is nothing without it; this
one is complete after every cluster, so it is written under its own name from the start.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from av.video import VideoStream

from src.render.mp4 import Mp4Writer

CLUSTER_MS = 500
"""A process killed at any moment loses no more than this and what the encoders hold (AAC: 0.1 s)."""


class MkvWriter(Mp4Writer):
    """One MKV file while it is written; arguments as of `Mp4Writer`.

    Unlike other files it is there from the start and stays as far as it got when the block ends badly or the process is
    killed. An older file of that name is gone once this one is open.
    """

    @property
    def _format(self) -> str:
        return "matroska"

    def _options(self) -> dict[str, str]:
        return {"fflags": "+bitexact+flush_packets", "flush_packets": "1", "cluster_time_limit": str(CLUSTER_MS)}

    def _open_video(self) -> VideoStream:
        stream = super()._open_video()
        # No look-ahead: a picture that was added is in the file, not in the encoder.
        stream.options = {**stream.options, "tune": "zerolatency"}
        return stream

    @contextmanager
    def _place(self) -> Iterator[Path]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        yield self.path

"""Writing pictures and sound to an MP4 file that every player opens.

H.264 (yuv420p) and AAC. With one thread two identical writes give identical bytes.
"""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio import AudioStream
from av.video import VideoStream
from numpy.typing import NDArray

from src.render.video_file import VIDEO_CLOCK_HZ, VideoFile

AUDIO_BIT_RATE = 96_000


class Mp4Writer(VideoFile):
    """One MP4 file while it is written; see `VideoFile`.

    Args:
        path, width, height, fps, sample_rate_hz: as of `VideoFile`.
        preset: libx264 speed preset; slower presets make smaller files.
        crf: libx264 quality, 0 (lossless) .. 51.
        threads: threads of the video encoder. Only the same number gives the same bytes.

    Raises:
        RenderError: a size, rate or encoder setting can't be used, or the file can't be made.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        width: int,
        height: int,
        fps: float,
        sample_rate_hz: int | None,
        preset: str = "veryfast",
        crf: int = 18,
        threads: int = 1,
    ) -> None:
        super().__init__(path, width=width, height=height, fps=fps, sample_rate_hz=sample_rate_hz)
        self._preset, self._crf, self._threads = preset, crf, threads

    @property
    def _channels(self) -> int:
        return 3

    @property
    def _settings(self) -> str:
        return f"preset {self._preset!r}, crf {self._crf}"

    @property
    def _format(self) -> str:
        return "mp4"

    def _options(self) -> dict[str, str]:
        # bitexact keeps library versions out of the file, so that equal content is equal bytes.
        return {"movflags": "+faststart", "fflags": "+bitexact"}

    def _open_video(self) -> VideoStream:
        stream = self._container.add_stream("libx264", rate=Fraction(self._fps).limit_denominator(1001))
        context = stream.codec_context
        stream.width, stream.height, stream.pix_fmt = self._width, self._height, "yuv420p"
        context.time_base = Fraction(1, VIDEO_CLOCK_HZ)
        context.thread_count = self._threads
        # No B-frames: decoding and presentation order agree, so the picture needs no edit list and readers
        # that ignore edit lists still see the right times.
        stream.options = {"preset": self._preset, "crf": str(self._crf), "bf": "0"}
        return stream

    def _open_audio(self, sample_rate_hz: int) -> AudioStream:
        stream = self._container.add_stream("aac", rate=sample_rate_hz, layout="mono")
        stream.codec_context.time_base = Fraction(1, sample_rate_hz)
        stream.bit_rate = AUDIO_BIT_RATE
        return stream

    def _frame(self, image: NDArray[np.uint8]) -> av.VideoFrame:
        return av.VideoFrame.from_ndarray(image, format="rgb24")

    def _remedy(self, image: NDArray[np.uint8]) -> str:
        if image.ndim == 3 and image.shape[2] == 4:
            return (
                "MP4 holds no transparency: write a .webm or .mov, or put something behind the person, such as "
                "render/backdrop=colour."
            )
        return super()._remedy(image)

"""Videos with transparency: VP9 in WebM for browsers, ProRes 4444 in MOV for editors."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.audio import AudioStream
from av.video import VideoStream
from numpy.typing import NDArray

from src.errors import RenderError
from src.render.video_file import VIDEO_CLOCK_HZ, VideoFile

BLEED_PX = 5
"""How far colours are continued beyond the person: players mix neighbours, and black would show as a dark rim."""


@dataclass(frozen=True)
class _Kind:
    format: str
    video: str
    pixels: str
    video_options: dict[str, str]
    audio: str


_KINDS = {
    # No alternate reference frames: libvpx refuses them with alpha.
    ".webm": _Kind(
        "webm",
        "libvpx-vp9",
        "yuva420p",
        {"crf": "20", "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1", "auto-alt-ref": "0"},
        "libopus",
    ),
    ".mov": _Kind("mov", "prores_ks", "yuva444p10le", {"profile": "4444", "alpha_bits": "16"}, "pcm_s16le"),
}
ALPHA_SUFFIXES = tuple(_KINDS)


class AlphaVideoWriter(VideoFile):
    """One `.webm` or `.mov` file of RGBA images while it is written; see `VideoFile`.

    Args:
        path, width, height, fps, sample_rate_hz: as of `VideoFile`. WebM takes sound of 8, 12, 16, 24 and 48 kHz.

    Raises:
        RenderError: another ending, or as of `VideoFile`.
    """

    def __init__(self, path: Path | str, *, width: int, height: int, fps: float, sample_rate_hz: int | None) -> None:
        super().__init__(path, width=width, height=height, fps=fps, sample_rate_hz=sample_rate_hz)
        if self.path.suffix.lower() not in _KINDS:
            raise RenderError(
                f"{self.path}: videos with alpha are written as {' or '.join(_KINDS)}. Choose one of these names."
            )
        self._kind = _KINDS[self.path.suffix.lower()]

    @property
    def _channels(self) -> int:
        return 4

    @property
    def _settings(self) -> str:
        return f"the encoders {self._kind.video} and {self._kind.audio} of this PyAV"

    @property
    def _format(self) -> str:
        return self._kind.format

    def _options(self) -> dict[str, str]:
        return {"fflags": "+bitexact"}

    def _open_video(self) -> VideoStream:
        stream: VideoStream = self._container.add_stream(  # type: ignore[assignment]
            self._kind.video, rate=Fraction(self._fps).limit_denominator(1001)
        )
        stream.width, stream.height, stream.pix_fmt = self._width, self._height, self._kind.pixels
        stream.codec_context.time_base = Fraction(1, VIDEO_CLOCK_HZ)
        stream.options = dict(self._kind.video_options)
        return stream

    def _open_audio(self, sample_rate_hz: int) -> AudioStream:
        stream: AudioStream = self._container.add_stream(  # type: ignore[assignment]
            self._kind.audio, rate=sample_rate_hz, layout="mono"
        )
        stream.codec_context.time_base = Fraction(1, sample_rate_hz)
        return stream

    def _frame(self, image: NDArray[np.uint8]) -> av.VideoFrame:
        return av.VideoFrame.from_ndarray(continued(image), format="rgba")

    def _remedy(self, image: NDArray[np.uint8]) -> str:
        if image.ndim == 3 and image.shape[2] == 3:
            return "These pictures have no transparency: set render/backdrop=transparent, or write an .mp4."
        return super()._remedy(image)


def continued(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGBA whose colours go on where nothing is seen of them; what is seen stays as it is."""
    alpha = cv2.extractChannel(image, 3).astype(np.float32)
    side = (2 * BLEED_PX + 1, 2 * BLEED_PX + 1)
    share = cv2.blur(alpha, side)[..., None]
    around = cv2.blur(image[..., :3].astype(np.float32) * alpha[..., None], side) / np.maximum(share, 1e-3)
    colours = np.where(alpha[..., None] > 0, image[..., :3], np.clip(np.round(around), 0, 255).astype(np.uint8))
    return np.dstack([colours, image[..., 3]]).astype(np.uint8)

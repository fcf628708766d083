"""Writing pictures and sound to one file, whatever its format.

Muxed by time stamps: an image is shown at the presentation time it was given, the first sound sample sounds at t = 0.
The file appears under its name when the block ends well and not at all otherwise; `MkvWriter` says why it differs.
"""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.audio import AudioStream
from av.video import VideoStream
from numpy.typing import NDArray

from src.errors import RenderError
from src.files import replacing

VIDEO_CLOCK_HZ = 90_000
"""Ticks per second of image time stamps; the usual clock of video, divided evenly by 24, 25, 30 and 60 fps."""


class VideoFile(ABC):
    """One file of pictures and sound while it is written; a context manager.

    Images and sound may arrive in any interleaving; each stream on its own in order of time.

    Args:
        path: where the file appears; missing parent folders are made, an older file is replaced.
        width, height: pixels of every image, even and above 0 (colour planes have half the size).
        fps: frames per second that players are told and that the last image lasts, above 0.
        sample_rate_hz: rate of the sound, or None for a silent file.

    Raises:
        RenderError: a size or rate can't be used.
    """

    def __init__(self, path: Path | str, *, width: int, height: int, fps: float, sample_rate_hz: int | None) -> None:
        self.path = Path(path)
        if width <= 0 or height <= 0 or width % 2 or height % 2:
            raise RenderError(
                f"{self.path}: images of {width}x{height} pixels can't be written as a video, which needs even sides "
                "above 0. Crop or pad the images by one pixel."
            )
        if not fps > 0 or not (sample_rate_hz is None or sample_rate_hz > 0):
            raise RenderError(
                f"{self.path}: fps {fps} and sample rate {sample_rate_hz} must be above 0. Pass the rates of the media."
            )
        self._width, self._height, self._fps = width, height, fps
        self._sample_rate_hz = sample_rate_hz
        self._stack = ExitStack()
        self._num_samples = 0
        self._last_tick = -1

    @property
    @abstractmethod
    def _channels(self) -> int:
        """Of the images: 3 for RGB, 4 for RGB and straight alpha."""

    @property
    @abstractmethod
    def _settings(self) -> str:
        """What a user may have set wrong, for messages."""

    @property
    @abstractmethod
    def _format(self) -> str:
        """FFmpeg's name of the container."""

    @abstractmethod
    def _options(self) -> dict[str, str]:
        """Of the container."""

    @abstractmethod
    def _open_video(self) -> VideoStream:
        """The stream of pictures in `self._container`."""

    @abstractmethod
    def _open_audio(self, sample_rate_hz: int) -> AudioStream:
        """The stream of sound in `self._container`."""

    @abstractmethod
    def _frame(self, image: NDArray[np.uint8]) -> av.VideoFrame:
        """An image of the right shape, for the encoder."""

    def _place(self) -> AbstractContextManager[Path]:
        """The file to write into while the block lasts."""
        return replacing(self.path)

    def _remedy(self, image: NDArray[np.uint8]) -> str:
        """What to do about an image of a wrong shape."""
        return "Render at the size that the writer was opened with."

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            unfinished = stack.enter_context(self._place())
            try:
                self._container = av.open(str(unfinished), "w", format=self._format, options=self._options())
                stack.callback(self._container.close)
                self._video = self._open_video()
                self._audio = None if self._sample_rate_hz is None else self._open_audio(self._sample_rate_hz)
                self._container.start_encoding()
            except (av.FFmpegError, ValueError) as error:
                raise RenderError(
                    f"{self.path}: the encoder refused to start ({error}). Check {self._settings}, sample rate "
                    f"{self._sample_rate_hz} and that the folder can be written."
                ) from error
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            # Entered callbacks see the block's error, so `replacing` keeps the old file.
            if error is not None:
                raise error
            self._finish()

    def add_image(self, image: NDArray[np.uint8], time_s: float) -> None:
        """Show an image from a presentation time on, until the next one.

        Args:
            image: (height, width, channels) uint8. Copied.
            time_s: seconds from the first sound sample, >= 0 and after the previous image.

        Raises:
            RenderError: the image has another shape or type, or the times do not grow.
        """
        expected = (self._height, self._width, self._channels)
        if image.shape != expected or image.dtype != np.uint8:
            raise RenderError(
                f"{self.path}: got an image of shape {image.shape} and type {image.dtype}, expected {expected} uint8 "
                f"{'RGB' if self._channels == 3 else 'RGBA'}. {self._remedy(image)}"
            )
        tick = round(time_s * VIDEO_CLOCK_HZ)
        if tick <= self._last_tick:
            raise RenderError(
                f"{self.path}: image time {time_s:.4f} s is not after the previous one "
                f"({self._last_tick / VIDEO_CLOCK_HZ:.4f} s) or below 0. Add images in order of presentation time."
            )
        self._last_tick = tick
        frame = self._frame(np.ascontiguousarray(image))
        frame.pts, frame.time_base = tick, Fraction(1, VIDEO_CLOCK_HZ)
        self._container.mux(self._video.encode(frame))

    def add_audio(self, samples: NDArray[np.float32]) -> None:
        """Append sound; the first call's first sample is heard at t = 0.

        Args:
            samples: (S,) float32 mono in [-1, 1] at the writer's sample rate, any S. Copied.

        Raises:
            RenderError: the file was opened without sound, or the samples are not one channel.
        """
        if self._audio is None or self._sample_rate_hz is None or samples.ndim != 1:
            raise RenderError(
                f"{self.path}: sound of shape {samples.shape} does not fit a file opened with sample rate "
                f"{self._sample_rate_hz}. Open the writer with the sound's rate and add mono samples (S,)."
            )
        if not len(samples):
            return
        frame = av.AudioFrame.from_ndarray(np.asarray(samples, np.float32)[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = self._sample_rate_hz, self._num_samples
        frame.time_base = Fraction(1, frame.sample_rate)
        self._num_samples += len(samples)
        self._container.mux(self._audio.encode(frame))

    def _finish(self) -> None:
        if self._last_tick < 0:
            raise RenderError(
                f"{self.path}: no image was added, so there is no video to write. Add at least one image."
            )
        self._container.mux(self._video.encode(None))
        if self._audio is not None:
            self._container.mux(self._audio.encode(None))

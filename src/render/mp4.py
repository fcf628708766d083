"""Writing pictures and sound to an MP4 file that every player opens.

H.264 (yuv420p) and AAC, muxed by time stamps: an image is shown at the presentation time it was given,
the first sound sample sounds at t = 0. The file appears under its name when the block ends well and
not at all otherwise. With one thread two identical writes give identical bytes.
"""

from contextlib import ExitStack
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
AUDIO_BIT_RATE = 96_000


class Mp4Writer:
    """One MP4 file while it is written; a context manager.

    Images and sound may arrive in any interleaving; each stream on its own in order of time.

    Args:
        path: where the file appears; missing parent folders are made, an older file is replaced.
        width, height: pixels of every image, even and above 0 (yuv420p halves its colour planes).
        fps: frames per second that players are told and that the last image lasts, above 0.
        sample_rate_hz: rate of the sound, or None for a silent file.
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
        self.path = Path(path)
        if width <= 0 or height <= 0 or width % 2 or height % 2:
            raise RenderError(
                f"{self.path}: images of {width}x{height} pixels can't be written as H.264 yuv420p, which needs even "
                "sides above 0. Crop or pad the images by one pixel."
            )
        if not fps > 0 or not (sample_rate_hz is None or sample_rate_hz > 0):
            raise RenderError(
                f"{self.path}: fps {fps} and sample rate {sample_rate_hz} must be above 0. Pass the rates of the media."
            )
        self._width, self._height, self._fps = width, height, fps
        self._sample_rate_hz = sample_rate_hz
        self._preset, self._crf, self._threads = preset, crf, threads
        self._stack = ExitStack()
        self._num_samples = 0
        self._last_tick = -1

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            unfinished = stack.enter_context(replacing(self.path))
            try:
                # bitexact keeps library versions out of the file, so that equal content is equal bytes.
                self._container = av.open(
                    str(unfinished), "w", options={"movflags": "+faststart", "fflags": "+bitexact"}
                )
                stack.callback(self._container.close)
                self._video = self._open_video()
                self._audio = None if self._sample_rate_hz is None else self._open_audio(self._sample_rate_hz)
                self._container.start_encoding()
            except (av.FFmpegError, ValueError) as error:
                raise RenderError(
                    f"{self.path}: the encoder refused to start ({error}). Check preset {self._preset!r}, crf "
                    f"{self._crf}, sample rate {self._sample_rate_hz} and that the folder can be written."
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
            image: (height, width, 3) uint8 RGB. Copied.
            time_s: seconds from the first sound sample, >= 0 and after the previous image.

        Raises:
            RenderError: the image has another shape or type, or the times do not grow.
        """
        if image.shape != (self._height, self._width, 3) or image.dtype != np.uint8:
            raise RenderError(
                f"{self.path}: got an image of shape {image.shape} and type {image.dtype}, expected "
                f"({self._height}, {self._width}, 3) uint8 RGB. Render at the size that the writer was opened with."
            )
        tick = round(time_s * VIDEO_CLOCK_HZ)
        if tick <= self._last_tick:
            raise RenderError(
                f"{self.path}: image time {time_s:.4f} s is not after the previous one "
                f"({self._last_tick / VIDEO_CLOCK_HZ:.4f} s) or below 0. Add images in order of presentation time."
            )
        self._last_tick = tick
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
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

    def _finish(self) -> None:
        if self._last_tick < 0:
            raise RenderError(
                f"{self.path}: no image was added, so there is no video to write. Add at least one image."
            )
        self._container.mux(self._video.encode(None))
        if self._audio is not None:
            self._container.mux(self._audio.encode(None))

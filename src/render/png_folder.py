"""A folder of pictures, one PNG per frame, with the sound beside them: what every editor and program reads."""

import wave
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from src.errors import RenderError
from src.files import replacing_folder

NAME = "frame_{index:06d}.png"
SOUND = "sound.wav"


class PngFolder:
    """A folder of `frame_000000.png` and so on, RGB or RGBA, and `sound.wav`, while it is written.

    A context manager; the folder appears complete or not at all. Times are those of a steady frame rate.

    Args:
        path: the folder; missing or empty, for all in it would be lost.
        fps: frames per second, above 0.
        sample_rate_hz: rate of the sound, or None for none.

    Raises:
        RenderError: the folder holds something, or is a file.
    """

    def __init__(self, path: Path | str, *, fps: float, sample_rate_hz: int | None) -> None:
        self.path = Path(path)
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise RenderError(f"{self.path}: the folder for the pictures exists and holds something. Choose another.")
        self._fps, self._sample_rate_hz = fps, sample_rate_hz
        self._stack = ExitStack()
        self._count = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._folder = stack.enter_context(replacing_folder(self.path))
            self._sound = None
            if self._sample_rate_hz is not None:
                self._sound = stack.enter_context(wave.open(str(self._folder / SOUND), "wb"))
                self._sound.setparams((1, 2, self._sample_rate_hz, 0, "NONE", ""))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if error is not None:
                raise error
            if not self._count:
                raise RenderError(f"{self.path}: no image was added. Add at least one image.")

    def add_image(self, image: NDArray[np.uint8], time_s: float) -> None:
        """Write the next frame.

        Args:
            image: (H, W, 3) RGB or (H, W, 4) RGB and straight alpha.
            time_s: seconds from the first sound sample: 0, 1 / fps, 2 / fps and so on.

        Raises:
            RenderError: the time is another frame's, or the picture can't be written.
        """
        if round(time_s * self._fps) != self._count:
            raise RenderError(
                f"{self.path}: image time {time_s:.4f} s, expected {self._count / self._fps:.4f} s: a folder of "
                "pictures holds every frame. Add all of them in order."
            )
        swapped = cv2.cvtColor(image, cv2.COLOR_RGBA2BGRA if image.shape[2] == 4 else cv2.COLOR_RGB2BGR)
        done, encoded = cv2.imencode(".png", swapped)
        if not done:
            raise RenderError(f"{self.path}: a picture of shape {image.shape} can't be written as PNG. Use 8-bit RGB.")
        (self._folder / NAME.format(index=self._count)).write_bytes(encoded.tobytes())
        self._count += 1

    def add_audio(self, samples: NDArray[np.float32]) -> None:
        """Append (S,) mono sound in [-1, 1]; the first call's first sample is heard at t = 0.

        Raises:
            RenderError: the folder was opened without sound.
        """
        if self._sound is None or samples.ndim != 1:
            raise RenderError(
                f"{self.path}: sound of shape {samples.shape} does not fit a folder opened with sample rate "
                f"{self._sample_rate_hz}. Open it with the sound's rate and add mono samples (S,)."
            )
        self._sound.writeframes(np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())

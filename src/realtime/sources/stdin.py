"""Raw samples from a pipe: `ffmpeg -i talk.mp4 -f s16le -ac 1 -ar 48000 - | python -m scripts.realtime ...`."""

import logging
import sys
import threading
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from src.errors import ConfigError, StreamError
from src.realtime.frame import Chunk
from src.realtime.intake import AudioIntake
from src.realtime.sources.chunk_size import chunk_size
from src.realtime.sources.pipe import CAN_STOP, LOOK_S, piped
from src.realtime.sources.sound_queue import SoundQueue

logger = logging.getLogger(__name__)

_FORMATS = {"s16le": "<i2", "f32le": "<f4"}


class StdinSource:
    """Sound from standard input until it ends.

    A pipe that delivers faster than speech waits: the queue is full, then the pipe, then the program before it.
    """

    def __init__(
        self,
        *,
        sample_rate_hz: int,
        format: Literal["s16le", "f32le"],
        channels: int,
        chunk_ms: float,
        buffer_s: float,
    ) -> None:
        """See the class.

        Args:
            sample_rate_hz: of the pipe.
            format: of its samples: 16-bit whole numbers or 32-bit floats, little-endian.
            channels: interleaved; averaged.
            chunk_ms: length of the pieces.
            buffer_s: bound of the queue.

        Raises:
            ConfigError: a number or format that can't be.
        """
        if format not in _FORMATS or not 1 <= channels <= 16 or buffer_s <= 0:
            raise ConfigError(
                f"speech.format={format}, channels={channels}, buffer_s={buffer_s:g}: known formats are "
                f"{', '.join(_FORMATS)}, with 1 .. 16 channels and a buffer above 0. Correct them."
            )
        self._rate, self._dtype, self._channels = sample_rate_hz, np.dtype(_FORMATS[format]), channels
        self._chunk_samples = chunk_size(chunk_ms, sample_rate_hz)
        self._capacity = max(round(buffer_s * sample_rate_hz), self._chunk_samples)

    @property
    def sample_rate_hz(self) -> int:
        """Of all chunks."""
        return self._rate

    @property
    def chunk_samples(self) -> int:
        """Size of the largest chunk."""
        return self._chunk_samples

    def chunks(self) -> Iterator[Chunk]:
        """(s,) pieces, each when it would have been spoken; nothing in it while the pipe gives nothing.

        Raises:
            StreamError: standard input is a terminal or closed, or holds no sound.
        """
        if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
            raise StreamError(
                "standard input is no pipe. Send raw samples to it, such as `ffmpeg -i talk.mp4 -f s16le -ac 1 -ar "
                f"{self._rate} - | python -m scripts.realtime realtime/source=stdin`."
            )
        queue = SoundQueue(capacity=self._capacity)
        reader = threading.Thread(target=self._read, args=(sys.stdin.fileno(), queue), name="stdin", daemon=True)
        reader.start()
        num_given = 0
        try:
            while (taken := queue.take(self._chunk_samples, LOOK_S)) is not None:
                num_given += len(taken.samples)
                yield Chunk(taken.samples, at_s=num_given / self._rate)
        finally:
            queue.close()
            if CAN_STOP:
                reader.join()

    def _read(self, descriptor: int, queue: SoundQueue) -> None:
        """The thread of the pipe."""
        intake, left, failure = AudioIntake(sample_rate_hz=self._rate), b"", None
        width, num_bytes = self._dtype.itemsize * self._channels, 0
        try:
            for pcm in piped(descriptor, width * self._chunk_samples, lambda: queue.is_closed):
                num_bytes += len(pcm)
                pcm = left + pcm
                whole = len(pcm) // width * width
                left = pcm[whole:]
                samples: Any = np.frombuffer(pcm[:whole], self._dtype).reshape(-1, self._channels)
                queue.put(intake.take(samples, self._rate))
            if left and not queue.is_closed:
                logger.warning(
                    "standard input ended inside a sample: %d of %d bytes. Check speech.format and speech.channels.",
                    len(left),
                    width,
                )
            if not num_bytes and not queue.is_closed:
                failure = StreamError(
                    "standard input ended without any sound. See what the program before the pipe says."
                )
        except (OSError, StreamError) as error:
            failure = StreamError(
                f"standard input: {error} Check speech.format, speech.sample_rate_hz and speech.channels."
            )
        queue.finish(failure)

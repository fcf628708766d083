"""A microphone, or any other sound input of the machine."""

import logging
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np

from src.errors import ConfigError, StreamError
from src.realtime.devices import LOST_AFTER_S, card_format, sound_library
from src.realtime.frame import Chunk
from src.realtime.intake import AudioIntake
from src.realtime.sources.chunk_size import chunk_size
from src.realtime.sources.sound_queue import NOTHING, SoundQueue

logger = logging.getLogger(__name__)

LOOK_S = 0.1
REMEDY = "speak from a file with realtime/source=file source=<recording>"


class MicrophoneSource:
    """Sound as it is spoken, until somebody ends the run.

    What is not asked for in time is dropped, the oldest first, and counted: what was just said matters more.
    """

    def __init__(
        self,
        *,
        device: int | str | None,
        sample_rate_hz: int | None,
        chunk_ms: float,
        buffer_ms: float,
        latency: float | str,
    ) -> None:
        """Looks for the device, so that a missing one stops the run before it starts.

        Args:
            device: number or part of the name, as `python -m sounddevice` lists them; null is the system's own.
            sample_rate_hz: null is the device's own.
            chunk_ms: length of the pieces.
            buffer_ms: bound of the queue.
            latency: of the device: `low`, `high` or seconds.

        Raises:
            StreamError: PortAudio or the device is missing, or takes no such rate.
            ConfigError: pieces without length, or a queue shorter than one.
        """
        self._library = sound_library()
        self._card = card_format(
            self._library, device, "input", () if sample_rate_hz is None else (sample_rate_hz,), REMEDY
        )
        self._latency = latency
        self._chunk_samples = chunk_size(chunk_ms, self.sample_rate_hz)
        if buffer_ms < chunk_ms:
            raise ConfigError(
                f"speech.buffer_ms={buffer_ms:g} is less than one chunk of {chunk_ms:g} ms. Set it to 500 or so."
            )
        self._queue = SoundQueue(capacity=round(buffer_ms * self.sample_rate_hz / 1000.0))
        self._intake = AudioIntake(sample_rate_hz=self.sample_rate_hz)
        self._heard_s = 0.0

    @property
    def sample_rate_hz(self) -> int:
        """Of all chunks: what was wanted if the device takes it, else its own."""
        return self._card.sample_rate_hz

    @property
    def chunk_samples(self) -> int:
        """Size of the largest chunk."""
        return self._chunk_samples

    @property
    def num_dropped(self) -> int:
        """Samples that nobody asked for in time."""
        return self._queue.num_dropped

    def chunks(self) -> Iterator[Chunk]:
        """(s,) pieces as they come; nothing in them while nothing comes.

        Raises:
            StreamError: the device does not open, or is gone in the middle.
        """
        with closing(self._started()) as stream:
            logger.info("microphone %s at %d Hz", self._card.name, self.sample_rate_hz)
            self._heard_s = time.monotonic()
            try:
                yield Chunk(NOTHING, at_s=None)  # the face is there before the first word
                while (taken := self._queue.take(self._chunk_samples, LOOK_S)) is not None:
                    silent_s = time.monotonic() - self._heard_s
                    if not len(taken.samples) and (not stream.active or silent_s > LOST_AFTER_S):
                        raise StreamError(
                            f"the microphone {self._card.name!r} gives no sound any more: it was unplugged, or the "
                            "system stopped it. Connect it and start again, or name another one with speech.device."
                        )
                    yield Chunk(taken.samples, at_s=None)
            finally:
                if self.num_dropped:
                    logger.warning(
                        "%.2f s of the microphone were dropped: the engine did not keep up. Close other programs, or "
                        "take a smaller picture.",
                        self.num_dropped / self.sample_rate_hz,
                    )

    def _started(self) -> Any:
        try:
            stream = self._library.RawInputStream(
                samplerate=self.sample_rate_hz,
                blocksize=self._chunk_samples,
                device=self._card.index,
                channels=self._card.num_channels,
                dtype="float32",
                latency=self._latency,
                callback=self._hear,
            )
            stream.start()
        except self._library.PortAudioError as error:
            raise StreamError(
                f"the microphone {self._card.name!r} does not open ({error}). Close the program that holds it, allow "
                f"this one to use it in the system's settings, or {REMEDY}."
            ) from error
        return stream

    def _hear(self, block: Any, num_frames: int, times: object, status: object) -> None:
        """Called by the thread of the device."""
        self._heard_s = time.monotonic()
        samples = np.frombuffer(bytes(block), np.float32).reshape(num_frames, self._card.num_channels)
        try:
            self._queue.offer(self._intake.take(samples, self.sample_rate_hz))
        except StreamError as error:  # a driver that gives no sound; PortAudio's thread has nobody to tell
            self._queue.finish(error)

"""A voice gate that knows speech from other sound: the Silero network, for rooms with music, films and loud breath.

Needs `silero-vad` (the extra `data`), whose wheel holds the weights. `src.realtime.voice` says what a gate does.
"""

import math

import numpy as np
from numpy.typing import NDArray

from src.data.speech_activity import SAMPLE_RATE_HZ, SPEECH_PROBABILITY, SpeechStream
from src.errors import ConfigError
from src.realtime.voice import LOOKAHEAD_FRAMES, Opening

GOES_ON_PROBABILITY = 0.35
"""What began as speech goes on above this: the detector's authors take 0.15 off as well."""


class SileroVoice:
    """Speech is what the Silero network hears as speech.

    On the 86 recordings of `LevelVoice` it opens none of 649 frames deep in pauses, where that opens 98. With white
    noise 10 dB below speech it is closed in 0.8 % of the frames of speech, against 6.7 %, but in 21 recordings a word
    begins late, by up to 0.6 s, against 6. It takes half a millisecond per frame, ten times as long.

    Args:
        sample_rate_hz: of the sound; 16000.
        fps: motion frames per second.
        capacity_s: gains are kept for so long.
        hold_ms: after speech.
        closing_ms: from open to closed.

    Raises:
        DataError: silero-vad is not installed.
    """

    def __init__(
        self, *, sample_rate_hz: int, fps: float, capacity_s: float, hold_ms: float, closing_ms: float
    ) -> None:
        if sample_rate_hz != SAMPLE_RATE_HZ or hold_ms < 0:
            raise ConfigError(
                f"voice: the Silero network hears {SAMPLE_RATE_HZ} Hz, got {sample_rate_hz}, and hold_ms={hold_ms:g} "
                "must be at least 0. Use realtime/voice=level or correct the voice configuration."
            )
        self._samples_per_frame = sample_rate_hz / fps
        self._hold = hold_ms / 1000 * sample_rate_hz
        self._opening = Opening(fps=fps, capacity_s=capacity_s, closing_ms=closing_ms)
        self.reset()

    def reset(self) -> None:
        """A new segment; see `VoiceGate`."""
        self._stream = SpeechStream()
        self._waiting = np.zeros(0, np.float32)
        self._num_heard = self._num_decided = self._num_pieces = 0
        self._speaking = False
        self._last_voice = -math.inf  # the sample at which the last speech ended
        self._opening.reset()

    def push(self, samples: NDArray[np.float32]) -> None:
        """Take the next sound; see `VoiceGate`."""
        self._waiting = np.concatenate([self._waiting, samples])
        while True:  # up to the end of the next frame, so that a frame knows no sound beyond its look-ahead
            missing = round((self._num_decided + 1) * self._samples_per_frame) - self._num_heard
            if len(self._waiting) < missing:
                return
            heard, self._waiting = np.split(self._waiting, [missing])
            self._num_heard += missing
            self._hear(self._stream.push(heard))
            self._num_decided += 1
            index = self._num_decided - LOOKAHEAD_FRAMES
            self._opening.go_on(index, self._last_voice >= index * self._samples_per_frame - self._hold)

    def gain(self, index: int) -> float:
        """How far the mouth may open; see `VoiceGate`."""
        return self._opening.gain(index)

    def _hear(self, probabilities: NDArray[np.float32]) -> None:
        for probability in probabilities.tolist():
            self._num_pieces += 1
            self._speaking = probability >= (GOES_ON_PROBABILITY if self._speaking else SPEECH_PROBABILITY)
            if self._speaking:
                self._last_voice = self._num_pieces * SpeechStream.samples_per_piece

"""Does somebody speak? How far a mouth may open in each motion frame, by the sound.

Networks move lips a little in silence and in noise, and people see it. A gate hears the sound of a stream and gives a
gain for each frame: 1 while somebody speaks, eased to 0 in pauses. `close_mouth` pulls the mouth to rest by it.

    gate.push(samples)                                 # what the model hears, in pieces of any size
    values = close_mouth(values, gate.gain(index))     # frame `index` of this stream, as soon as its motion is there
    gate.reset()                                       # the next frame is frame 0 of a new segment

Frame i stands at sample i * rate / fps, as it does for the model. Gains are the same for any sizes of pieces.
"""

import math
from collections import deque
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from src.errors import ConfigError, MotionError
from src.motion import ARKIT55, CORE7, MotionSpec
from src.realtime.idle.easing import ease

LOOKAHEAD_FRAMES = 2
"""Sound after a frame that decides about it: 80 ms, which the look-ahead of the models brings with it."""
HOP_S = 0.01
"""The sound is looked at in steps of this length."""
SHORTEST_VOICE_HOPS = 3
"""Whatever is shorter is a click; of 80 ms of look-ahead 50 remain to open before a word."""
HUM_HZ = 120.0
"""Sound below is taken away: mains hum, steps, wind."""
FLOOR_S = 4.0
"""The quietest moment of so long is the noise. Speech without any closure of lips or tongue is shorter."""
UNKNOWN_FLOOR_S, UNKNOWN_OPENS_DB = 0.5, -40.0
"""So long after the first sound of all, what is louder than this is a voice: the noise is not known yet."""
LEAST_MARGIN_DB, MARGIN_SHARE = 6.0, 0.3
"""Where noise leaves little room above it, a voice stands out by this share of it."""
HYSTERESIS_DB = 4.0
LOUDEST_FALLS_DB_PER_S, LEAST_LOUDEST_DB = 2.0, -45.0
DIGITAL_SILENCE_DB = -100.0


class VoiceGate(Protocol):
    """Follows the sound of one stream."""

    def push(self, samples: NDArray[np.float32]) -> None:
        """Take the next sound, (s,) mono in [-1, 1]."""
        ...

    def gain(self, index: int) -> float:
        """How far the mouth of frame `index` may open, 0 at rest .. 1 as predicted.

        Of frames whose sound is not there yet it is the newest that is known, of frames long gone the oldest.
        """
        ...

    def reset(self) -> None:
        """A new segment: the next sample is sample 0, before frame 0. What is known of the room stays."""
        ...


class AlwaysOpen:
    """Shows the prediction as it is, for measurements."""

    def push(self, samples: NDArray[np.float32]) -> None:
        """Hear nothing."""

    def gain(self, index: int) -> float:
        """1."""
        return 1.0

    def reset(self) -> None:
        """Nothing is known, nothing forgotten."""


class Opening:
    """Gains of the frames of a segment in order: open in two frames, closed in `closing_ms`.

    Args:
        fps: motion frames per second.
        capacity_s: gains are kept for so long.
        closing_ms: from open to closed.
    """

    def __init__(self, *, fps: float, capacity_s: float, closing_ms: float) -> None:
        if closing_ms <= 0 or capacity_s * fps < 1:
            raise ConfigError(
                f"voice: closing_ms={closing_ms:g} must be above 0 and capacity_s={capacity_s:g} at least a frame. "
                "Correct the voice configuration."
            )
        self._closing_frames = max(closing_ms / 1000 * fps, 1.0)
        self._ring = np.zeros(round(capacity_s * fps))
        self.reset()

    def reset(self) -> None:
        """Closed, before the first frame."""
        self._num_frames, self._openness = 0, 0.0

    def go_on(self, index: int, is_open: bool) -> None:
        """Decide frame `index`, the one after the last; those before 0 lead into the segment."""
        step = 0.5 if is_open else -1.0 / self._closing_frames
        self._openness = min(max(self._openness + step, 0.0), 1.0)
        if index >= 0:
            self._ring[index % len(self._ring)] = ease(self._openness)
            self._num_frames = index + 1

    def gain(self, index: int) -> float:
        """See `VoiceGate.gain`."""
        if self._num_frames == 0:
            return 0.0
        known = min(max(index, self._num_frames - len(self._ring), 0), self._num_frames - 1)
        return float(self._ring[known % len(self._ring)])


class LevelVoice:
    """Speech is what stands out from the noise, for longer than a click.

    On 86 real recordings (7.6 minutes; news, lectures, interviews, read speech) it is closed in 0.8 % of the frames
    in which the Silero network hears speech, and one of 135 words begins later than with Silero, by 0.2 s. With white
    noise 20 and 10 dB below: 2.6 and 6.7 %. Of 649 frames deep in pauses 98 are open: breath and the sound of a film,
    which are no steady noise. There the model of the program opens the jaw by 0.029 on average, gated by 0.006.

    A frame is open while a voice is heard between `hold_ms` before and 80 ms after it. Closures of the mouth within
    words are shorter than that. It opens in two frames, the first of them 10 to 50 ms before the word, and closes in
    `closing_ms` after the hold.

    Args:
        sample_rate_hz: of the sound.
        fps: motion frames per second.
        capacity_s: gains are kept for so long.
        margin_db: a voice is louder than the noise by this, or by less where noise is near to the loudest.
        range_db: and not further than this below the loudest of the last seconds: breath is.
        quietest_db: and louder than this, of full scale.
        hold_ms: after speech.
        closing_ms: from open to closed.
    """

    def __init__(
        self,
        *,
        sample_rate_hz: int,
        fps: float,
        capacity_s: float,
        margin_db: float,
        range_db: float,
        quietest_db: float,
        hold_ms: float,
        closing_ms: float,
    ) -> None:
        samples_per_frame, samples_per_hop = sample_rate_hz / fps, sample_rate_hz * HOP_S
        hops = samples_per_frame / samples_per_hop
        if not samples_per_frame.is_integer() or not samples_per_hop.is_integer() or not hops.is_integer():
            raise ConfigError(
                f"voice: frames of {samples_per_frame:g} samples are no whole number of {HOP_S * 1000:g} ms "
                f"({samples_per_hop:g} samples). Use 16000 Hz and 25 fps, or realtime/voice=none."
            )
        if margin_db < LEAST_MARGIN_DB or range_db < LEAST_MARGIN_DB or hold_ms < 0:
            raise ConfigError(
                f"voice: margin_db={margin_db:g} and range_db={range_db:g} must be at least {LEAST_MARGIN_DB:g}, "
                f"hold_ms={hold_ms:g} at least 0. Correct the voice configuration."
            )
        self._samples_per_frame, self._hops_per_frame = round(samples_per_frame), round(hops)
        self._margin_db, self._range_db, self._quietest_db = margin_db, range_db, quietest_db
        self._hold_hops = round(hold_ms / 1000 / HOP_S)
        self._opening = Opening(fps=fps, capacity_s=capacity_s, closing_ms=closing_ms)
        self._high_pass = butter(2, HUM_HZ, "highpass", fs=sample_rate_hz, output="sos")
        self._noise = _Quietest(round(FLOOR_S / HOP_S))
        self._num_hops_heard = 0
        self._loudest_db = LEAST_LOUDEST_DB
        self.reset()

    def reset(self) -> None:
        """A new segment; see `VoiceGate`. Noise and loudness of the speaker stay known."""
        self._rest = np.zeros(0, np.float32)
        self._filter_state = np.zeros((len(self._high_pass), 2))
        self._num_hops = 0
        self._run = 0  # hops in a row that may be a voice
        self._last_voice = -math.inf  # the last hop of one
        self._opening.reset()

    def push(self, samples: NDArray[np.float32]) -> None:
        """Take the next sound; see `VoiceGate`."""
        heard = np.concatenate([self._rest, samples])
        whole = len(heard) // self._samples_per_frame * self._samples_per_frame
        self._rest = heard[whole:]
        if not whole:
            return
        voiced, self._filter_state = sosfilt(self._high_pass, heard[:whole], zi=self._filter_state)
        hops = voiced.reshape(-1, self._samples_per_frame // self._hops_per_frame)
        levels_db = 10.0 * np.log10(np.maximum((hops**2).mean(axis=1), 10.0 ** (DIGITAL_SILENCE_DB / 10.0)))
        for number, level_db in enumerate(levels_db.tolist(), 1):
            self._hear(level_db)
            if number % self._hops_per_frame == 0:
                self._decide()

    def gain(self, index: int) -> float:
        """How far the mouth may open; see `VoiceGate`."""
        return self._opening.gain(index)

    def _hear(self, level_db: float) -> None:
        """The loudness of the next hop."""
        self._noise.add(level_db)
        self._num_hops += 1
        self._num_hops_heard += 1
        self._loudest_db = max(level_db, self._loudest_db - LOUDEST_FALLS_DB_PER_S * HOP_S, LEAST_LOUDEST_DB)
        room_db = self._loudest_db - self._noise.value
        margin_db = min(max(LEAST_MARGIN_DB, MARGIN_SHARE * room_db), self._margin_db)
        opens_db = self._noise.value + margin_db
        if self._num_hops_heard * HOP_S <= UNKNOWN_FLOOR_S:
            opens_db = min(opens_db, UNKNOWN_OPENS_DB)
        opens_db = max(opens_db, self._loudest_db - self._range_db, self._quietest_db)
        goes_on_db = opens_db - min(HYSTERESIS_DB, margin_db / 2)
        self._run = self._run + 1 if level_db > (goes_on_db if self._run else opens_db) else 0
        if self._run >= SHORTEST_VOICE_HOPS:
            self._last_voice = self._num_hops

    def _decide(self) -> None:
        """The gain of the frame whose look-ahead is complete."""
        index = self._num_hops // self._hops_per_frame - LOOKAHEAD_FRAMES
        self._opening.go_on(index, self._last_voice >= index * self._hops_per_frame - self._hold_hops)


def close_mouth(values: NDArray[np.float32], gain: float | NDArray[np.float64]) -> NDArray[np.float32]:
    """Motion whose mouth is pulled to rest; head, eyes, brows and nose stay as they are.

    Args:
        values: (C,) or (T, C) of `core7` or `arkit55`; their number tells which.
        gain: 0 at rest .. 1 as it is; one number, or (T,).

    Returns:
        Of the same shape. A new array.

    Raises:
        MotionError: values of another vocabulary.
    """
    spec = next((spec for spec in (CORE7, ARKIT55) if values.shape[-1] == spec.size), None)
    if spec is None:
        raise MotionError(
            f"motion of {values.shape[-1]} channels is neither core7 nor arkit55, so its mouth is not known. Give one "
            "of them."
        )
    mouth, neutral = mouth_channels(spec), spec.neutral
    share = np.where(mouth, np.asarray(gain, np.float32)[..., None], np.float32(1.0))
    return (neutral + (values - neutral) * share).astype(np.float32)


@cache
def mouth_channels(spec: MotionSpec) -> NDArray[np.bool_]:
    """(C,) True for what jaw, lips and cheeks full of air do."""
    return np.array([name.startswith(("jaw", "mouth", "cheekPuff")) for name in spec.names])


class _Quietest:
    """The least of the last `length` numbers."""

    def __init__(self, length: int) -> None:
        self._length, self._count = length, 0
        self._rising: deque[tuple[int, float]] = deque()  # (number, value); each is above those before it

    def add(self, value: float) -> None:
        while self._rising and self._rising[-1][1] >= value:
            self._rising.pop()
        self._rising.append((self._count, value))
        self._count += 1
        if self._rising[0][0] <= self._count - 1 - self._length:
            self._rising.popleft()

    @property
    def value(self) -> float:
        return self._rising[0][1]

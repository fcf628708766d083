"""A run whose answer is known: sound that clicks at known times, and a mouth that opens exactly at each click.

Whoever measures picture against sound anywhere behind an engine, in a file or in a browser, measures this first.
The file that an engine writes of it has an offset of 0: the picture that first shows the mouth open is presented at the
time of its click. `src/eval/live/click_offset.py` measures that.

Times are seconds after the first sample. Waveforms are (S,) mono float32 in [-1, 1].
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from src.errors import ConfigError, RenderError, StreamError
from src.motion import CORE7, FRAMES_PER_SECOND, Motion
from src.render.avatar import Avatar
from src.render.renderer import SquarePictures

OPEN_S = 0.2
"""The mouth stays open this long after a click."""

RAMP_S = 1.0 / FRAMES_PER_SECOND
"""It opens within one frame before the click, and closes within one: no click is rounded to a frame."""

OPEN_JAW = 0.25
"""`jaw_open` of the open mouth: far, but nothing that a mouth doesn't do."""

FIRST_S = 0.8
GAPS_FRAMES = (27, 34, 24, 41, 30, 37, 23, 44, 32, 26)
"""Frames between clicks, over and over: more than twice any offset that is searched for, and never alike, so that no
offset can be mistaken for another."""

LOUD, HUM = 0.8, 0.1
THRESHOLD = 0.4
"""A sample of this size is the begin of a click: half of `LOUD`, far above the hum."""

DARK, BRIGHT = 16, 235


def click_times_s(duration_s: float) -> NDArray[np.float64]:
    """(N,) times of the clicks of a sound of this length, each on the time of a motion frame.

    Raises:
        ConfigError: it is too short for two.
    """
    frames = [round(FIRST_S * FRAMES_PER_SECOND)]
    while frames[-1] / FRAMES_PER_SECOND + OPEN_S + FIRST_S <= duration_s:
        frames.append(frames[-1] + GAPS_FRAMES[(len(frames) - 1) % len(GAPS_FRAMES)])
    if len(frames) < 3:
        raise ConfigError(f"{duration_s:g} s are too short for two clicks. Calibrate with 4 s or more.")
    return np.array(frames[:-1]) / FRAMES_PER_SECOND


def click_waveform(times_s: ArrayLike, duration_s: float, sample_rate_hz: int) -> NDArray[np.float32]:
    """The sound: at each time a click, loudest in its first sample, and a soft hum while the mouth is open.

    The hum keeps a voice gate open, which would take a click alone for a noise.

    Args:
        times_s: (N,) of the clicks.
        duration_s: of the sound.
        sample_rate_hz: of the waveform.
    """
    waveform = np.zeros(round(duration_s * sample_rate_hz))
    time_s = np.arange(round(OPEN_S * sample_rate_hz)) / sample_rate_hz
    hum = sum(np.sin(2 * np.pi * 150.0 * harmonic * time_s) / harmonic for harmonic in range(1, 9))
    fade = np.minimum((OPEN_S - time_s) / 0.02, 1.0)
    one = LOUD * np.exp(-time_s / 0.002) * np.cos(2 * np.pi * 1500.0 * time_s) + 0.5 * HUM * fade * hum
    for start in np.round(np.asarray(times_s, np.float64) * sample_rate_hz).astype(int):
        piece = waveform[start : start + len(one)]
        piece += one[: len(piece)]
    return np.clip(waveform, -1.0, 1.0).astype(np.float32)


class ClickPredictor:
    """In place of a model: the mouth is open for `OPEN_S` from each click on, and the face does nothing else.

    A frame at time t comes out as soon as the sound up to t + `latency_ms` is there, as it would from a model with that
    look-ahead. Holds no stream; any number of streams share it.

    Attributes:
        spec, fps, sample_rate_hz: as of `SpeechToMotion`.
        latency_ms: sound needed after a frame's time before the frame comes out.
    """

    spec = CORE7
    fps = float(FRAMES_PER_SECOND)

    def __init__(self, *, latency_ms: float, sample_rate_hz: int = 16_000) -> None:
        """See the class.

        Raises:
            ConfigError: a latency below one frame, within which the mouth begins to open before its click.
        """
        if latency_ms < 1000.0 * RAMP_S:
            raise ConfigError(f"latency_ms={latency_ms:g} is less than a frame. Set it to {1000 * RAMP_S:g} or more.")
        self.latency_ms, self.sample_rate_hz = latency_ms, sample_rate_hz

    def stream(self) -> "ClickStream":
        """A new stream at sample 0."""
        return ClickStream(self.sample_rate_hz, round(self.latency_ms * self.sample_rate_hz / 1000.0))

    def predict(self, waveform: NDArray[np.float32]) -> Motion:
        """Motion of a whole recording: what a stream gives for it."""
        stream = self.stream()
        return Motion(np.concatenate([stream.push(waveform), stream.finish()]), CORE7, self.fps)


class ClickStream:
    """Motion of sound that arrives in pieces of any size. Made by `ClickPredictor.stream`."""

    def __init__(self, sample_rate_hz: int, latency_samples: int) -> None:
        self._rate, self._latency = sample_rate_hz, latency_samples
        self._step = sample_rate_hz // FRAMES_PER_SECOND
        self._num_samples = self._num_frames = 0
        self._clicks: list[int] = []  # their first samples, the newest last; only those that still matter

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """(s,) samples -> the (t, 7) frames that they complete.

        Raises:
            StreamError: not one row of samples.
        """
        samples = np.asarray(samples)
        if samples.ndim != 1:
            raise StreamError(f"audio of shape {samples.shape} must be one row of mono samples. Convert it first.")
        for index in (self._num_samples + np.flatnonzero(np.abs(samples) >= THRESHOLD)).tolist():
            if not self._clicks or index - self._clicks[-1] > OPEN_S * self._rate:
                self._clicks.append(index)
        self._num_samples += len(samples)
        return self._give(max(-(-(self._num_samples - self._latency) // self._step), 0))

    def finish(self) -> NDArray[np.float32]:
        """The remaining frames, one for each frame of sound that has begun."""
        return self._give(-(-self._num_samples // self._step))

    def _give(self, end: int) -> NDArray[np.float32]:
        times_s = np.arange(self._num_frames, max(end, self._num_frames)) / FRAMES_PER_SECOND
        self._num_frames += len(times_s)
        frames = np.zeros((len(times_s), CORE7.size), np.float32)
        for click in self._clicks:
            since_s = times_s - click / self._rate
            opening = np.clip(np.minimum(since_s / RAMP_S + 1.0, (OPEN_S - since_s) / RAMP_S + 1.0), 0.0, 1.0)
            frames[:, 0] = np.maximum(frames[:, 0], OPEN_JAW * opening)
        # The next frame may lie in the fall of the last click but one only if clicks overlapped, which they don't.
        self._clicks = self._clicks[-2:]
        return frames


class FlashRenderer(SquarePictures):
    """In place of a face: a square picture, bright while the mouth is open and dark otherwise.

    For measuring without face detection, such as in a browser. Has no state, so any avatar will do, even None.
    """

    channels = 3

    def __init__(self, *, size: int) -> None:
        """`size`: pixels of each side."""
        self._size = size

    def prepare(self, avatar: Avatar | None) -> None:
        """See `Renderer.prepare`; nothing depends on the avatar."""

    def render(self, state: None, frame: ArrayLike) -> NDArray[np.uint8]:
        """See `Renderer.render`; open is beyond half of `OPEN_JAW`."""
        values = np.asarray(frame, np.float32)
        if values.shape != (CORE7.size,) or not np.isfinite(values).all():
            raise RenderError(f"a frame of shape {values.shape}, expected {CORE7.size} finite values of core7.")
        level = BRIGHT if values[CORE7.index("jaw_open")] >= OPEN_JAW / 2 else DARK
        return np.full((self._size, self._size, self.channels), level, np.uint8)

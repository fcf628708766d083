"""Phonemes to the motion of a talking face: lips that close for /m/, blinks, and a head that sways.

Each phoneme pulls the mouth towards its own target with a strength that falls with distance in
time; where phonemes overlap, their targets mix. So lips move before the sound, short vowels fall
short of their targets, and a rounded vowel rounds the consonants beside it. Closures of lips are not
left to the mixture: /p b m/ close fully, /f v/ nearly.

Curves are functions of time, evaluated at frame times i / 25 s; nothing is accumulated.

Reference:
    Cohen, Massaro: Modeling coarticulation in synthetic visual speech, Models and Techniques in
    Computer Animation 1993. Their dominance exp(-theta |distance|^c) is used with c = 2, which has
    no cusp, and measures distance from the phoneme's middle half rather than from its centre.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from src.data.speech import PAUSE, Speech
from src.data.visemes import (
    BILABIALS,
    LABIODENTAL_GAP,
    LABIODENTALS,
    TARGETS,
    VOWELS,
    Segment,
    closure,
    split_phonemes,
)
from src.errors import ConfigError
from src.motion import CORE7, FRAMES_PER_SECOND, Motion

Curve = NDArray[np.float64]


LONGEST_EDGE_S = 0.08
"""A phoneme gives way to its neighbours in its outer quarters, and at most this long."""

FULL_PAUSE_S = 0.15
"""A shorter gap in speech closes the mouth only partly, in proportion."""


OPENS_BEFORE_S = 0.1
"""So long before speech begins, resting lips have parted."""

REST_RAMP_S = 0.2
"""In which lips come to rest, or leave it."""


@dataclass(frozen=True)
class Style:
    """How one person talks: factors on the size of mouth and head movement."""

    mouth_scale: float
    head_scale: float


class Articulator:
    """Speech to `core7` motion.

    Args:
        jaw_reach_s: how far in time a phoneme pulls the jaw: at this distance its strength is 1 / e.
        lip_reach_s: the same for spreading and rounding, which reach further.
        closure_ramp_s: seconds in which lips close before, and part after, a closure.
        lead_s: how much earlier the mouth moves than the phonemes sound, but for closures, which are heard as they
            happen. Lips and jaw are on their way before a sound is heard, by 0 to 0.2 s (Schwartz, Savariaux,
            PLoS Computational Biology 2014).
        ready_opening: how far open the lips of somebody wait who pauses, as a ratio of face size. 0 shuts them.
        rest_after_s: how long a pause lasts before they close after all.
        stress_gain: how much more stressed vowels open than others, as a share.
        loudness_gain: how much more a vowel opens when it is twice as loud as the average, as a share.
        mouth_scale: smallest and largest `Style.mouth_scale`.
        head_scale: smallest and largest `Style.head_scale`.
        head_degrees: standard deviation of yaw, pitch and roll at `head_scale` 1.
        head_band_hz: lowest and highest frequency of head sway.
        nod_degrees: how far the head dips at a stressed vowel of average loudness.
        blink_gap_s: smallest and largest time between blinks.
        blink_s: smallest and largest duration of a blink.

    Raises:
        ConfigError: a range is upside down or a duration is not above 0.
    """

    def __init__(
        self,
        *,
        jaw_reach_s: float,
        lip_reach_s: float,
        closure_ramp_s: float,
        lead_s: float,
        ready_opening: float,
        rest_after_s: float,
        stress_gain: float,
        loudness_gain: float,
        mouth_scale: Sequence[float],
        head_scale: Sequence[float],
        head_degrees: Sequence[float],
        head_band_hz: Sequence[float],
        nod_degrees: float,
        blink_gap_s: Sequence[float],
        blink_s: Sequence[float],
    ) -> None:
        for name, value in (
            ("jaw_reach_s", jaw_reach_s),
            ("lip_reach_s", lip_reach_s),
            ("closure_ramp_s", closure_ramp_s),
        ):
            if value <= 0:
                raise ConfigError(f"articulation: {name} is {value}, must be above 0. Correct it in the configuration.")
        self._jaw_reach_s, self._lip_reach_s, self._closure_ramp_s = jaw_reach_s, lip_reach_s, closure_ramp_s
        self._lead_s, self._ready_opening, self._rest_after_s = lead_s, ready_opening, rest_after_s
        self._stress_gain, self._loudness_gain = stress_gain, loudness_gain
        self._mouth_scale = _range("mouth_scale", mouth_scale)
        self._head_scale = _range("head_scale", head_scale)
        self._head_band_hz = _range("head_band_hz", head_band_hz)
        self._blink_gap_s = _range("blink_gap_s", blink_gap_s)
        self._blink_s = _range("blink_s", blink_s)
        if len(head_degrees) != 3:
            raise ConfigError(f"articulation: head_degrees is {list(head_degrees)}, expected yaw, pitch and roll.")
        self._yaw_degrees, self._pitch_degrees, self._roll_degrees = head_degrees
        self._nod_degrees = nod_degrees

    def draw_style(self, rng: Generator) -> Style:
        """A person's style."""
        return Style(float(rng.uniform(*self._mouth_scale)), float(rng.uniform(*self._head_scale)))

    def move(self, speech: Speech, style: Style, rng: Generator) -> Motion:
        """The motion of a face that says `speech`.

        Args:
            speech: what is said; frame 0 is its first sample.
            style: who says it.
            rng: decides blinks and head sway; the mouth depends on the speech and the style alone.

        Returns:
            `core7` at 25 frames per second, as many as start before the sound ends, within the ranges.

        Raises:
            DataError: a phoneme has no target.
        """
        num_frames = -(-len(speech.waveform) * FRAMES_PER_SECOND // speech.sample_rate_hz)
        times = np.arange(num_frames) / FRAMES_PER_SECOND
        segments = split_phonemes(speech.phonemes)
        loudness = _loudness(speech, segments)
        opening, width = self._mouth(times, segments, loudness)
        yaw, pitch, roll = (
            style.head_scale * degrees * self._sway(times, rng)
            for degrees in (self._yaw_degrees, self._pitch_degrees, self._roll_degrees)
        )
        columns = {
            "jaw_open": style.mouth_scale * opening,
            "mouth_wide": style.mouth_scale * np.maximum(width, 0),
            "mouth_narrow": style.mouth_scale * np.maximum(-width, 0),
            "head_yaw": yaw,
            "head_pitch": pitch - style.head_scale * self._nods(times, segments, loudness),
            "head_roll": roll,
            "eye_blink": self._blinks(times, rng),
        }
        values = np.stack([columns[name] for name in CORE7.names], axis=1)
        return Motion(values.astype(np.float32), CORE7, FRAMES_PER_SECOND).clamped()

    def _mouth(self, times: Curve, segments: Sequence[Segment], loudness: Curve) -> tuple[Curve, Curve]:
        """Opening and width, (T,) each."""
        targets = [TARGETS[segment.symbol] for segment in segments]
        gains = [
            1 + self._stress_gain * (segment.stressed - 0.5) + self._loudness_gain * np.clip(np.log2(loud), -1.5, 1.0)
            if segment.symbol in VOWELS
            else 1.0
            for segment, loud in zip(segments, loudness, strict=True)
        ]
        starts = np.array([segment.start_s for segment in segments])
        ends = np.array([segment.end_s for segment in segments])
        core = (ends - starts) / 2 - np.minimum((ends - starts) / 4, LONGEST_EDGE_S)
        weights = np.array([_weight(segment) for segment in segments])
        ahead = times + self._lead_s
        distance = np.maximum(np.abs(ahead[:, None] - (starts + ends) / 2) - core, 0)  # (T, segments)
        jaw = np.exp(-((distance / self._jaw_reach_s) ** 2)) * (
            weights * [target.opening_strength for target in targets]
        )
        lip = np.exp(-((distance / self._lip_reach_s) ** 2)) * (weights * [target.width_strength for target in targets])
        openings = [
            self._ready_opening if segment.symbol == PAUSE else target.opening * gain
            for segment, target, gain in zip(segments, targets, gains, strict=True)
        ]
        opening = jaw @ openings / jaw.sum(axis=1) * (1 - self._resting(ahead, segments))
        width = lip @ [target.width for target in targets] / lip.sum(axis=1)
        for segment in segments:
            if segment.symbol in BILABIALS or segment.symbol in LABIODENTALS:
                gap = 0.0 if segment.symbol in BILABIALS else LABIODENTAL_GAP
                held = self._held(times, *closure(segment))
                opening = opening * (1 - held) + np.minimum(opening, gap) * held
        return opening, width

    def _resting(self, times: Curve, segments: Sequence[Segment]) -> Curve:
        """(T,) 1 in the midst of long pauses and in the silence around all speech, otherwise 0, with smooth changes."""
        resting = np.zeros_like(times)
        last = len(segments) - 1
        for number, segment in enumerate(segments):
            if segment.symbol == PAUSE:
                # Nobody speaks before the first segment or after the last.
                since_s = times - segment.start_s - self._rest_after_s + (np.inf if number == 0 else 0.0)
                until_s = segment.end_s - OPENS_BEFORE_S - times + (np.inf if number == last else 0.0)
                resting = np.maximum(resting, _smooth_step(np.minimum(since_s, until_s) / REST_RAMP_S))
        return resting

    def _held(self, times: Curve, start_s: float, end_s: float) -> Curve:
        """(T,) 1 during a closure, falling smoothly to 0 within the ramp on both sides."""
        outside = np.maximum(np.maximum(start_s - times, times - end_s), 0)
        return 1 - _smooth_step(outside / self._closure_ramp_s)

    def _nods(self, times: Curve, segments: Sequence[Segment], loudness: Curve) -> Curve:
        """(T,) degrees of dips at stressed vowels."""
        dips = np.zeros_like(times)
        for segment, loud in zip(segments, loudness, strict=True):
            if segment.stressed and segment.symbol in VOWELS:
                dips += min(loud, 2.0) * np.exp(-(((times - (segment.start_s + segment.end_s) / 2) / 0.15) ** 2))
        return self._nod_degrees * dips

    def _sway(self, times: Curve, rng: Generator, num_waves: int = 6) -> Curve:
        """(T,) slow noise of standard deviation 1 over long times: waves of random frequency and phase."""
        frequencies_hz = rng.uniform(*self._head_band_hz, num_waves)
        phases = rng.uniform(0, 2 * np.pi, num_waves)
        return np.sin(2 * np.pi * frequencies_hz * times[:, None] + phases).sum(axis=1) * np.sqrt(2 / num_waves)

    def _blinks(self, times: Curve, rng: Generator) -> Curve:
        """(T,) lids: 30 % of a blink closing, 40 % held, 30 % opening."""
        lids = np.zeros_like(times)
        start_s = rng.uniform(0, self._blink_gap_s[1])
        while start_s < times[-1]:
            duration_s = rng.uniform(*self._blink_s)
            phase = (times - start_s) / duration_s
            lids = np.maximum(lids, np.minimum(_smooth_step(phase / 0.3), _smooth_step((1 - phase) / 0.3)))
            start_s += duration_s + rng.uniform(*self._blink_gap_s)
        return lids


def _weight(segment: Segment) -> float:
    return min(1.0, (segment.end_s - segment.start_s) / FULL_PAUSE_S) if segment.symbol == PAUSE else 1.0


def _loudness(speech: Speech, segments: Sequence[Segment]) -> Curve:
    """(segments,) RMS of each segment over the mean RMS of the vowels; at least 0.01."""
    edges = [(round(s.start_s * speech.sample_rate_hz), round(s.end_s * speech.sample_rate_hz)) for s in segments]
    rms = np.array(
        [np.sqrt(np.mean(np.square(speech.waveform[a : max(b, a + 1)], dtype=np.float64))) for a, b in edges]
    )
    vowels = np.array([segment.symbol in VOWELS for segment in segments])
    if not vowels.any():
        return np.ones(len(segments))
    return np.maximum(rms / rms[vowels].mean(), 0.01)


def _smooth_step(x: Curve) -> Curve:
    """0 below 0, 1 above 1, and between them a curve with level ends."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _range(name: str, bounds: Sequence[float]) -> tuple[float, float]:
    if len(bounds) != 2 or not 0 <= bounds[0] <= bounds[1]:
        raise ConfigError(
            f"articulation: {name} is {list(bounds)}, expected two numbers from small to large, not below 0. "
            "Correct it in the configuration."
        )
    return float(bounds[0]), float(bounds[1])

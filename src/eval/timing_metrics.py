"""Numbers about how a face moves over time: smoothness, the head and its beats, variety.

Pure functions of arrays of one clip, frame i at i / fps seconds. They need no true motion: put the same
number of the true motion beside them, since smooth, calm and varied are only good up to its figure.
Lag is `lag_ms` of `src.eval.metrics`; blinks are in `src.eval.blink_metrics`.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from src.errors import MotionError
from src.eval.metrics import FLAT, MINIMUM_FRAMES, Measurement, Metric

JITTER = Metric(
    "jitter",
    1,
    "Jitter",
    "of the channel's unit per frame²",
    "Mean absolute second difference between frames, over frames and channels. 0 is movement at constant speed; "
    "shaking is high, and so is real speech: compare with the true motion.",
    "usual for landmark trackers",
)
JERK = Metric(
    "jerk",
    1,
    "Jerk",
    "of the channel's unit per s³",
    "Mean absolute third difference between frames times fps³, over frames and channels: how abruptly acceleration "
    "changes. Compare with the true motion.",
    "Flash and Hogan, The coordination of arm movements, J. Neuroscience 1985",
)
HIGH_FREQUENCY = Metric(
    "high_frequency",
    1,
    "Movement above 8 Hz",
    "",
    "Share of the movement's energy above 8 Hz (Hann window, mean taken off), mean over moving channels. Speech "
    "moves the mouth below that, trackers tremble above it.",
    "ours",
)
HEAD_RANGE = Metric(
    "head_range",
    1,
    "Head range",
    "degrees",
    "95th minus 5th percentile of yaw, pitch and roll, mean over the three. 0 is a still head.",
    "ours",
)
HEAD_SPEED = Metric(
    "head_speed",
    1,
    "Head speed",
    "degrees per s",
    "Mean speed of the head: length of the change of (yaw, pitch, roll) between frames times fps. 0 is a still head.",
    "ours",
)
BEAT_ALIGNMENT = Metric(
    "beat_alignment",
    1,
    "Beat alignment",
    "",
    "Mean over beats of the motion of exp(-t² / 2σ²), t the time to the nearest beat of the sound, σ 50 ms. 1 is every "
    "beat on the sound; dense beats score by chance, so compare with shuffled audio.",
    "Li et al., AI Choreographer (AIST++), ICCV 2021: σ is 3 frames at 60 fps",
)
DIVERSITY = Metric(
    "diversity",
    1,
    "Diversity",
    "of the unit of the motion",
    "Mean distance of two predictions for the same sound, over pairs of predictions and frames. 0 is always the same "
    "motion.",
    "Stan et al., FaceDiffuser, MIG 2023",
)

NO_MOTION_BEATS, NO_SOUND_BEATS = "the motion has no beats", "the sound has no beats"


def jitter(motion: NDArray[np.floating]) -> Measurement:
    """How much a curve shakes.

    Metric `jitter`, version 1, in units of the channel per frame squared. Definition: mean over frames and
    channels of |x[t + 1] - 2 x[t] + x[t - 1]|. Source: usual for landmark trackers.

    Args:
        motion: (T,) or (T, F) channels of one unit, unwrapped.

    Returns:
        0 or above; None for fewer than `MINIMUM_FRAMES` frames.
    """
    channels, reason = _channels(motion)
    return Measurement(JITTER, None if reason else float(np.abs(np.diff(channels, 2, axis=0)).mean()), reason)


def jerk(motion: NDArray[np.floating], *, fps: float) -> Measurement:
    """How abruptly a curve accelerates.

    Metric `jerk`, version 1, in units of the channel per second cubed. Definition: mean over frames and
    channels of |third difference| x fps^3. Source: jerk as in Flash and Hogan 1985, mean absolute instead
    of mean square.

    Args:
        motion: (T,) or (T, F) channels of one unit, unwrapped.
        fps: frames per second.

    Returns:
        0 or above; None for fewer than `MINIMUM_FRAMES` frames.
    """
    channels, reason = _channels(motion)
    return Measurement(JERK, None if reason else float(np.abs(np.diff(channels, 3, axis=0)).mean() * fps**3), reason)


def high_frequency(motion: NDArray[np.floating], *, fps: float, cutoff_hz: float = 8.0) -> Measurement:
    """How much of the movement is faster than speech.

    Metric `high_frequency`, version 1, no unit. Definition: per channel, mean taken off and under a Hann
    window, energy of the spectrum above `cutoff_hz` over all of it; mean over channels that move.
    Source: ours.

    Args:
        motion: (T,) or (T, F) channels.
        fps: frames per second; above twice `cutoff_hz`.
        cutoff_hz: part of the definition; change it with the version.

    Returns:
        0 .. 1; None for fewer than `MINIMUM_FRAMES` frames or when nothing moves.

    Raises:
        MotionError: frames of this rate hold nothing above the cutoff.
    """
    if fps <= 2 * cutoff_hz:
        raise MotionError(f"{fps:g} fps hold nothing above {cutoff_hz:g} Hz. Measure motion of a higher frame rate.")
    channels, reason = _channels(motion)
    moving = channels[:, channels.std(axis=0) >= FLAT]
    if not reason and not moving.shape[1]:
        reason = "no channel moves"
    if reason:
        return Measurement(HIGH_FREQUENCY, None, reason)
    window = np.hanning(len(moving) + 2)[1:-1, None]
    # The weighted mean: what is left under the window has no constant part.
    centred = moving - (window * moving).sum(axis=0) / window.sum()
    spectrum = np.fft.rfft(window * centred, axis=0)
    # The mirrored half of a real spectrum counts too; it lacks the first bin and, for even T, the last.
    twice = np.full(len(spectrum), 2.0)
    twice[0] = 1.0
    if len(moving) % 2 == 0:
        twice[-1] = 1.0
    energy = twice[:, None] * np.abs(spectrum) ** 2
    fast = np.fft.rfftfreq(len(moving), 1.0 / fps) > cutoff_hz
    return Measurement(HIGH_FREQUENCY, float((energy[fast].sum(axis=0) / energy.sum(axis=0)).mean()))


def head_movement(angles_deg: NDArray[np.floating], *, fps: float) -> tuple[Measurement, Measurement]:
    """How far and how fast the head turns.

    Metrics `head_range` and `head_speed`, version 1, in degrees and degrees per second. Definition: mean
    over axes of (95th - 5th percentile over frames); mean over neighbouring frames of the L2 length of the
    difference of the angles x fps. Source: ours.

    Args:
        angles_deg: (T, 3) yaw, pitch and roll.
        fps: frames per second.

    Returns:
        Both; None for fewer than `MINIMUM_FRAMES` frames.
    """
    angles, reason = _angles(angles_deg)
    if reason:
        return Measurement(HEAD_RANGE, None, reason), Measurement(HEAD_SPEED, None, reason)
    low, high = np.percentile(angles, [5, 95], axis=0)
    speed = np.linalg.norm(np.diff(angles, axis=0), axis=1).mean() * fps
    return Measurement(HEAD_RANGE, float((high - low).mean())), Measurement(HEAD_SPEED, float(speed))


def beat_alignment(
    motion_beats_s: NDArray[np.floating], sound_beats_s: NDArray[np.floating], *, sigma_s: float = 0.05
) -> Measurement:
    """Whether the beats of the motion fall on beats of the sound.

    Metric `beat_alignment`, version 1, no unit. Definition: mean over motion beats of
    exp(-t^2 / (2 sigma_s^2)) with t to the nearest sound beat. Source: AIST++, ICCV 2021.

    Args:
        motion_beats_s: (N,) seconds, see `head_beats_s`.
        sound_beats_s: (M,) seconds, see `sound_beats_s`.
        sigma_s: part of the definition; change it with the version.

    Returns:
        0 .. 1; None without beats on either side.
    """
    motion_beats, sound_beats = np.asarray(motion_beats_s, np.float64), np.asarray(sound_beats_s, np.float64)
    reason = "" if len(motion_beats) else NO_MOTION_BEATS
    if not reason and not len(sound_beats):
        reason = NO_SOUND_BEATS
    if reason:
        return Measurement(BEAT_ALIGNMENT, None, reason)
    apart = np.abs(motion_beats[:, None] - sound_beats[None, :]).min(axis=1)
    return Measurement(BEAT_ALIGNMENT, float(np.exp(-(apart**2) / (2.0 * sigma_s**2)).mean()))


def head_beats_s(angles_deg: NDArray[np.floating], *, fps: float, smooth_s: float = 0.08) -> NDArray[np.float64]:
    """Moments at which the head stops or turns back.

    Args:
        angles_deg: (T, 3) yaw, pitch and roll.
        fps: frames per second.
        smooth_s: standard deviation of the Gaussian that the speed is smoothed with.

    Returns:
        (N,) seconds of the local minima of the head's speed; they lie between two frames or on one.
    """
    angles, reason = _angles(angles_deg)
    if reason:
        return np.empty(0)
    speed = gaussian_filter1d(np.linalg.norm(np.diff(angles, axis=0), axis=1), smooth_s * fps)
    # A dip has to be one: a tenth of the usual speed keeps numerical ripple of even movement out.
    stops, _ = find_peaks(-speed, prominence=max(0.1 * float(speed.mean()), FLAT))
    return (stops + 0.5) / fps


def sound_beats_s(loudness: NDArray[np.floating], *, fps: float, prominence: float = 0.2) -> NDArray[np.float64]:
    """Moments at which the sound gets louder fastest: onsets of syllables.

    Args:
        loudness: (T,) RMS of the sound of each frame, see `frame_rms`.
        fps: frames per second.
        prominence: how far a rise stands out of the others, of the largest rise.

    Returns:
        (N,) seconds, in the middle of the two frames of the rise.
    """
    rise = np.maximum(np.diff(np.asarray(loudness, np.float64)), 0.0)
    if not len(rise) or rise.max() <= 0:
        return np.empty(0)
    onsets, _ = find_peaks(np.concatenate([[0.0], rise, [0.0]]), prominence=prominence * rise.max())
    return (onsets - 0.5) / fps


def diversity(predictions: NDArray[np.floating]) -> Measurement:
    """How much predictions for the same sound differ.

    Metric `diversity`, version 1, in units of the motion. Definition: mean over pairs of predictions, and
    over frames (and points), of the L2 distance along the last axis. Source: FaceDiffuser, MIG 2023.

    Args:
        predictions: (N, T, F) channels, or (N, T, L, D) points, of N predictions of one clip.

    Returns:
        0 or above; None for fewer than two predictions.
    """
    samples = np.asarray(predictions, np.float64)
    if samples.ndim not in (3, 4):
        raise MotionError(
            f"predictions of shape {samples.shape}, expected (N, T, F) or (N, T, L, D). "
            "Stack predictions of the same length."
        )
    if len(samples) < 2:
        return Measurement(DIVERSITY, None, f"{len(samples)} predictions, 2 are needed")
    apart = [
        np.linalg.norm(samples[first] - samples[second], axis=-1).mean()
        for first in range(len(samples))
        for second in range(first)
    ]
    return Measurement(DIVERSITY, float(np.mean(apart)))


def _channels(motion: NDArray[np.floating]) -> tuple[NDArray[np.float64], str]:
    """(T, F), and why there are too few frames; empty when there are enough."""
    channels = np.asarray(motion, np.float64)
    if channels.ndim not in (1, 2):
        raise MotionError(f"motion of shape {channels.shape}, expected (T,) or (T, F). Give one clip.")
    channels = channels.reshape(len(channels), -1)
    short = len(channels) < MINIMUM_FRAMES
    return channels, f"{len(channels)} frames, {MINIMUM_FRAMES} are needed" if short else ""


def _angles(angles_deg: NDArray[np.floating]) -> tuple[NDArray[np.float64], str]:
    if np.ndim(angles_deg) != 2 or np.shape(angles_deg)[1] != 3:
        raise MotionError(f"head angles of shape {np.shape(angles_deg)}, expected (T, 3): yaw, pitch, roll.")
    return _channels(angles_deg)

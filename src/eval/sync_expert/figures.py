"""What shift curves say in numbers: offset, confidence and distance as SyncNet gives them, and accuracy."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from src.errors import ConfigError
from src.eval.estimates import ONE_SPEAKER, Estimate, drawn_speakers, percentile_interval
from src.eval.metrics import Measurement, Metric
from src.eval.sync_expert.shift_curve import MAX_SHIFT_FRAMES, SHIFTS, ShiftCurve, pooled
from src.motion import FRAMES_PER_SECOND

MINIMUM_WINDOWS = 10
"""Windows that every shift needs; fewer are the ends of one or two short clips."""

CLEAR_CONFIDENCE = 0.05
"""Confidence that an offset needs; below, no shift stands out of the curve."""

NEAR_FRAMES = 1
"""Shifts up to this are too near to be wrong: labels and cuts of films are about a frame off themselves."""

GROUP_WINDOWS = 50
"""Windows that decide together where a speaker's offset lies: 2 s."""

_SOURCE = "ours, after Chung, Zisserman: Out of Time, ACCV workshops 2016"
_ABOUT = (
    "Windows of mouth motion and of sound are embedded by a network trained on the training speakers of the same "
    "store; distances lie between 0 and 2. "
)

SYNC_OFFSET = Metric(
    "sync_offset",
    1,
    "Sync offset",
    "ms",
    _ABOUT + "The shift of -600 to 600 ms at which their mean distance over all windows is smallest, between frames by "
    "a parabola. Positive: the motion is later than the sound.",
    _SOURCE,
)
SYNC_CONFIDENCE = Metric(
    "sync_confidence",
    1,
    "Sync confidence",
    "",
    _ABOUT + "Median over the shifts less the smallest of the mean distances. 0: no shift fits better than another.",
    _SOURCE,
)
SYNC_DISTANCE = Metric(
    "sync_distance",
    1,
    "Sync distance",
    "",
    _ABOUT + "The smallest over the shifts of the mean distances. Small: mouth and sound belong together at some "
    "shift. What moves as the network expects can be nearer than the truth is.",
    _SOURCE,
)
SYNC_ACCURACY = Metric(
    "sync_accuracy",
    1,
    "Sync accuracy",
    "",
    _ABOUT + "Share of pairs of windows of one clip, 2 to 15 frames apart, in which a mouth is nearer to the sound of "
    "its own time than to the other. 0.5 is chance.",
    "ours; two-alternative forced choice as in psychophysics",
)


@dataclass(frozen=True)
class SyncFigures:
    """What a pooled curve says."""

    offset: Measurement
    confidence: Measurement
    distance: Measurement
    accuracy: Measurement


def sync_figures(curves: Sequence[ShiftCurve]) -> SyncFigures:
    """The figures of the windows of several clips together."""
    curve = pooled(curves)
    return SyncFigures(sync_offset(curve), sync_confidence(curve), sync_distance(curve), sync_accuracy(curve))


def sync_offset(curve: ShiftCurve) -> Measurement:
    """How much later the motion is than its sound.

    Metric `sync_offset`, version 1, milliseconds, positive when the motion is later. Definition: the shift of the
    smallest mean distance, refined by the parabola through it and its neighbours. Source: ours, after SyncNet, whose
    offset has the other sign and whole frames.

    Returns:
        The offset; None for too few windows, when no shift stands out by `CLEAR_CONFIDENCE`, or when the best is the
        largest tried.
    """
    confidence = sync_confidence(curve)
    if confidence.value is None:
        return Measurement(SYNC_OFFSET, None, confidence.reason)
    if confidence.value < CLEAR_CONFIDENCE:
        reason = f"no shift stands out: confidence {confidence.value:.3f}, {CLEAR_CONFIDENCE} is needed"
        return Measurement(SYNC_OFFSET, None, reason)
    best = int(curve.means.argmin())
    if best in (0, len(SHIFTS) - 1):
        return Measurement(SYNC_OFFSET, None, f"mouth and sound match best at the largest shift, {SHIFTS[best]} frames")
    before, least, after = curve.means[best - 1 : best + 2]
    curvature = before - 2.0 * least + after
    fraction = 0.5 * (before - after) / curvature if curvature > 0 else 0.0
    return Measurement(SYNC_OFFSET, float(1000.0 * (SHIFTS[best] + fraction) / FRAMES_PER_SECOND))


def sync_confidence(curve: ShiftCurve) -> Measurement:
    """How much better the best shift is than a shift taken at random.

    Metric `sync_confidence`, version 1, no unit. Definition: median less minimum over 31 shifts of the mean distance.
    Source: ours, as LSE-C of SyncNet; its scale is another one, for these embeddings have length 1.

    Returns:
        0 or above; None where a shift has fewer than `MINIMUM_WINDOWS` windows.
    """
    reason = _unusable(curve)
    if reason:
        return Measurement(SYNC_CONFIDENCE, None, reason)
    return Measurement(SYNC_CONFIDENCE, float(np.median(curve.means) - curve.means.min()))


def sync_distance(curve: ShiftCurve) -> Measurement:
    """How far mouth and sound are apart where they fit best.

    Metric `sync_distance`, version 1, no unit. Definition: minimum over 31 shifts of the mean distance. Source: ours,
    as LSE-D of SyncNet, on another scale.

    Returns:
        0 to 2; None where a shift has fewer than `MINIMUM_WINDOWS` windows.
    """
    reason = _unusable(curve)
    if reason:
        return Measurement(SYNC_DISTANCE, None, reason)
    return Measurement(SYNC_DISTANCE, float(curve.means.min()))


def sync_accuracy(curve: ShiftCurve) -> Measurement:
    """How often a mouth is nearer to its own sound than to another of the clip.

    Metric `sync_accuracy`, version 1, no unit; 0.5 is chance. Definition: over all shifts further than `NEAR_FRAMES`,
    the share of windows whose distance at shift 0 is the smaller. Source: ours; two-alternative forced choice.

    Measured on true motion it is the accuracy of the expert itself.

    Returns:
        0 to 1; None where there is no pair.
    """
    far = np.abs(SHIFTS) > NEAR_FRAMES
    pairs = curve.counts[far].sum()
    if pairs < MINIMUM_WINDOWS:
        return Measurement(SYNC_ACCURACY, None, curve.reason or f"{pairs:g} pairs, {MINIMUM_WINDOWS} are needed")
    return Measurement(SYNC_ACCURACY, float(curve.wins[far].sum() / pairs))


FIGURES: dict[str, Callable[[ShiftCurve], Measurement]] = {
    SYNC_OFFSET.id: sync_offset,
    SYNC_CONFIDENCE.id: sync_confidence,
    SYNC_DISTANCE.id: sync_distance,
    SYNC_ACCURACY.id: sync_accuracy,
}
"""By id of the metric."""


def sync_estimates(
    curves: Sequence[ShiftCurve], speakers: Sequence[str], *, draws: int, seed: int
) -> dict[str, Estimate]:
    """The figures of all clips together, with intervals by a bootstrap over speakers.

    Args:
        curves: one per clip.
        speakers: one per clip.
        draws: of the bootstrap.
        seed: of the draws.

    Returns:
        Estimates by id of the metric. Where a draw has no value, as an offset of speakers without a clear one, there
        is no interval.
    """
    if len(curves) != len(speakers) or draws < 1:
        raise ConfigError(
            f"{len(curves)} shift curves of {len(speakers)} speakers with {draws} draws. Give one speaker per curve, "
            "and a draw or more."
        )
    of_speaker: dict[str, list[ShiftCurve]] = defaultdict(list)
    for speaker, curve in sorted(zip(speakers, curves, strict=True), key=lambda pair: pair[0]):
        if curve.num_windows:
            of_speaker[speaker].append(curve)
    voices = [pooled(clips) for clips in of_speaker.values()]
    clips, num_speakers = sum(map(len, of_speaker.values())), len(voices)
    whole = pooled(curves)
    values = {metric: figure(whole) for metric, figure in FIGURES.items()}
    if num_speakers < 2:
        return {
            metric: Estimate(found.value, None, None, clips, num_speakers, found.reason or ONE_SPEAKER)
            for metric, found in values.items()
        }
    stacked = np.stack([[voice.sums, voice.counts, voice.wins] for voice in voices])  # (speakers, 3, 31)
    times = drawn_speakers(num_speakers, draws, seed)
    drawn = [ShiftCurve(*parts) for parts in np.einsum("ds,spk->dpk", times, stacked)]
    return {
        metric: _with_interval(values[metric], [figure(curve).value for curve in drawn], clips, num_speakers)
        for metric, figure in FIGURES.items()
    }


def offset_hits(curves: Sequence[ShiftCurve], speakers: Sequence[str]) -> tuple[int, int]:
    """How often 2 s of one speaker are enough to find true motion in sync, to within a frame.

    Clips of a speaker are put together in their order until they hold `GROUP_WINDOWS` windows; what is left over does
    not count.

    Returns:
        Groups whose smallest mean distance is at a shift of at most `NEAR_FRAMES`, and all groups.
    """
    hits, groups = 0, 0
    waiting: dict[str, list[ShiftCurve]] = defaultdict(list)
    for speaker, curve in zip(speakers, curves, strict=True):
        waiting[speaker].append(curve)
        group = pooled(waiting[speaker])
        if group.num_windows >= GROUP_WINDOWS:
            groups += 1
            hits += abs(int(np.nanargmin(group.means)) - MAX_SHIFT_FRAMES) <= NEAR_FRAMES
            waiting[speaker] = []
    return hits, groups


def _with_interval(found: Measurement, drawn: list[float | None], clips: int, speakers: int) -> Estimate:
    known = [value for value in drawn if value is not None]
    if found.value is None:
        return Estimate(None, None, None, clips, speakers, found.reason)
    if len(known) < len(drawn):
        reason = f"{len(drawn) - len(known)} of {len(drawn)} draws of speakers have no value"
        return Estimate(found.value, None, None, clips, speakers, reason)
    low, high = percentile_interval(known)
    return Estimate(found.value, low, high, clips, speakers)


def _unusable(curve: ShiftCurve) -> str:
    """Why a curve is not measured; empty when it is."""
    if curve.reason:
        return curve.reason
    fewest = int(curve.counts.argmin())
    if curve.counts[fewest] >= MINIMUM_WINDOWS:
        return ""
    return (
        f"{curve.counts[fewest]:g} windows at a shift of {SHIFTS[fewest]} frames, {MINIMUM_WINDOWS} are needed; "
        "pool more clips"
    )

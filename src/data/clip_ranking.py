"""Which clips of a store to look at: the worst, each with what is wrong with it, and the most ordinary ones."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from src.data.label_figures import BLINKS_JUDGED_S, BLINKS_PER_MINUTE, LARGEST_AT_END, ClipQa

MOST_OF_A_KIND = 2
"""Of the worst clips, at most so many for the same reason: five alike would teach nothing more."""


@dataclass(frozen=True)
class RankedClip:
    """A clip to look at.

    Attributes:
        clip_id: which.
        kind: `worst` or `median`.
        reason: why it was chosen, a sentence.
        badness: of what is worst about it; from 1 it deserves a look.
    """

    clip_id: str
    kind: str
    reason: str
    badness: float


@dataclass(frozen=True)
class _Typical:
    """Medians over the store."""

    noise: float
    movement: float


def rank_clips(clips: Sequence[ClipQa], num_worst: int, num_median: int) -> list[RankedClip]:
    """The worst clips, worst first, and those nearest to the middle of the store; no clip twice.

    Args:
        clips: what `measure_labels` said about each.
        num_worst, num_median: at most so many of each.
    """
    if not clips:
        return []
    typical = _Typical(_median([clip.noise for clip in clips]), _median([clip.movement for clip in clips]))
    faults = {clip.clip_id: max(_faults(clip, typical)) for clip in clips}
    worst: list[RankedClip] = []
    kinds: Counter[str] = Counter()
    for clip_id, (badness, kind, sentence) in sorted(faults.items(), key=lambda item: (-item[1][0], item[0])):
        if len(worst) == num_worst:
            break
        if kinds[kind] < MOST_OF_A_KIND:
            kinds[kind] += 1
            remark = sentence if badness >= 1 else f"unremarkable; furthest out in this: {sentence}"
            worst.append(RankedClip(clip_id, "worst", remark, badness))
    taken = {clip.clip_id for clip in worst}
    ordinary = sorted((distance, clip_id) for clip_id, distance in _distances(clips).items() if clip_id not in taken)
    reason = "nearest to the medians of the store in mouth movement, noise, seen share and blinks"
    return worst + [RankedClip(clip_id, "median", reason, faults[clip_id][0]) for _, clip_id in ordinary[:num_median]]


def _faults(clip: ClipQa, typical: _Typical) -> list[tuple[float, str, str]]:
    """How bad a clip is in each way, in words; from 1 on it deserves a look."""
    faults = [(10 * (1 - clip.valid_share), "unseen", f"the face is seen in {clip.valid_share:.0%} of the frames")]
    if clip.movement is not None:
        ratio = clip.movement / max(typical.movement, 1e-6)
        sentence = f"the jaw moves by {clip.movement:.3f} of face size, {ratio:.2g} times the median"
        faults.append((min(0.25 / max(ratio, 1e-6), 10.0), "still", sentence))
        faults.append((ratio / 4, "wild", sentence))
    if clip.noise is not None and typical.noise > 0:
        ratio = clip.noise / typical.noise
        sentence = f"the jaw trembles by {clip.noise:.4f} of face size while still, {ratio:.2g} times the median"
        faults.append((ratio / 3, "noise", sentence))
    if clip.saturation is not None and clip.saturated:
        sentence = f"{clip.saturated} lies at the end of its range in {clip.saturation:.0%} of the frames"
        faults.append((clip.saturation / LARGEST_AT_END[clip.saturated], "saturation", sentence))
    rate = clip.blinks_per_minute
    if rate is not None and clip.seconds >= BLINKS_JUDGED_S:
        low, high = BLINKS_PER_MINUTE
        badness = max(rate / high, 1.0 if rate < low else 0.0)
        faults.append((badness, "blinks", f"{rate:.0f} blinks per minute, {low:g} to {high:g} are plausible"))
    if clip.r_arkit is not None:
        sentence = f"jaw_open and the blendshape jawOpen agree by r = {clip.r_arkit:.2f}"
        faults.append((2 * (1 - clip.r_arkit), "blendshapes", sentence))
    if clip.r_reference is not None:
        sentence = f"jaw_open follows the true motion by r = {clip.r_reference:.2f}"
        faults.append((5 * (1 - clip.r_reference), "truth", sentence))
    side = "late" if clip.offset_ms > 0 else "early"
    sentence = f"the sound is {abs(clip.offset_ms):.0f} ms {side} (confidence {clip.offset_confidence:.2f})"
    faults.append((abs(clip.offset_ms) / 100 * clip.offset_confidence, "offset", sentence))
    return faults


def _distances(clips: Sequence[ClipQa]) -> dict[str, float]:
    """How far each clip is from the middle of the store, in typical deviations; what it can't tell counts as one."""
    columns = np.array(
        [
            [_or_nan(value) for value in (clip.movement, clip.noise, clip.valid_share, clip.blinks_per_minute)]
            for clip in clips
        ]
    )
    known = ~np.isnan(columns)
    distance = np.ones_like(columns)
    for column in np.flatnonzero(known.any(axis=0)):
        values = columns[known[:, column], column]
        away = np.abs(values - np.median(values))
        distance[known[:, column], column] = away / max(float(np.median(away)), 1e-6)
    return {clip.clip_id: float(total) for clip, total in zip(clips, np.minimum(distance, 10).sum(axis=1), strict=True)}


def _median(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else 0.0


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value

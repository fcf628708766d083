"""Who is trained on and who is only listened to: a split by speaker.

Scores on the voices of the training data say little about others, so no speaker is on both sides. A
corpus of one person can't be split that way; it is split by clip, or a single clip by time, and says so.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from src.data.windows import FeatureClip
from src.errors import DataError

logger = logging.getLogger(__name__)

_LARGEST_OVERSHOOT = 1.5
"""A speaker is passed over who would make the validation part larger than this times what was asked."""


@dataclass(frozen=True)
class Split:
    """Clips for training and validation; `speaker_disjoint` tells whether their voices differ."""

    train: tuple[FeatureClip, ...]
    val: tuple[FeatureClip, ...]
    speaker_disjoint: bool


def split_by_speaker(
    clips: Sequence[FeatureClip], *, val_share: float, val_speakers: Sequence[str], seed: int
) -> Split:
    """Divide clips so that about `val_share` of the frames are for validation, by speakers drawn with `seed`.

    Args:
        clips: at least one, in any order; the result does not depend on it.
        val_share: above 0, below 1. Unused when `val_speakers` names somebody.
        val_speakers: speakers to validate on; empty to draw them.
        seed: of the draw.

    Raises:
        DataError: nobody is left to train on, or a named speaker does not exist.
    """
    if not clips:
        raise DataError(
            "no clip is long enough to train on. Prepare more videos with `python -m scripts.prepare_data`."
        )
    if not 0.0 < val_share < 1.0:
        raise DataError(f"data.val_share is {val_share}, expected a number between 0 and 1, such as 0.15. Correct it.")
    clips = sorted(clips, key=lambda clip: clip.clip_id)
    speakers = sorted({clip.speaker for clip in clips})
    if val_speakers:
        chosen = set(val_speakers)
        unknown = sorted(chosen - set(speakers))
        if unknown or chosen == set(speakers):
            raise DataError(
                f"data.val_speakers: {', '.join(unknown) or 'every speaker'} "
                f"{'is not in the store' if unknown else 'would leave nobody to train on'}. "
                f"Choose some of: {', '.join(speakers)}."
            )
    elif len(speakers) == 1:
        logger.warning(
            "All clips are of one speaker (%s): validation uses the same voice, so its scores will flatter. "
            "Add videos of another person for an honest score.",
            speakers[0],
        )
        return _split_one_speaker(clips, val_share, seed)
    else:
        chosen = _draw_speakers(clips, speakers, val_share, seed)
    train = tuple(clip for clip in clips if clip.speaker not in chosen)
    val = tuple(clip for clip in clips if clip.speaker in chosen)
    return Split(train, val, speaker_disjoint=True)


def _draw_speakers(clips: Sequence[FeatureClip], speakers: Sequence[str], val_share: float, seed: int) -> set[str]:
    frames = {speaker: sum(len(clip) for clip in clips if clip.speaker == speaker) for speaker in speakers}
    wanted = val_share * sum(frames.values())
    chosen: set[str] = set()
    total = 0
    for index in np.random.default_rng(seed).permutation(len(speakers)):
        speaker = speakers[index]
        fits = total + frames[speaker] <= _LARGEST_OVERSHOOT * wanted
        if total < wanted and fits and len(chosen) < len(speakers) - 1:
            chosen.add(speaker)
            total += frames[speaker]
    return chosen or {min(speakers, key=lambda speaker: (frames[speaker], speaker))}


def _split_one_speaker(clips: Sequence[FeatureClip], val_share: float, seed: int) -> Split:
    if len(clips) == 1:
        cut = round(len(clips[0]) * (1 - val_share))
        if not 0 < cut < len(clips[0]):
            raise DataError(
                f"{clips[0].clip_id}: the only clip has {len(clips[0])} frames, too few to train and to validate. "
                "Prepare more video."
            )
        return Split((clips[0].part(0, cut),), (clips[0].part(cut, len(clips[0])),), speaker_disjoint=False)
    order = [clips[index] for index in np.random.default_rng(seed).permutation(len(clips))]
    wanted, val = val_share * sum(len(clip) for clip in clips), [order[0]]
    for clip in order[1:-1]:
        if sum(len(other) for other in val) >= wanted:
            break
        val.append(clip)
    return Split(tuple(order[len(val) :]), tuple(val), speaker_disjoint=False)

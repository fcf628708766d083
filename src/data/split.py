"""Who is trained on and who is only listened to: a split by speaker.

Scores on the voices of the training data say little about others, so no speaker is in two parts. A
corpus of one person can't be split that way; it is split by clip, and says so.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from src.errors import ConfigError, DataError

logger = logging.getLogger(__name__)

TRAIN, VAL, TEST = "train", "val", "test"

_LARGEST_OVERSHOOT = 1.5
"""A speaker is passed over who would make a part larger than this times what was asked."""


@dataclass(frozen=True)
class SplitRow:
    """What a split looks at: a clip, who speaks in it, in which language (empty: unknown), and its frames."""

    clip_id: str
    speaker: str
    language: str
    frames: int


def assign_splits(rows: Sequence[SplitRow], *, val_share: float, test_share: float, seed: int) -> dict[str, str]:
    """Divide clips into train, val and test by speakers drawn with `seed`, each language by itself.

    * A language with at least one speaker for every part wanted gives some to each. The speakers of the other
      languages, and those of unknown language, are drawn from together.
    * Three speakers or more: all parts that were asked for. Two: train and val, no test. One: the clips are
      divided instead of the speakers, with a warning; one clip alone is train.
    * Whole speakers rarely fit a share: a part gets at least one speaker, the smallest if need be.

    Args:
        rows: in any order; the result does not depend on it. A speaker who speaks several languages counts for
            the one with most frames.
        val_share: of the frames, above 0, below 1.
        test_share: of the frames, 0 for no test part; both shares together below 1.
        seed: of the draw.

    Returns:
        `train`, `val` or `test` for each clip id.

    Raises:
        ConfigError: shares that leave a part empty.
    """
    if not 0.0 < val_share < 1.0 or not 0.0 <= test_share < 1.0 - val_share:
        raise ConfigError(
            f"val_share is {val_share} and test_share {test_share}; expected a val_share between 0 and 1, such as "
            "0.15, a test_share of 0 or more, and a sum below 1. Correct them."
        )
    shares = {TEST: test_share, VAL: val_share} if test_share else {VAL: val_share}
    rows = sorted(rows, key=lambda row: row.clip_id)
    frames: Counter[str] = Counter()
    for row in rows:
        frames[row.speaker] += row.frames
    if len(frames) == 1:
        logger.warning(
            "All clips are of one speaker (%s): validation uses the same voice, so its scores will flatter. "
            "Add videos of another person for an honest score.",
            rows[0].speaker,
        )
        clips = {row.clip_id: row.frames for row in rows}
        return _draw(clips, shares, np.random.default_rng(seed))
    part_of: dict[str, str] = {}
    for number, speakers in enumerate(_strata(rows, num_parts=len(shares) + 1)):
        stratum = {speaker: frames[speaker] for speaker in speakers}
        part_of |= _draw(stratum, shares, np.random.default_rng([seed, number]))
    return {row.clip_id: part_of[row.speaker] for row in rows}


def is_speaker_disjoint(parts: Iterable[Iterable[str]]) -> bool:
    """Whether no speaker is in two of the parts, each given by its speakers."""
    everybody = [speaker for part in parts for speaker in set(part)]
    return len(everybody) == len(set(everybody))


def hold_out(splits: dict[str, str], speakers: dict[str, str], val_speakers: Sequence[str]) -> dict[str, str]:
    """Another split: these speakers are val, and whoever was val before is train.

    Args:
        splits: part by clip id.
        speakers: speaker by clip id.
        val_speakers: whom to validate on.

    Raises:
        DataError: a named speaker does not exist, or nobody is left to train on.
    """
    chosen, known = set(val_speakers), set(speakers.values())
    unknown = sorted(chosen - known)
    moved = {
        clip_id: VAL if speakers[clip_id] in chosen else TRAIN if part == VAL else part
        for clip_id, part in splits.items()
    }
    if unknown or TRAIN not in moved.values():
        raise DataError(
            f"data.val_speakers: {', '.join(unknown) or 'every speaker'} "
            f"{'is not in the store' if unknown else 'would leave nobody to train on'}. "
            f"Choose some of: {', '.join(sorted(known))}."
        )
    return moved


def _strata(rows: Sequence[SplitRow], num_parts: int) -> list[list[str]]:
    """Sorted speakers of each language that has `num_parts` or more, in the order of the languages; then all others."""
    heard: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        heard[row.speaker][row.language] += row.frames
    members: defaultdict[str, list[str]] = defaultdict(list)
    for speaker in sorted(heard):
        language = min(heard[speaker], key=lambda name: (-heard[speaker][name], name))
        members[language].append(speaker)
    large = [language for language in sorted(members) if language and len(members[language]) >= num_parts]
    others = sorted(speaker for language, many in members.items() if language not in large for speaker in many)
    return [members[language] for language in large] + ([others] if others else [])


def _draw(frames: dict[str, int], shares: dict[str, float], generator: np.random.Generator) -> dict[str, str]:
    """A part for each name, by its frames; names are speakers or clips, sorted. Train and val come before test."""
    part_of = dict.fromkeys(frames, TRAIN)
    order = [list(frames)[index] for index in generator.permutation(len(frames))]
    if len(frames) <= len(shares):
        shares = {VAL: shares[VAL]} if len(frames) == 2 else {}
    for number, (part, share) in enumerate(shares.items()):
        # One name is left for each part that is still to come, and one for train.
        room = sum(part_of[name] == TRAIN for name in order) - (len(shares) - number)
        wanted, total = share * sum(frames.values()), 0
        for name in order:
            fits = total + frames[name] <= _LARGEST_OVERSHOOT * wanted
            if part_of[name] == TRAIN and total < wanted and fits and room > 0:
                part_of[name], total, room = part, total + frames[name], room - 1
        if total == 0:
            left = [name for name in order if part_of[name] == TRAIN]
            part_of[min(left, key=lambda name: (frames[name], name))] = part
    return part_of

"""Which frames of a bank are trained on, validated with and kept for the end."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from src.data.clip_info import ClipTable
from src.data.frame_bank import FrameBank
from src.data.split import TEST, TRAIN, VAL, SplitRow, assign_splits, hold_out, is_speaker_disjoint
from src.data.windows import Spans
from src.errors import DataError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Split:
    """What is trained on, validated with and kept for the end.

    Attributes:
        train, val, test: spans of a bank; `test` may be empty.
        speaker_disjoint: no speaker is in two of them.
        hash: SHA-256 over the ids of all clips and their parts.
    """

    train: Spans
    val: Spans
    test: Spans
    speaker_disjoint: bool
    hash: str


def split_bank(
    clips: ClipTable, bank: FrameBank, *, min_clip_frames: int, val_share: float, val_speakers: Sequence[str], seed: int
) -> Split:
    """The split that a manifest names.

    It is drawn here, without a test part, where the manifest names none, or where the clips that are long enough
    leave a side empty. A single clip is divided by time.

    Args:
        clips: rows of the manifest.
        bank: their frames.
        min_clip_frames: shorter clips are left out, as are those in which no face was seen.
        val_share: of the frames, where the split is drawn here.
        val_speakers: whom to validate on instead; empty for those of the manifest.
        seed: of the draw.

    Raises:
        DataError: nobody is left to train on, or a named speaker does not exist.
    """
    names, speakers, parts = clips.column("clip_id"), clips.column("speaker"), clips.column("split")
    lengths = np.diff(bank.offsets)
    usable = (lengths >= min_clip_frames) & (bank.valid_frames > 0)
    if not usable.any():
        raise DataError(
            f"no clip of {len(names)} is long enough to train on ({min_clip_frames} frames) and shows a face. "
            "Prepare more videos with `python -m scripts.prepare_data`."
        )
    if not usable.all():
        logger.info(
            "%d of %d clips are shorter than %d frames or show no face and are left out.",
            len(usable) - usable.sum(),
            len(usable),
            min_clip_frames,
        )
    is_drawn = all(parts)
    splits = dict(zip(names, parts, strict=True))
    if val_speakers:
        before = splits if is_drawn else dict.fromkeys(names, TRAIN)
        splits = hold_out(before, dict(zip(names, speakers, strict=True)), val_speakers)
    elif not is_drawn or not {TRAIN, VAL} <= {part for part, fits in zip(parts, usable, strict=True) if fits}:
        if is_drawn and usable.sum() > 1:
            logger.warning(
                "The split of the manifest leaves no usable clip to train on or to validate with; drawing another."
            )
        columns = zip(names, speakers, clips.column("language"), lengths.tolist(), parts, usable, strict=True)
        rows = [SplitRow(*row) for *row, part, fits in columns if fits and part != TEST]
        splits |= assign_splits(rows, val_share=val_share, test_share=0.0, seed=seed)
    split = _spans_of(splits, names, speakers, bank, usable, val_share)
    if not split.speaker_disjoint and len(names) > 1:
        logger.warning("Some voices are in several parts of the split, so scores on unseen clips will flatter.")
    return split


def _spans_of(
    splits: dict[str, str],
    names: list[str],
    speakers: list[str],
    bank: FrameBank,
    usable: NDArray[np.bool_],
    val_share: float,
) -> Split:
    part_of = np.array([splits[name] for name in names])
    digest = hashlib.sha256("".join(f"{name} {splits[name]}\n" for name in names).encode())

    def spans(part: str) -> Spans:
        clips = np.flatnonzero((part_of == part) & usable)
        return Spans(
            clip_ids=[names[clip] for clip in clips],
            speakers=[speakers[clip] for clip in clips],
            clips=clips,
            starts=bank.offsets[clips],
            lengths=bank.offsets[clips + 1] - bank.offsets[clips],
        )

    train, val, test = spans(TRAIN), spans(VAL), spans(TEST)
    if len(train) == 1 and not len(val):
        train, val = _halves(train, val_share)
        digest.update(f"{val.starts - train.starts}".encode())
    if not len(train) or not len(val):
        raise DataError(
            f"{len(train)} clips to train on and {len(val)} to validate with are too few. Prepare more videos, or name "
            "other data.val_speakers."
        )
    return Split(
        train, val, test, is_speaker_disjoint([train.speakers, val.speakers, test.speakers]), digest.hexdigest()
    )


def _halves(clip: Spans, val_share: float) -> tuple[Spans, Spans]:
    """A single clip, cut in time."""
    length = int(clip.lengths[0])
    cut = round(length * (1 - val_share))
    if not 0 < cut < length:
        raise DataError(
            f"{clip.clip_ids[0]}: the only clip has {length} frames, too few to train and to validate. "
            "Prepare more video."
        )
    return (
        replace(clip, lengths=np.array([cut])),
        replace(clip, starts=clip.starts + cut, lengths=np.array([length - cut])),
    )

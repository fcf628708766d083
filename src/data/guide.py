"""Knowledge distillation: in training windows the labels lean towards what a teacher says of the same sound.

A teacher is a trained network that may be larger, slower or better informed than the student. It hears the training
clips once, whole and clean, in features of its own; the student then hears them augmented. Where a label is valid, the
target is (1 - share) * label + share * teacher. For a squared error that is, up to a constant, the weighted sum
(1 - share) * |student - label|^2 + share * |student - teacher|^2, so losses and batches need not know. Where the face
was not seen there is no label, and the teacher can stand for it.

What the teacher said and what became of it are kept in the folder of the student's bank, row by row:

    taught-<hash>.f32     (N, C) float32: the teacher's motion; NaN outside the training clips
    targets-<hash>.f32    (N, C) float32: what to learn; NaN outside the training clips
    targets-<hash>.u8     (N,) uint8: where that counts; 0 outside the training clips

Validation, test and statistics always use the labels. Files appear complete or not at all.

Reference:
    Hinton, Vinyals, Dean: Distilling the Knowledge in a Neural Network, 2015, for regression.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from src.data.features import FeatureExtractor
from src.data.features.base import hash_of
from src.data.frame_bank import FrameBank, mapped_rows
from src.data.windows import Spans
from src.errors import ConfigError, DataError
from src.files import replacing
from src.motion import FRAMES_PER_SECOND, MotionSpec

logger = logging.getLogger(__name__)

_VERSION = 1
"""Grows when the files mean something else."""

_BATCH_FRAMES = 4096
"""Most frames that a teacher hears at once; a longer clip is alone."""

_MANY_BATCHES = 20
"""From here on the progress is worth a bar."""


class Teacher(Protocol):
    """Whoever knows motion from rows; `src.models.teacher.Teacher` documents the members."""

    path: Path
    sha256: str
    spec: MotionSpec
    features: FeatureExtractor
    data_hash: str | None
    split_hash: str | None

    def motion(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rows (B, T, F) of whole clips of one length -> motion (B, T, C)."""
        ...


@dataclass(frozen=True, eq=False)
class GuidedBank(FrameBank):
    """A bank whose `motion` and `valid` are what a student learns; all else is that of the labels.

    Attributes:
        targets: `targets-<hash>` in `folder`, without a suffix.
    """

    targets: Path

    def __reduce__(self) -> tuple[Any, ...]:
        """See `FrameBank.__reduce__`."""
        return _guided, (self.folder, self.targets)


class Guide:
    """Blends a teacher's motion into the labels of training clips."""

    def __init__(self, *, teacher: Teacher, share: float, beyond_labels: bool) -> None:
        """Take the settings.

        Args:
            teacher: who is listened to.
            share: of the teacher in the target of frames with a label, 0 to 1.
            beyond_labels: the teacher alone is the target of frames without; false leaves them out, as without a guide.

        Raises:
            ConfigError: `share` is out of range.
        """
        if not 0 <= share <= 1:
            raise ConfigError(f"data.guide.share is {share:g}; expected 0 (labels alone) to 1 (the teacher alone).")
        self._teacher = teacher
        self._share, self._beyond_labels = share, beyond_labels

    @property
    def identity(self) -> dict[str, Any]:
        """What the targets follow from besides data and split, in plain types."""
        return {
            "teacher_sha256": self._teacher.sha256,
            "share": self._share,
            "beyond_labels": self._beyond_labels,
        }

    def facts(self, content_hash: str) -> dict[str, Any]:
        """What a report says.

        Args:
            content_hash: of the student's store.

        Returns:
            `identity`, and under `held_out` whether the teacher has met the people that the student is judged on:
            "unseen" after training on the same split of the same store, else "unknown".
        """
        same = self._teacher.data_hash == content_hash  # and then the same split, or `bank` had refused
        return {**self.identity, "held_out": "unseen" if same else "unknown"}

    def bank(
        self,
        bank: FrameBank,
        train: Spans,
        *,
        spec: MotionSpec,
        content_hash: str,
        split_hash: str,
        bank_of: Callable[[FeatureExtractor], FrameBank],
    ) -> GuidedBank:
        """What to draw training windows from, computed now if it is not there yet.

        Args:
            bank, train: the student's rows and the clips that it learns from.
            spec: the motion that it learns to speak.
            content_hash, split_hash: of the store, and of its split.
            bank_of: gives the bank of the same store in other features.

        Raises:
            ConfigError: the teacher speaks another motion, or trained on clips that this split holds out.
        """
        self._check(spec, content_hash, split_hash)
        clips = hashlib.sha256(train.starts.tobytes() + train.lengths.tobytes()).hexdigest()
        taught_id = {"version": _VERSION, "teacher_sha256": self._teacher.sha256, "clips": clips}
        taught = bank.folder / f"taught-{hash_of(taught_id)}.f32"
        targets = bank.folder / f"targets-{hash_of({**taught_id, **self.identity})}"
        try:
            if not taught.is_file():
                own = bank_of(self._teacher.features)
                with replacing(taught) as unfinished:
                    self._teach(bank, own, train, _new_rows(unfinished, np.nan, np.float32, bank.motion.shape))
            if not targets.with_suffix(".f32").is_file():  # which takes its name last
                with replacing(targets.with_suffix(".f32")) as motion, replacing(targets.with_suffix(".u8")) as valid:
                    self._blend(
                        bank,
                        train,
                        mapped_rows(taught, np.float32, bank.motion.shape),
                        _new_rows(motion, np.nan, np.float32, bank.motion.shape),
                        _new_rows(valid, False, np.bool_, bank.valid.shape),
                    )
        except OSError as error:
            raise DataError(
                f"{bank.folder}: what the teacher says can't be kept here ({error}). Make room, or name another folder "
                "as data.cache."
            ) from error
        return _guided(bank.folder, targets)

    def _check(self, spec: MotionSpec, content_hash: str, split_hash: str) -> None:
        teacher = self._teacher
        if (teacher.spec.name, teacher.spec.version) != (spec.name, spec.version):
            raise ConfigError(
                f"{teacher.path}: the teacher speaks {teacher.spec.name} version {teacher.spec.version}, the student "
                f"shall learn {spec.name} version {spec.version}. Give a teacher of the same motion spec."
            )
        if teacher.data_hash == content_hash and teacher.split_hash != split_hash:
            raise ConfigError(
                f"{teacher.path}: the teacher was trained on another split of this store, so it may know by heart whom "
                "the student is judged on. Train teacher and student with the same data.val_speakers, data.val_share "
                "and seed."
            )
        if teacher.data_hash != content_hash:
            logger.warning(
                "%s: the teacher was trained on %s; if speakers of the validation or test part were among it, the "
                "student's score will flatter.",
                teacher.path,
                "nobody knows what (no metrics.json beside it)" if teacher.data_hash is None else "another store",
            )

    def _teach(self, bank: FrameBank, own: FrameBank, train: Spans, taught: NDArray[np.float32]) -> None:
        """Fill `taught`, rows of the student's bank, by what the teacher says of its own rows of the same sound."""
        features = self._teacher.features
        starts = own.offsets[train.clips] + train.starts - bank.offsets[train.clips]
        lengths = np.minimum(train.lengths, own.offsets[train.clips + 1] - starts)  # extractors may differ by a frame
        batches = equally_long(lengths, _BATCH_FRAMES)
        progress = track(
            batches, "teacher", console=Console(stderr=True), transient=True, disable=len(batches) < _MANY_BATCHES
        )
        for clips in progress:
            frames = np.arange(lengths[clips[0]])
            rows = own.features[starts[clips, None] + frames]  # (B, T, R)
            hops = torch.from_numpy(rows).reshape(len(rows), -1, features.front.size)
            rows = features.finish_hops(hops).reshape(*rows.shape[:2], -1).numpy()
            taught[train.starts[clips, None] + frames] = self._teacher.motion(rows)
        logger.info(
            "%s taught %d clips, %.1f minutes", self._teacher.path, len(train), lengths.sum() / FRAMES_PER_SECOND / 60
        )

    def _blend(
        self,
        bank: FrameBank,
        train: Spans,
        taught: NDArray[np.float32],
        motion: NDArray[np.float32],
        valid: NDArray[np.bool_],
    ) -> None:
        """Fill `motion` and `valid`."""
        for start, length in zip(train.starts, train.lengths, strict=True):
            rows = slice(start, start + length)
            target, teacher, labelled = np.array(bank.motion[rows]), taught[rows], bank.valid[rows]
            known = ~np.isnan(teacher).any(axis=1)
            both, beyond = known & labelled, known & ~labelled & self._beyond_labels
            target[both] = (1 - self._share) * target[both] + self._share * teacher[both]
            target[beyond] = teacher[beyond]
            motion[rows], valid[rows] = target, labelled | beyond


def equally_long(lengths: NDArray[np.int64], batch_frames: int) -> list[NDArray[np.int64]]:
    """Numbers of clips, in batches that need no padding: a network that hears both ways would hear that too.

    Args:
        lengths: (n,) frames; clips of none are left out.
        batch_frames: most frames of a batch; a longer clip is alone.
    """
    batches = []
    for length in np.unique(lengths[lengths > 0]):
        clips = np.flatnonzero(lengths == length)
        size = max(batch_frames // int(length), 1)
        batches += [clips[begin : begin + size] for begin in range(0, len(clips), size)]
    return batches


def _new_rows(path: Path, value: float, dtype: type, shape: tuple[int, ...]) -> NDArray[Any]:
    """A file of that value everywhere, to be written through."""
    # First as a whole: a full disk is an error here, but kills the process that writes through a map.
    np.full(shape, value, dtype).tofile(path)
    return np.memmap(path, dtype, "r+", shape=shape)


def _guided(folder: Path, targets: Path) -> GuidedBank:
    """The bank in `folder` with these targets."""
    bank = FrameBank.read(folder)
    motion = mapped_rows(targets.with_suffix(".f32"), np.float32, bank.motion.shape)
    valid = mapped_rows(targets.with_suffix(".u8"), np.bool_, bank.valid.shape)
    return GuidedBank(**{**vars(bank), "motion": motion, "valid": valid, "targets": targets})

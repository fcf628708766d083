"""From a prepared store to batches: features once onto the disk, split by speaker, windows drawn by seed."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor
from torch.utils.data import DataLoader

from src.data.augment import Augmentation, Silences
from src.data.bank_split import Split, split_bank
from src.data.feature_cache import FeatureCache, FeatureFolders
from src.data.features import FeatureExtractor
from src.data.frame_bank import FrameBank, finished_hops, sums_of
from src.data.guide import Guide
from src.data.recipe import Recipe
from src.data.shards import open_store
from src.data.speaker_offset import SpeakerAlignment, SpeakerOffset, delays_of
from src.data.window_loader import ClipBuckets, WindowBatches, WindowLoader
from src.data.windows import Batch, Spans, WholeClips, WindowDataset, Windows
from src.errors import ConfigError
from src.motion import FRAMES_PER_SECOND, MotionSpec

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Statistics:
    """What networks standardise with: (F,) of stacked features, (C,) of motion, from the training clips."""

    feature_mean: Tensor
    feature_std: Tensor
    silence: Tensor
    motion_mean: Tensor
    motion_std: Tensor


class MotionDataModule(pl.LightningDataModule):
    """Batches of stacked features, motion, masks and speakers from one store.

    Training batches are windows with augmentation; validation and test batches are whole clips without.

    Attributes:
        split: see `Split`; there after `setup`.
        content_hash: of the store; there after `setup`.
        offsets: between sound and motion, of every speaker; there after `setup`, empty without `alignment`.
        guide_facts: what a report says about the guide, see `Guide.facts`; there after `setup`, None without one.
        speakers: those of the training clips, sorted; batches number them from 1. There after `setup`.
    """

    split: Split
    content_hash: str
    offsets: dict[str, SpeakerOffset]
    speakers: tuple[str, ...]

    def __init__(
        self,
        *,
        store: str,
        cache: str | None,
        features: FeatureExtractor,
        spec: MotionSpec,
        context_frames: int,
        lookahead_frames: int,
        window_frames: int,
        windows_per_epoch: int,
        batch_size: int,
        eval_batch_frames: int,
        num_workers: int,
        min_clip_frames: int,
        alignment: SpeakerAlignment | None,
        val_share: float,
        val_speakers: Sequence[str],
        silences: Silences | None,
        resting: Sequence[str],
        augmentations: dict[str, Augmentation | None],
        guide: Guide | None,
        seed: int,
    ) -> None:
        """Take the settings; nothing is read before `setup`.

        Args:
            store: folder written by `python -m scripts.prepare_data`, or one of shards of such a store.
            cache: folder for the features of all clips; null keeps them in the store, under `features`.
            features: the extractor.
            spec: the vocabulary that the store's motion must speak.
            context_frames: past rows that a frame of the network depends on.
            lookahead_frames: future rows that it depends on.
            window_frames: rows per training window, context included.
            windows_per_epoch: 0 for as many as cover the training frames once.
            batch_size: training windows per batch.
            eval_batch_frames: most frames per batch of whole clips; a longer clip is alone.
            num_workers: loader processes; 0 works in the main one. Batches are the same for any number.
            min_clip_frames: shorter clips are left out.
            alignment: moves the motion of speakers whose clips are out of sync; null for none.
            val_share: for stores whose manifest has no split, see `split_bank`.
            val_speakers: whom to validate on; empty for those of the manifest.
            silences: put into training windows before the augmentations; null for none.
            resting: channels that are at rest while nobody speaks.
            augmentations: applied in order to training windows; null ones are skipped.
            guide: whose motion training windows learn besides the labels; null for the labels alone.
            seed: of the windows and the augmentation, and of the split where it is drawn here.

        Raises:
            ConfigError: windows are not longer than the context they need, or an augmentation does not fit.
        """
        super().__init__()
        if window_frames <= context_frames + lookahead_frames:
            raise ConfigError(
                f"data.window_frames is {window_frames}, but the network needs {context_frames} frames before and "
                f"{lookahead_frames} after each frame. Set it to {2 * (context_frames + lookahead_frames)} or more."
            )
        self._store_folder = Path(store)
        self._cache = cache
        self._features = features
        self._spec = spec
        self._context_frames = context_frames
        self._lookahead_frames = lookahead_frames
        self._window_frames = window_frames
        self._windows_per_epoch = windows_per_epoch
        self._batch_size = batch_size
        self._eval_batch_frames = eval_batch_frames
        self._num_workers = num_workers
        self._min_clip_frames = min_clip_frames
        self._alignment = alignment
        self._val_share = val_share
        self._val_speakers = list(val_speakers)
        self._guide = guide
        self._seed = seed
        self._bank: FrameBank | None = None
        self._taught: FrameBank | None = None
        self.guide_facts: dict[str, Any] | None = None
        self._train_loader: WindowLoader | None = None
        self._position: dict[str, Any] = {}
        self._recipe = Recipe(
            features=features,
            lookahead_frames=lookahead_frames,
            silences=silences,
            rest=rest_of(spec, resting),
            augmentations=augmentations,
        )
        self._finish = None if features.front is features else Finish(features)

    def prepare_data(self) -> None:
        """Compute the features of the store, if they are not there yet; Lightning lets one process per node do it."""
        self.setup()

    def setup(self, stage: str | None = None) -> None:
        """Open the store and the features of its clips; a second call does nothing.

        Raises:
            DataError: the folder is no store, speaks another vocabulary or holds too little.
        """
        if self._bank is not None:
            return
        store = open_store(self._store_folder)
        content_hash = store.content_hash
        folders = FeatureFolders.of(store, self._cache)
        self.offsets = {} if self._alignment is None else self._alignment.offsets(store, folders.of_store)
        delays_ms = delays_of(self.offsets)
        if delays_ms:
            logger.info(
                "%d of %d speakers are out of sync; their motion is moved by %+.0f to %+.0f ms",
                len(delays_ms),
                len(self.offsets),
                min(delays_ms.values()),
                max(delays_ms.values()),
            )

        def bank_of(features: FeatureExtractor) -> FrameBank:
            hops = FeatureCache(folders.hops)
            return FrameBank.of(store, features, self._spec, folders.of_store, hops, delays_ms)

        bank = bank_of(self._features)
        self.content_hash = content_hash
        self.split = split_bank(
            store.clips,
            bank,
            min_clip_frames=self._min_clip_frames,
            val_share=self._val_share,
            val_speakers=self._val_speakers,
            seed=self._seed,
        )
        self.speakers = tuple(sorted(set(self.split.train.speakers)))
        self._taught = bank
        if self._guide is not None:
            self._taught = self._guide.bank(
                bank,
                self.split.train,
                spec=self._spec,
                content_hash=content_hash,
                split_hash=self.split.hash,
                bank_of=bank_of,
            )
            self.guide_facts = self._guide.facts(content_hash)
        self._bank = bank
        parts = {"training": self.split.train, "validation": self.split.val, "test": self.split.test}
        for name, part in parts.items():
            facts = part_facts(part)
            logger.info(
                "%s: %d clips, %.1f minutes, %d speakers", name, facts["clips"], facts["minutes"], facts["speakers"]
            )

    def statistics(self) -> Statistics:
        """Means and deviations of the training clips: all feature rows, valid motion frames.

        Feature statistics are per band, the same for all hops of a row. Call after `setup`.
        """
        bank, train, features = self._opened(), self.split.train, self._features
        if train.lengths.sum() < bank.offsets[train.clips + 1].sum() - bank.offsets[train.clips].sum():
            # A part of the only clip; the sums of the bank are of whole ones.
            (start,), (length,) = train.starts, train.lengths
            rows = slice(start, start + length)
            hop_sums = sums_of(finished_hops(bank.features[rows], features))
            motion_sums, num_valid = sums_of(bank.motion[rows][bank.valid[rows]]), bank.valid[rows].sum()
        else:
            hop_sums = bank.feature_sums(features)[train.clips].sum(axis=0)
            motion_sums, num_valid = bank.motion_sums[train.clips].sum(axis=0), bank.valid_frames[train.clips].sum()
        feature_mean, feature_std = _moments(hop_sums, train.lengths.sum() * features.hops_per_frame)
        motion_mean, motion_std = _moments(motion_sums, num_valid)
        return Statistics(
            feature_mean=_float_tensor(np.tile(feature_mean, features.hops_per_frame)),
            feature_std=_float_tensor(np.tile(feature_std, features.hops_per_frame)),
            silence=_float_tensor(features.silence_frame),
            motion_mean=_float_tensor(motion_mean),
            motion_std=_float_tensor(motion_std),
        )

    def train_dataloader(self) -> WindowLoader:
        """Batches of `batch_size` random windows, another set every epoch."""
        front = self._features.front
        assert self._taught is not None, "setup comes first"
        windows = WindowDataset(
            self._taught,
            self.split.train,
            speaker_ids=self.split.train.speaker_ids(self.speakers),
            window_frames=self._window_frames,
            context_frames=self._context_frames,
            lookahead_frames=self._lookahead_frames,
            hops_per_frame=front.hops_per_frame,
            silence=front.silence_row,
            change=self._recipe,
            batch_size=self._batch_size,
        )
        batches = WindowBatches(
            self.split.train.lengths,
            window_frames=self._window_frames,
            num_windows=self._windows_per_epoch,
            batch_size=self._batch_size,
            seed=self._seed,
            **self._place(),
        )
        loader = WindowLoader(
            windows,
            sampler=batches,
            batch_size=None,
            num_workers=self._num_workers,
            persistent_workers=self._num_workers > 0,
        )
        loader.load_state_dict(self._position)
        self._train_loader, self._position = loader, {}
        return loader

    def val_dataloader(self) -> DataLoader[Batch]:
        """Whole clips of the validation part, in batches of similar length."""
        return self._whole_clips(self.split.val)

    def test_dataloader(self) -> DataLoader[Batch]:
        """Whole clips of the test part, in batches of similar length; none where the store has no such part."""
        return self._whole_clips(self.split.test)

    def clip_order(self, part: Spans) -> list[str]:
        """Ids of the clips of the validation or test part in the order in which a single process judges them."""
        return [part.clip_ids[span] for bucket in self._dataset_of(part).buckets for span in bucket]

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run must have in common with the one before, and how far its epoch was."""
        # Lightning keeps the position of loaders as well, but forgets to give it back to a loader that was asked for
        # its length before, as schedules of the learning rate do.
        position = {} if self._train_loader is None else self._train_loader.state_dict()
        return {**self._identity(), "position": position}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Compare a checkpoint that training is resumed from, and go on where it was written.

        Raises:
            ConfigError: it was trained on something else.
        """
        if self.trainer is None or self.trainer.state.fn != TrainerFn.FITTING:
            return
        changed = [name for name, value in self._identity().items() if state_dict.get(name) != value]
        if changed:
            raise ConfigError(
                f"{self._store_folder}: the run to resume began with another {' and '.join(changed)} of the data. "
                "Resume it with the store, the split, the seed and the guide that it began with, or start anew in "
                "another `out`."
            )
        self._position = state_dict["position"]

    def _identity(self) -> dict[str, Any]:
        guide = None if self._guide is None else self._guide.identity
        return {"content_hash": self.content_hash, "split_hash": self.split.hash, "seed": self._seed, "guide": guide}

    def _whole_clips(self, spans: Spans) -> DataLoader[Batch]:
        clips = self._dataset_of(spans)
        return DataLoader(clips, sampler=ClipBuckets(len(clips), **self._place()), batch_size=None)

    def _dataset_of(self, spans: Spans) -> WholeClips:
        front = self._features.front
        return WholeClips(
            self._opened(),
            spans,
            speaker_ids=spans.speaker_ids(self.speakers),
            hops_per_frame=front.hops_per_frame,
            silence=front.silence_row,
            change=self._finish,
            batch_frames=self._eval_batch_frames,
        )

    def _place(self) -> dict[str, int]:
        """Among the processes that share an epoch."""
        trainer = self.trainer
        return {
            "num_replicas": 1 if trainer is None else trainer.world_size,
            "rank": 0 if trainer is None else trainer.global_rank,
        }

    def _opened(self) -> FrameBank:
        assert self._bank is not None, "setup comes first"
        return self._bank


class Finish:
    """Makes final features of hops, and changes nothing else."""

    def __init__(self, features: FeatureExtractor) -> None:
        self._finish_hops = features.finish_hops

    def __call__(self, windows: Windows, seed: int) -> Windows:
        """See `windows.Change`."""
        return windows._replace(hops=self._finish_hops(windows.hops))


def part_facts(spans: Spans) -> dict[str, Any]:
    """What a report says about one part of a split."""
    return {
        "clips": len(spans),
        "minutes": round(int(spans.lengths.sum()) / FRAMES_PER_SECOND / 60, 3),
        "speakers": len(set(spans.speakers)),
    }


def rest_of(spec: MotionSpec, channels: Sequence[str]) -> Tensor:
    """(C,) the neutral value of the named channels, NaN for all others.

    Raises:
        MotionError: the spec lacks a channel.
    """
    rest = np.full(spec.size, np.nan, np.float32)
    for name in channels:
        rest[spec.index(name)] = spec.neutral[spec.index(name)]
    return torch.from_numpy(rest)


def _moments(sums: NDArray[np.float64], count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation of `count` values from their sum and that of their squares."""
    mean, mean_square = sums / max(count, 1)
    return mean, np.sqrt(np.maximum(mean_square - np.square(mean), 0.0))


def _float_tensor(values: NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))

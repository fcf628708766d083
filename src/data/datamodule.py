"""From a prepared store to batches: features once into memory, split by speaker, windows drawn by seed."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, default_collate

from src.data.augment import Augmentation, Silences
from src.data.features import HOPS_PER_FRAME, LogMel, stack_hops
from src.data.split import Split, split_by_speaker
from src.data.store import Clip, Store
from src.data.windows import Batch, FeatureClip, WholeClips, WindowDataset, WindowSampler
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
    """Batches of stacked features, motion and masks from one store.

    Training batches are windows with augmentation; validation batches are single whole clips without.
    """

    def __init__(
        self,
        *,
        store: str,
        features: LogMel,
        spec: MotionSpec,
        context_frames: int,
        lookahead_frames: int,
        window_frames: int,
        windows_per_epoch: int,
        batch_size: int,
        num_workers: int,
        min_clip_frames: int,
        val_share: float,
        val_speakers: Sequence[str],
        silences: Silences | None,
        resting: Sequence[str],
        augmentations: dict[str, Augmentation | None],
        seed: int,
    ) -> None:
        """Take the settings; nothing is read before `setup`.

        Args:
            store: folder written by `python -m scripts.prepare_data`.
            features: the extractor; its size times four is the size of a feature row.
            spec: the vocabulary that the store's motion must speak.
            context_frames: past rows that a frame of the network depends on.
            lookahead_frames: future rows that it depends on.
            window_frames: rows per training window, context included.
            windows_per_epoch: 0 for as many as cover the training frames once.
            batch_size: training windows per batch.
            num_workers: loader processes; 0 works in the main one.
            min_clip_frames: shorter clips are left out.
            val_share, val_speakers: see `split_by_speaker`.
            silences: put into training windows before the augmentations; null for none.
            resting: channels that are at rest while nobody speaks.
            augmentations: applied in order to training windows; null ones are skipped.
            seed: of the split, the windows and the augmentation.

        Raises:
            ConfigError: windows are not longer than the context they need.
        """
        super().__init__()
        if window_frames <= context_frames + lookahead_frames:
            raise ConfigError(
                f"data.window_frames is {window_frames}, but the network needs {context_frames} frames before and "
                f"{lookahead_frames} after each frame. Set it to {2 * (context_frames + lookahead_frames)} or more."
            )
        self.content_hash = ""
        self.split = Split((), (), speaker_disjoint=True)
        self._store_folder = Path(store)
        self._features = features
        self._spec = spec
        self._context_frames = context_frames
        self._lookahead_frames = lookahead_frames
        self._window_frames = window_frames
        self._windows_per_epoch = windows_per_epoch
        self._batch_size = batch_size
        self._num_workers = num_workers
        self._min_clip_frames = min_clip_frames
        self._val_share = val_share
        self._val_speakers = list(val_speakers)
        self._silences = silences
        self._rest = rest_of(spec, resting)
        self._augmentations = [augmentation for augmentation in augmentations.values() if augmentation is not None]
        self._seed = seed

    def setup(self, stage: str | None = None) -> None:
        """Read the store and compute the features of every clip; a second call does nothing.

        Raises:
            DataError: the folder is no store, speaks another vocabulary or holds too little.
        """
        if self.split.train:
            return
        store = Store.open(self._store_folder)
        clips = [self._feature_clip(store.load(info.clip_id, self._spec.name)) for info in store.clips]
        usable = [clip for clip in clips if len(clip) >= self._min_clip_frames and clip.valid.any()]
        if len(usable) < len(clips):
            logger.info(
                "%d of %d clips are shorter than %d frames or show no face and are left out.",
                len(clips) - len(usable),
                len(clips),
                self._min_clip_frames,
            )
        self.content_hash = store.content_hash
        self.split = split_by_speaker(
            usable, val_share=self._val_share, val_speakers=self._val_speakers, seed=self._seed
        )
        for name, part in (("training", self.split.train), ("validation", self.split.val)):
            facts = part_facts(part)
            logger.info(
                "%s: %d clips, %.1f minutes, %d speakers", name, facts["clips"], facts["minutes"], facts["speakers"]
            )

    def statistics(self) -> Statistics:
        """Means and deviations of the training clips: all feature rows, valid motion frames.

        Feature statistics are per band, the same for the four hops of a row. Call after `setup`.
        """
        bands = np.concatenate([clip.features.reshape(-1, self._features.size) for clip in self.split.train])
        motion = np.concatenate([clip.motion[clip.valid] for clip in self.split.train])
        mean, std = bands.mean(axis=0, dtype=np.float64), bands.std(axis=0, dtype=np.float64)
        return Statistics(
            feature_mean=_float_tensor(np.tile(mean, HOPS_PER_FRAME)),
            feature_std=_float_tensor(np.tile(std, HOPS_PER_FRAME)),
            silence=_float_tensor(self._silence),
            motion_mean=_float_tensor(motion.mean(axis=0, dtype=np.float64)),
            motion_std=_float_tensor(motion.std(axis=0, dtype=np.float64)),
        )

    def train_dataloader(self) -> DataLoader[tuple[Batch, int]]:
        """Batches of `batch_size` random windows, another set every epoch."""
        sampler = WindowSampler(
            lengths=[len(clip) for clip in self.split.train],
            window_frames=self._window_frames,
            num_windows=self._windows_per_epoch,
            seed=self._seed,
        )
        windows = WindowDataset(
            self.split.train,
            window_frames=self._window_frames,
            context_frames=self._context_frames,
            lookahead_frames=self._lookahead_frames,
            silence=self._silence,
        )
        return DataLoader(
            windows,
            batch_size=self._batch_size,
            sampler=sampler,
            collate_fn=self._collate,
            num_workers=self._num_workers,
            persistent_workers=self._num_workers > 0,
        )

    def val_dataloader(self) -> DataLoader[Batch]:
        """Whole clips, one per batch, in the order of their names."""
        return DataLoader(WholeClips(self.split.val), batch_size=1)

    def _collate(self, samples: Sequence[tuple[Batch, int]]) -> Batch:
        """Stack windows and augment them, with a generator seeded by the windows themselves."""
        batch: Batch = default_collate([sample for sample, _ in samples])
        generator = torch.Generator().manual_seed(sum(seed for _, seed in samples))
        if self._silences is not None:
            silence = torch.from_numpy(self._silence)
            batch = self._silences(batch, silence, self._rest, self._lookahead_frames, generator)
        size, frames, _ = batch.features.shape
        hops = batch.features.reshape(size, frames * HOPS_PER_FRAME, self._features.size)
        for augmentation in self._augmentations:
            hops = augmentation(hops, float(self._features.silence_row[0]), generator)
        return batch._replace(features=hops.reshape(size, frames, -1))

    @property
    def _silence(self) -> NDArray[np.float32]:
        return np.tile(self._features.silence_row, HOPS_PER_FRAME)

    def _feature_clip(self, clip: Clip) -> FeatureClip:
        motion = clip.motion
        features = stack_hops(self._features.extract(clip.waveform), self._features.silence_row)
        frames = min(len(features), len(motion))
        return FeatureClip(
            clip_id=clip.info.clip_id,
            speaker=clip.info.speaker,
            features=features[:frames],
            motion=motion.values[:frames],
            valid=motion.valid[:frames],
        )


def part_facts(clips: Sequence[FeatureClip]) -> dict[str, Any]:
    """What a report says about one side of a split."""
    return {
        "clips": len(clips),
        "minutes": round(sum(len(clip) for clip in clips) / FRAMES_PER_SECOND / 60, 3),
        "speakers": len({clip.speaker for clip in clips}),
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


def _float_tensor(values: NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))

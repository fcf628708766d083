"""From a store to batches: the right frames, statistics of the training side, the same batches for a seed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from src.data.augment import Augmentation, GainAndTilt
from src.data.datamodule import MotionDataModule
from src.data.features import LogMel, stack_hops
from src.data.store import Store
from src.data.windows import Batch
from src.errors import ConfigError, DataError, MotionError
from src.motion import CORE7, Channel, MotionSpec
from tests.tiny_store import write_tiny_store

LENGTHS = {"ann": [70, 45], "bob": [60], "cid": [80, 5], "dan": [50]}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    write_tiny_store(folder, LENGTHS)
    return folder


@pytest.fixture(scope="module")
def mel() -> LogMel:
    return LogMel(
        sample_rate_hz=16_000,
        n_mels=10,
        hop_length=160,
        window_length=400,
        f_min_hz=60.0,
        f_max_hz=7600.0,
        log_floor=1e-5,
    )


def data(store: Path, mel: LogMel, augmentation: Augmentation | None = None, **changes: Any) -> MotionDataModule:
    settings: dict[str, Any] = {
        "store": str(store),
        "features": mel,
        "spec": CORE7,
        "context_frames": 6,
        "lookahead_frames": 2,
        "window_frames": 24,
        "windows_per_epoch": 0,
        "batch_size": 4,
        "num_workers": 0,
        "min_clip_frames": 8,
        "val_share": 0.2,
        "val_speakers": ["bob"],
        "silences": None,
        "resting": [],
        "augmentations": {"gain": augmentation},
        "seed": 0,
    }
    return MotionDataModule(**{**settings, **changes})


def batches(module: MotionDataModule, epoch: int = 0) -> list[Batch]:
    module.setup()
    loader = module.train_dataloader()
    loader.sampler.set_epoch(epoch)
    return list(loader)


def test_validation_clips_are_what_the_stream_hears(store: Path, mel: LogMel) -> None:
    module = data(store, mel)
    module.setup()
    (batch,) = list(module.val_dataloader())
    clip = Store.open(store).load("bob_0")
    expected = stack_hops(mel.extract(clip.waveform), mel.silence_row)
    assert np.array_equal(batch.features[0].numpy(), expected)
    assert np.array_equal(batch.motion[0].numpy(), clip.motion.values)
    assert np.array_equal(batch.mask[0].numpy(), clip.motion.valid)


def test_training_batches_are_windows_of_the_training_side(store: Path, mel: LogMel) -> None:
    module = data(store, mel)
    found = batches(module)
    assert found[0].features.shape == (4, 24, 40)
    assert found[0].motion.shape == (4, 24, 7)
    assert found[0].mask.shape == (4, 24)
    assert {clip.speaker for clip in module.split.train} == {"ann", "cid", "dan"}
    rows = {row.tobytes() for clip in module.split.train for row in clip.features}
    assert all(row.numpy().tobytes() in rows for batch in found for window in batch.features for row in window)


def test_clips_that_are_too_short_are_left_out(store: Path, mel: LogMel) -> None:
    module = data(store, mel)
    module.setup()
    assert "cid_1" not in {clip.clip_id for clip in module.split.train}


def test_a_seed_gives_the_same_batches_and_epochs_differ(store: Path, mel: LogMel) -> None:
    gain = GainAndTilt(gain_db=10, tilt_db=10)
    first, second = batches(data(store, mel, gain)), batches(data(store, mel, gain))
    assert all(torch.equal(a.features, b.features) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first[0].features, batches(data(store, mel, gain), epoch=1)[0].features)
    assert not torch.equal(first[0].features, batches(data(store, mel, gain, seed=1))[0].features)


def test_augmentation_changes_the_features_of_training_alone(store: Path, mel: LogMel) -> None:
    plain, changed = data(store, mel), data(store, mel, GainAndTilt(gain_db=10, tilt_db=10))
    (before, after) = batches(plain)[0], batches(changed)[0]
    assert not torch.equal(before.features, after.features)
    assert torch.equal(before.motion, after.motion)
    assert torch.equal(next(iter(plain.val_dataloader())).features, next(iter(changed.val_dataloader())).features)


def test_statistics_are_of_the_training_side_and_of_valid_frames(store: Path, mel: LogMel) -> None:
    module = data(store, mel)
    module.setup()
    statistics = module.statistics()
    motion = np.concatenate([clip.motion[clip.valid] for clip in module.split.train])
    np.testing.assert_allclose(statistics.motion_mean, motion.mean(0), atol=1e-6)
    np.testing.assert_allclose(statistics.motion_std, motion.std(0), atol=1e-5)
    hops = np.concatenate([clip.features.reshape(-1, 10) for clip in module.split.train])
    np.testing.assert_allclose(statistics.feature_mean, np.tile(hops.mean(0), 4), rtol=1e-4)
    np.testing.assert_allclose(statistics.feature_std, np.tile(hops.std(0), 4), rtol=1e-4)
    np.testing.assert_array_equal(statistics.silence, np.tile(mel.silence_row, 4))


def test_the_content_hash_is_that_of_the_store(store: Path, mel: LogMel) -> None:
    module = data(store, mel)
    module.setup()
    assert module.content_hash == Store.open(store).content_hash


def test_a_window_must_be_longer_than_the_context_it_needs(store: Path, mel: LogMel) -> None:
    with pytest.raises(ConfigError, match=r"data\.window_frames is 8, .* 6 frames before and 2 after"):
        data(store, mel, window_frames=8)


def test_a_folder_that_is_no_store_is_refused(tmp_path: Path, mel: LogMel) -> None:
    with pytest.raises(DataError, match="not a prepared store"):
        data(tmp_path, mel).setup()


def test_a_store_of_another_vocabulary_is_refused(store: Path, mel: LogMel) -> None:
    other = MotionSpec("smile1", 1, (Channel("smile", "ratio", 0.0, 1.0),))
    with pytest.raises(MotionError, match="unknown motion spec 'smile1'"):
        data(store, mel, spec=other).setup()

"""From a store to batches: the right frames, statistics of the training side, the same batches for a seed."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from src.data.augment import Augmentation, GainAndTilt
from src.data.datamodule import MotionDataModule
from src.data.features import LogMel, Mfcc
from src.data.shard_writer import write_shards
from src.data.store import Store, write_manifest
from src.data.windows import Batch, Spans
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
        "cache": None,
        "features": mel,
        "spec": CORE7,
        "context_frames": 6,
        "lookahead_frames": 2,
        "window_frames": 24,
        "windows_per_epoch": 0,
        "batch_size": 4,
        "eval_batch_frames": 200,
        "num_workers": 0,
        "min_clip_frames": 8,
        "alignment": None,
        "val_share": 0.2,
        "val_speakers": ["bob"],
        "silences": None,
        "resting": [],
        "augmentations": {"gain": augmentation},
        "guide": None,
        "seed": 0,
    }
    return MotionDataModule(**{**settings, **changes})


def batches(module: MotionDataModule, epoch: int = 0) -> list[Batch]:
    module.setup()
    loader = module.train_dataloader()
    loader.sampler.set_epoch(epoch)
    return list(loader)


def rows_of(spans: Spans) -> np.ndarray:
    return np.concatenate([np.arange(start, start + n) for start, n in zip(spans.starts, spans.lengths, strict=True)])


def test_batches_number_the_speakers_of_the_training_clips(store: Path, mel: LogMel) -> None:
    module = data(store, mel)
    seen = torch.cat([batch.speakers for epoch in range(3) for batch in batches(module, epoch)])
    assert module.speakers == ("ann", "cid", "dan")
    assert set(seen.tolist()) == {1, 2, 3}
    assert [batch.speakers.tolist() for batch in module.val_dataloader()] == [[0]]


def test_validation_clips_are_what_the_stream_hears(store: Path, mel: LogMel) -> None:
    module = data(store, mel)
    module.setup()
    (batch,) = list(module.val_dataloader())
    clip = Store.open(store).load("bob_0")
    assert np.array_equal(batch.features[0].numpy(), mel.extract_frames(clip.waveform))
    assert np.array_equal(batch.motion[0].numpy(), clip.motion.values)
    assert np.array_equal(batch.mask[0].numpy(), clip.motion.valid)


def test_training_batches_are_windows_of_the_training_side(store: Path, mel: LogMel) -> None:
    module = data(store, mel)
    found = batches(module)
    assert found[0].features.shape == (4, 24, 40)
    assert found[0].motion.shape == (4, 24, 7)
    assert found[0].mask.shape == (4, 24)
    assert set(module.split.train.speakers) == {"ann", "cid", "dan"}
    rows = {row.tobytes() for row in module._opened().features[rows_of(module.split.train)]}
    assert all(row.numpy().tobytes() in rows for batch in found for window in batch.features for row in window)


def test_clips_that_are_too_short_are_left_out(store: Path, mel: LogMel) -> None:
    module = data(store, mel)
    module.setup()
    assert "cid_1" not in module.split.train.clip_ids


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
    bank, rows = module._opened(), rows_of(module.split.train)
    motion = bank.motion[rows][bank.valid[rows]]
    np.testing.assert_allclose(statistics.motion_mean, motion.mean(0), atol=1e-6)
    np.testing.assert_allclose(statistics.motion_std, motion.std(0), atol=1e-5)
    hops = bank.features[rows].reshape(-1, 10)
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


def one_by_one(module: MotionDataModule) -> dict[str, tuple[torch.Tensor, ...]]:
    """Features and motion of each training window, by its batch, for comparison."""
    return {str(number): tuple(batch) for number, batch in enumerate(batches(module))}


@pytest.mark.parametrize("num_workers", [1, 2])
def test_batches_are_the_same_for_any_number_of_workers(store: Path, mel: LogMel, num_workers: int) -> None:
    gain = GainAndTilt(gain_db=10, tilt_db=10)
    alone, many = one_by_one(data(store, mel, gain)), one_by_one(data(store, mel, gain, num_workers=num_workers))
    assert alone.keys() == many.keys()
    assert all(torch.equal(a, b) for key in alone for a, b in zip(alone[key], many[key], strict=True))


def test_a_dataset_travels_to_a_process_that_shares_nothing(store: Path, mel: LogMel) -> None:
    module = data(store, mel, GainAndTilt(gain_db=10, tilt_db=10))
    module.setup()
    loader = module.train_dataloader()
    packed = pickle.dumps(loader.dataset)
    assert len(packed) < 20_000  # the frames stay in their files
    places = next(iter(loader.sampler))
    sent, kept = pickle.loads(packed)[places], loader.dataset[places]
    assert all(torch.equal(a, b) for a, b in zip(sent, kept, strict=True))


def test_shards_give_the_batches_of_their_store(store: Path, mel: LogMel, tmp_path: Path) -> None:
    pytest.importorskip("webdataset", reason="shards need the extra `scale`")
    write_shards(Store.open(store), tmp_path / "shards", 20_000, lambda done, total: None)
    first, second = data(store, mel), data(tmp_path / "shards", mel)
    for one, other in zip(batches(first), batches(second), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert first.state_dict() == second.state_dict()


def test_cepstral_coefficients_are_those_of_the_stream(store: Path, mel: LogMel) -> None:
    settings = {key: value for key, value in mel.config.items() if key != "_target_"}
    mfcc = Mfcc(n_mfcc=5, keep_c0=True, **settings)
    module = data(store, mfcc)
    found = batches(module)
    assert found[0].features.shape == (4, 24, 20)
    (batch,) = list(module.val_dataloader())
    expected = mfcc.extract_frames(Store.open(store).load("bob_0").waveform)
    np.testing.assert_allclose(batch.features[0], expected, atol=1e-5)
    statistics = module.statistics()
    assert statistics.feature_mean.shape == statistics.silence.shape == (20,)


def test_the_features_are_kept_in_the_folder_that_is_named(store: Path, mel: LogMel, tmp_path: Path) -> None:
    module = data(store, mel, cache=str(tmp_path / "cache"))
    module.setup()
    assert list((tmp_path / "cache").glob("*/bank-*/bank.json"))


def test_the_test_part_of_the_manifest_is_given_and_never_trained_on(mel: LogMel, tmp_path: Path) -> None:
    bare = write_tiny_store(tmp_path, LENGTHS)
    part = {"ann": "train", "bob": "val", "cid": "test", "dan": "train"}
    write_manifest(tmp_path, bare.clips, {info.clip_id: part[info.speaker] for info in bare.clips})
    module = data(tmp_path, mel, val_speakers=[])
    module.setup()
    assert [len(part) for part in (module.split.train, module.split.val, module.split.test)] == [3, 1, 1]
    (batch,) = list(module.test_dataloader())
    assert batch.features.shape == (1, 80, 40)
    assert list(data_without_test(mel, tmp_path).test_dataloader()) == []


def data_without_test(mel: LogMel, folder: Path) -> MotionDataModule:
    write_manifest(folder, Store.open(folder).clips, {info.clip_id: "" for info in Store.open(folder).clips})
    module = data(folder, mel)
    module.setup()
    return module


def test_whole_clips_are_batched_by_length_within_the_budget(store: Path, mel: LogMel) -> None:
    module = data(store, mel, val_speakers=["ann", "bob"])
    module.setup()
    shapes = [tuple(batch.mask.shape) for batch in module.val_dataloader()]
    assert shapes == [(2, 70), (1, 45)]


def test_the_order_of_clips_is_that_of_the_batches(store: Path, mel: LogMel) -> None:
    module = data(store, mel, val_speakers=["ann", "bob"], eval_batch_frames=130)
    module.setup()
    assert module.clip_order(module.split.val) == ["ann_0", "bob_0", "ann_1"]
    assert [batch.mask.shape for batch in module.val_dataloader()] == [(1, 70), (2, 60)]

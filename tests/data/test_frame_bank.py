"""A bank holds what a stream of each clip gives, is built once, and never stands there by halves."""

import os
import pickle
import time
from pathlib import Path

import numpy as np
import pytest

from src.data.feature_cache import FeatureCache
from src.data.features import LogMel, Mfcc
from src.data.frame_bank import FrameBank
from src.data.store import Store
from src.errors import DataError
from src.motion import CORE7
from tests.tiny_store import write_tiny_store

SETTINGS = {
    "sample_rate_hz": 16_000,
    "n_mels": 10,
    "hop_length": 160,
    "window_length": 400,
    "f_min_hz": 60.0,
    "f_max_hz": 7600.0,
    "log_floor": 1e-5,
}


@pytest.fixture(scope="module")
def mel() -> LogMel:
    return LogMel(**SETTINGS)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return write_tiny_store(tmp_path / "store", {"ann": [30, 17], "bob": [25]})


def bank_of(store: Store, features: LogMel | Mfcc) -> FrameBank:
    folder = store.folder / "features"
    return FrameBank.of(store, features, CORE7, folder, FeatureCache(folder / "hops"), {})


def test_rows_are_those_of_a_stream_and_motion_that_of_the_store(store: Store, mel: LogMel) -> None:
    bank = bank_of(store, mel)
    for number, info in enumerate(store.clips):
        clip, rows = store.load(info.clip_id), slice(bank.offsets[number], bank.offsets[number + 1])
        stream = mel.frame_stream()
        pieces = [stream.push(piece) for piece in np.split(clip.waveform, [100, 5000])]
        assert np.array_equal(bank.features[rows], np.concatenate([*pieces, stream.finish()]))
        assert np.array_equal(bank.motion[rows], clip.motion.values)
        assert np.array_equal(bank.valid[rows], clip.motion.valid)
    assert bank.valid_frames.tolist() == [27, 14, 22]


def test_sums_are_those_of_the_finished_features(store: Store, mel: LogMel) -> None:
    mfcc = Mfcc(n_mfcc=5, keep_c0=True, **SETTINGS)
    bank = bank_of(store, mfcc)
    for features in (mel, mfcc):
        sums = bank.feature_sums(features)
        hops = features.extract_frames(store.load("bob_0").waveform).reshape(-1, features.size)
        np.testing.assert_allclose(sums[2], [hops.sum(0), np.square(hops).sum(0)], rtol=1e-4, atol=1e-3)
    first = store.load("ann_0").motion
    np.testing.assert_allclose(bank.motion_sums[0, 0], first.values[first.valid].sum(0), rtol=1e-5, atol=1e-4)


def test_a_bank_is_built_once_and_shared_by_what_is_made_of_the_same_hops(store: Store, mel: LogMel) -> None:
    first = bank_of(store, mel)
    stamp = (first.folder / "features.f32").stat().st_mtime_ns
    again = bank_of(store, Mfcc(n_mfcc=5, keep_c0=True, **SETTINGS))
    assert again.folder == first.folder
    assert (again.folder / "features.f32").stat().st_mtime_ns == stamp


def test_other_features_get_a_bank_beside_it_and_another_content_replaces_it(store: Store, mel: LogMel) -> None:
    first = bank_of(store, mel)
    other = bank_of(store, LogMel(**{**SETTINGS, "n_mels": 12}))
    assert other.features.shape[1] == 48
    assert first.folder.is_dir()
    changed = write_tiny_store(store.folder, {"ann": [30, 17], "bob": [25]}, seed=1)
    assert not np.array_equal(bank_of(changed, mel).features, first.features)
    assert not first.folder.exists()
    assert not other.folder.exists()


def test_a_bank_travels_to_another_process_by_name(store: Store, mel: LogMel) -> None:
    bank = bank_of(store, mel)
    packed = pickle.dumps(bank)
    assert len(packed) < 1000
    assert np.array_equal(pickle.loads(packed).features, bank.features)


def test_a_build_that_fails_leaves_nothing_and_that_of_a_killed_one_is_removed(store: Store, mel: LogMel) -> None:
    (store.folder / "clips" / "bob_0.safetensors").unlink()
    folder = store.folder / "features"
    with pytest.raises(DataError, match="bob_0"):
        bank_of(store, mel)
    assert [path.name for path in folder.glob("*")] == []
    for name, age_s in (("dead", 7200.0), ("live", 10.0)):
        (folder / f".building-{name}").mkdir()
        (folder / f".building-{name}" / "features.f32").write_bytes(b"half")
        os.utime(folder / f".building-{name}" / "features.f32", times=(time.time() - age_s,) * 2)
    with pytest.raises(DataError, match="bob_0"):
        bank_of(store, mel)
    assert [path.name for path in folder.glob(".building-*")] == [".building-live"]


def test_a_bank_of_another_sample_rate_is_refused(store: Store) -> None:
    features = LogMel(**{**SETTINGS, "sample_rate_hz": 8000, "hop_length": 80, "window_length": 200, "f_max_hz": 4000})
    with pytest.raises(DataError, match="its sound has 16000 Hz, the features take 8000 Hz"):
        bank_of(store, features)


def test_a_folder_that_cannot_be_written_to_is_named(store: Store, mel: LogMel) -> None:
    (store.folder / "features").write_text("a file")
    with pytest.raises(DataError, match=r"features can't be kept here .* data\.cache"):
        bank_of(store, mel)


class Costly(LogMel):
    """Counts how often it is asked for a whole recording."""

    is_costly = True
    extracted = 0

    def extract(self, waveform: np.ndarray) -> np.ndarray:
        Costly.extracted += 1
        return super().extract(waveform)


def test_costly_features_are_computed_once_per_sound_when_a_store_grows(store: Store, mel: LogMel) -> None:
    costly = Costly(**SETTINGS)
    assert np.array_equal(bank_of(store, costly).features, bank_of(store, mel).features)
    assert Costly.extracted == 3
    grown = write_tiny_store(store.folder, {"ann": [30, 17], "bob": [25], "cid": [20]})
    assert len(bank_of(grown, costly).offsets) == 5
    assert Costly.extracted == 4

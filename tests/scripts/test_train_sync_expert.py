"""The sync expert of a store: trained by command, warned about, and kept for the next evaluation."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from scripts import train_sync_expert
from scripts.entry import CONFIG_FOLDER
from scripts.schema import register
from scripts.train_sync_expert import expert_of_store, features_of, main
from src.errors import CheckpointError, DataError
from src.eval.sync_expert.expert import SyncExpert
from tests.tiny_store import write_tiny_store

SMALL = [
    "network.hidden_size=8", "network.embedding_size=8", "training.batch_size=4", "training.steps_per_epoch=3",
    "training.max_epochs=1",
]  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Path:
    write_tiny_store(tmp_path / "store", {"ann": [90, 60], "bob": [80], "cid": [90]})
    return tmp_path / "store"


def composed(*overrides: str) -> DictConfig:
    register()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        return compose("train_sync_expert", overrides=[*SMALL, *overrides])


def test_a_store_becomes_an_expert_that_says_how_good_it_is(
    store: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        main(composed(f"data.store={store}", f"out={tmp_path / 'expert.ckpt'}"))
    expert = SyncExpert.load(tmp_path / "expert.ckpt")
    record = expert.contract.validation
    assert record.summary() in caplog.text
    # Three steps are too few to learn anything, and that is not hidden.
    assert bool(record.doubt) == any(entry.levelno == logging.WARNING for entry in caplog.records)
    assert len(record.distances) == 31
    assert set(expert.contract.speakers) < {"ann", "bob", "cid"}
    assert features_of(expert).config_hash == expert.contract.features_hash


def test_an_expert_of_a_store_is_trained_once(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_sync_expert, "composed", lambda name, overrides: composed(*overrides))
    first = expert_of_store({"store": str(store), "val_speakers": ["bob"], "seed": 0})
    assert first.contract.speakers == ("ann", "cid")
    (path,) = (store / "features").glob("sync_expert-*.ckpt")
    written = path.stat().st_mtime_ns
    again = expert_of_store({"store": str(store), "val_speakers": ["bob"], "seed": 0})
    assert again.contract == first.contract
    assert path.stat().st_mtime_ns == written
    other = expert_of_store({"store": str(store), "val_speakers": ["ann"], "seed": 0})
    assert other.contract.speakers == ("bob", "cid")


def test_features_of_others_are_not_built(store: Path, tmp_path: Path) -> None:
    main(composed(f"data.store={store}", f"out={tmp_path / 'expert.ckpt'}"))
    expert = SyncExpert.load(tmp_path / "expert.ckpt")
    foreign = replace(expert.contract, features={"_target_": "os.system", "command": "true"})
    with pytest.raises(CheckpointError, match="none of ours"):
        features_of(SyncExpert(expert.network, foreign))
    changed = replace(expert.contract, features_hash="0")
    with pytest.raises(CheckpointError, match="trained on features with hash 0"):
        features_of(SyncExpert(expert.network, changed))


def test_a_store_of_single_words_too_short_to_compare_is_refused(tmp_path: Path) -> None:
    write_tiny_store(tmp_path / "store", {"ann": [13, 13], "bob": [13]})
    with pytest.raises(DataError, match="Prepare more videos"):
        main(composed(f"data.store={tmp_path / 'store'}", "data.min_clip_frames=8", f"out={tmp_path / 'expert.ckpt'}"))
    assert not (tmp_path / "expert.ckpt").exists()

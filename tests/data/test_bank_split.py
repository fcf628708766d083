"""Training follows the split of the manifest; without one it draws its own, and says what it had to do."""

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pytest

from src.data.bank_split import Split, split_bank
from src.data.store import Store, write_manifest
from src.errors import DataError
from tests.data.banks import counting_bank
from tests.tiny_store import write_tiny_store

FRAMES = {"ann": [40, 30], "bob": [20], "cid": [50], "dan": [25]}
DRAWN = {"ann_0": "train", "ann_1": "train", "bob_0": "val", "cid_0": "test", "dan_0": "train"}


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store whose manifest names no split."""
    return write_tiny_store(tmp_path_factory.mktemp("store"), FRAMES)


def split_of(store: Store, splits: dict[str, str] | None = None, **changes: object) -> Split:
    rows = list(store.clips)
    if splits is not None:
        rows = [dataclasses.replace(row, split=splits[row.clip_id]) for row in rows]
    table = write_manifest(store.folder, rows).clips
    bank = counting_bank(*table.column("frames"))
    settings = {"min_clip_frames": 8, "val_share": 0.2, "val_speakers": [], "seed": 0} | changes
    return split_bank(table, bank, **settings)


def parts(split: Split) -> dict[str, str]:
    sides = {"train": split.train, "val": split.val, "test": split.test}
    return {clip_id: name for name, part in sides.items() for clip_id in part.clip_ids}


def test_the_split_of_the_manifest_is_followed_and_hashed(bare: Store) -> None:
    split = split_of(bare, DRAWN)
    assert parts(split) == DRAWN
    assert split.speaker_disjoint
    assert split.hash == Store.open(bare.folder).split_hash
    assert split.train.clip_ids == ["ann_0", "ann_1", "dan_0"]
    assert split.train.starts.tolist() == [0, 40, 140]
    assert split.train.lengths.tolist() == [40, 30, 25]


def test_without_one_it_is_drawn_by_speaker_and_seed(bare: Store) -> None:
    drawn = [split_of(bare, dict.fromkeys(DRAWN, ""), seed=seed, val_share=0.4) for seed in range(6)]
    assert all(split.speaker_disjoint and not len(split.test) for split in drawn)
    assert {len(split.train) + len(split.val) for split in drawn} == {5}
    assert len({split.hash for split in drawn}) > 1
    assert split_of(bare, dict.fromkeys(DRAWN, ""), seed=3, val_share=0.4).hash == drawn[3].hash


def test_named_speakers_are_held_out_instead(bare: Store) -> None:
    split = split_of(bare, DRAWN, val_speakers=["ann"])
    assert parts(split) == {"ann_0": "val", "ann_1": "val", "bob_0": "train", "cid_0": "test", "dan_0": "train"}
    split = split_of(bare, dict.fromkeys(DRAWN, ""), val_speakers=["dan"])
    assert split.val.clip_ids == ["dan_0"]
    assert len(split.train) == 4


def test_clips_that_are_too_short_are_left_out(bare: Store, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        split = split_of(bare, {**DRAWN, "dan_0": "val"}, min_clip_frames=22)
    assert "1 of 5 clips are shorter than 22 frames or show no face" in caplog.text
    assert split.val.clip_ids == ["dan_0"]


def test_a_split_that_leaves_a_side_empty_is_drawn_again_without_the_test_part(
    bare: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        split = split_of(bare, DRAWN, min_clip_frames=22)  # bob, who was to validate, is too short
    assert "leaves no usable clip" in caplog.text
    assert split.test.clip_ids == ["cid_0"]
    assert split.speaker_disjoint
    assert sorted(split.train.clip_ids + split.val.clip_ids) == ["ann_0", "ann_1", "dan_0"]


def test_one_voice_in_several_parts_is_told(bare: Store, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        split = split_of(bare, {**DRAWN, "ann_1": "val"})
    assert not split.speaker_disjoint
    assert "Some voices are in several parts" in caplog.text


@pytest.mark.parametrize("part", ["", "train"])
def test_a_single_clip_is_split_by_time(tmp_path: Path, part: str) -> None:
    split = split_of(write_tiny_store(tmp_path, {"ann": [100]}), {"ann_0": part})
    assert (split.train.starts.tolist(), split.train.lengths.tolist()) == ([0], [80])
    assert (split.val.starts.tolist(), split.val.lengths.tolist()) == ([80], [20])
    assert not split.speaker_disjoint


def test_a_clip_that_cannot_be_halved_is_refused(tmp_path: Path) -> None:
    store = write_tiny_store(tmp_path, {"ann": [9]})
    with pytest.raises(DataError, match="the only clip has 9 frames"):
        split_of(store, val_share=0.01)


def test_no_clips_are_refused(bare: Store) -> None:
    with pytest.raises(DataError, match="no clip of 5 is long enough to train on"):
        split_of(bare, DRAWN, min_clip_frames=500)


def test_clips_without_a_face_are_left_out(bare: Store) -> None:
    table = write_manifest(
        bare.folder, [dataclasses.replace(row, split=DRAWN[row.clip_id]) for row in bare.clips]
    ).clips
    bank = counting_bank(*table.column("frames"))
    faceless = dataclasses.replace(bank, valid_frames=np.array([10, 0, 10, 10, 10]))
    split = split_bank(table, faceless, min_clip_frames=8, val_share=0.2, val_speakers=[], seed=0)
    assert split.train.clip_ids == ["ann_0", "dan_0"]

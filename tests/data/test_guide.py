"""Targets between label and teacher: in training clips alone, from the teacher's own features, once."""

import logging
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from src.data.features import LogMel, Mfcc
from src.data.frame_bank import finished_hops
from src.data.guide import Guide, equally_long
from src.errors import ConfigError, DataError
from src.motion import ARKIT55, CORE7, MotionSpec
from tests.data.test_datamodule import batches, data, rows_of
from tests.tiny_store import write_tiny_store

SOUND: dict[str, Any] = {
    "sample_rate_hz": 16_000,
    "n_mels": 10,
    "hop_length": 160,
    "window_length": 400,
    "f_min_hz": 60.0,
    "f_max_hz": 7600.0,
    "log_floor": 1e-5,
}
MEL, MFCC = LogMel(**SOUND), Mfcc(**SOUND, n_mfcc=5, keep_c0=True)


class Loudness:
    """Says that every channel is the mean of a frame's features, and notes which clips it was asked about."""

    path = Path("teacher.ckpt")
    sha256 = "0" * 64
    data_hash: str | None = None
    split_hash: str | None = None

    def __init__(self, features: LogMel | Mfcc = MEL, spec: MotionSpec = CORE7) -> None:
        self.features, self.spec = features, spec
        self.heard: list[tuple[int, ...]] = []

    def motion(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        self.heard.append(rows.shape)
        return np.repeat(rows.mean(axis=2, keepdims=True), self.spec.size, axis=2)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    write_tiny_store(folder, {"ann": [70, 45], "bob": [60], "cid": [80, 5], "dan": [70]})
    return folder


def guided(store: Path, cache: Path, teacher: Any, share: float = 0.25, beyond_labels: bool = True) -> Any:
    """A data module after `setup`, the rows that training draws from among them."""
    guide = Guide(teacher=teacher, share=share, beyond_labels=beyond_labels)
    module = data(store, MEL, cache=str(cache), guide=guide)
    module.setup()
    return module


def test_training_targets_lie_between_label_and_teacher(store: Path, tmp_path: Path) -> None:
    module = guided(store, tmp_path, Loudness(), share=0.25)
    bank, taught, rows = module._opened(), module._taught, rows_of(module.split.train)
    teacher = bank.features[rows].mean(axis=1, keepdims=True)
    labelled = bank.valid[rows]
    expected = 0.75 * bank.motion[rows] + 0.25 * teacher
    np.testing.assert_allclose(taught.motion[rows][labelled], expected[labelled], rtol=1e-5)
    assert not labelled.all()


@pytest.mark.parametrize("beyond_labels", [True, False])
def test_where_no_face_was_seen_the_teacher_stands_alone_or_nobody(
    store: Path, tmp_path: Path, beyond_labels: bool
) -> None:
    module = guided(store, tmp_path, Loudness(), share=0.25, beyond_labels=beyond_labels)
    bank, taught, rows = module._opened(), module._taught, rows_of(module.split.train)
    unseen = ~bank.valid[rows]
    assert np.all(taught.valid[rows][unseen] == beyond_labels)
    assert taught.valid[rows][~unseen].all()
    if beyond_labels:
        teacher = np.repeat(bank.features[rows].mean(axis=1, keepdims=True), CORE7.size, axis=1)
        np.testing.assert_allclose(taught.motion[rows][unseen], teacher[unseen], rtol=1e-5)


def test_windows_learn_the_targets_and_validation_keeps_the_labels(store: Path, tmp_path: Path) -> None:
    plain, module = data(store, MEL, cache=str(tmp_path)), guided(store, tmp_path, Loudness())
    for before, after in zip(batches(plain), batches(module), strict=True):
        assert np.array_equal(before.features, after.features)
        assert not np.array_equal(before.motion, after.motion)
    for before, after in zip(plain.val_dataloader(), module.val_dataloader(), strict=True):
        assert np.array_equal(before.motion, after.motion)
        assert np.array_equal(before.mask, after.mask)
    before, after = vars(plain.statistics()), vars(module.statistics())
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_a_share_of_nothing_gives_the_labels(store: Path, tmp_path: Path) -> None:
    module = guided(store, tmp_path, Loudness(), share=0.0, beyond_labels=False)
    bank, taught, rows = module._opened(), module._taught, rows_of(module.split.train)
    np.testing.assert_array_equal(taught.motion[rows], bank.motion[rows])
    np.testing.assert_array_equal(taught.valid[rows], bank.valid[rows])


def test_clips_that_are_held_out_are_neither_heard_nor_taught(store: Path, tmp_path: Path) -> None:
    teacher = Loudness()
    module = guided(store, tmp_path, teacher)
    held_out = np.setdiff1d(np.arange(len(module._opened().features)), rows_of(module.split.train))
    assert len(held_out) > 60
    assert np.isnan(module._taught.motion[held_out]).all()
    assert not module._taught.valid[held_out].any()
    assert sum(shape[0] * shape[1] for shape in teacher.heard) == module.split.train.lengths.sum()


def test_the_teacher_hears_its_own_features(store: Path, tmp_path: Path) -> None:
    teacher = Loudness(MFCC)
    module = guided(store, tmp_path, teacher, share=1.0)
    assert {shape[2] for shape in teacher.heard} == {MFCC.row_size}
    bank, rows = module._opened(), rows_of(module.split.train)
    expected = finished_hops(bank.features[rows], MFCC).reshape(len(rows), -1).mean(axis=1)
    np.testing.assert_allclose(module._taught.motion[rows][:, 0], expected, rtol=1e-3, atol=1e-4)


def test_frames_that_the_teacher_has_no_features_for_keep_their_labels(store: Path, tmp_path: Path) -> None:
    module = data(store, MEL, cache=str(tmp_path))
    module.setup()
    bank, train = module._opened(), module.split.train
    kept = np.setdiff1d(np.arange(len(bank.features)), bank.offsets[1:] - 1)  # all but the last frame of each clip
    shorter = replace(bank, features=bank.features[kept], offsets=bank.offsets - np.arange(len(bank.offsets)))
    hashes = {"content_hash": "", "split_hash": ""}
    guide = Guide(teacher=Loudness(), share=1.0, beyond_labels=True)
    taught = guide.bank(bank, train, spec=CORE7, bank_of=lambda features: shorter, **hashes)
    last = train.starts + train.lengths - 1
    np.testing.assert_array_equal(taught.motion[last], bank.motion[last])
    np.testing.assert_allclose(taught.motion[last - 1, 0], bank.features[last - 1].mean(axis=1), rtol=1e-5)


def test_a_teacher_is_asked_once_whatever_the_share(store: Path, tmp_path: Path) -> None:
    first, second = Loudness(), Loudness()
    guided(store, tmp_path, first, share=0.25)
    guided(store, tmp_path, second, share=0.75)
    assert first.heard
    assert not second.heard
    other = Loudness()
    other.sha256 = "1" * 64
    guided(store, tmp_path, other)
    assert other.heard


def test_a_teacher_that_fails_leaves_nothing_to_mistake_for_an_answer(store: Path, tmp_path: Path) -> None:
    class Failing(Loudness):
        def motion(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
            if self.heard:
                raise RuntimeError("killed")
            return super().motion(rows)

    with pytest.raises(RuntimeError, match="killed"):
        guided(store, tmp_path, Failing())
    assert not list(tmp_path.rglob("*taught*"))
    assert not np.isnan(batches(guided(store, tmp_path, Loudness()))[0].motion).any()


def test_a_folder_that_cannot_be_written_to_is_named(store: Path, tmp_path: Path) -> None:
    class Full(Loudness):
        def motion(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
            raise OSError("No space left on device")

    with pytest.raises(DataError, match=r"can't be kept here \(No space left on device\)\. Make room"):
        guided(store, tmp_path, Full())


def test_a_guided_bank_travels_to_other_processes_by_name(store: Path, tmp_path: Path) -> None:
    taught = guided(store, tmp_path, Loudness())._taught
    packed = pickle.dumps(taught)
    assert len(packed) < 1000
    np.testing.assert_array_equal(pickle.loads(packed).motion, taught.motion)


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(ConfigError, match="data.guide.share is"):
        Guide(teacher=Loudness(), share=share, beyond_labels=True)


def test_a_teacher_of_another_motion_is_refused(store: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"teacher speaks arkit55 version 1, the student shall learn core7 version 1"):
        guided(store, tmp_path, Loudness(spec=ARKIT55))


def test_a_teacher_of_another_split_of_the_store_is_refused(store: Path, tmp_path: Path) -> None:
    teacher = Loudness()
    plain = data(store, MEL, cache=str(tmp_path))
    plain.setup()
    teacher.data_hash, teacher.split_hash = plain.content_hash, "of other clips"
    with pytest.raises(ConfigError, match="teacher was trained on another split of this store"):
        guided(store, tmp_path, teacher)


@pytest.mark.parametrize(
    ("same_store", "held_out", "words"),
    [(True, "unseen", ""), (False, "unknown", "trained on another store"), (None, "unknown", "nobody knows what")],
)
def test_what_the_teacher_was_trained_on_is_said_and_kept(
    store: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    same_store: bool | None,
    held_out: str,
    words: str,
) -> None:
    teacher = Loudness()
    plain = data(store, MEL, cache=str(tmp_path))
    plain.setup()
    if same_store is not None:
        teacher.data_hash = plain.content_hash if same_store else "another"
        teacher.split_hash = plain.split.hash
    with caplog.at_level(logging.WARNING):
        module = guided(store, tmp_path, teacher)
    assert module.guide_facts["held_out"] == held_out
    assert module.guide_facts["teacher_sha256"] == teacher.sha256
    assert (words in caplog.text) if words else not caplog.text
    assert plain.guide_facts is None


def test_clips_of_one_length_are_heard_together() -> None:
    lengths = np.array([5, 9, 5, 0, 5, 9])
    found = [clips.tolist() for clips in equally_long(lengths, batch_frames=10)]
    assert found == [[0, 2], [4], [1], [5]]

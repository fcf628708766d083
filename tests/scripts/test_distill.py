"""From a teacher's run to a student's: `experiment=teacher`, then `experiment=distill`."""

import json
from pathlib import Path

import pytest

from scripts.entry import require_values
from scripts.train import main
from src.errors import ConfigError
from src.files import sha256_of
from tests.scripts.test_train import SMALL, composed
from tests.tiny_store import write_tiny_store


def settings(store: Path, out: Path, *overrides: str) -> list[str]:
    return [f"data.store={store}", f"out={out}", *SMALL, "trainer.max_epochs=1", *overrides]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    write_tiny_store(folder, {"ann": [70, 45], "bob": [60], "cid": [80]})
    return folder


@pytest.fixture(scope="module")
def teacher(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a teacher with features of its own."""
    out = tmp_path_factory.mktemp("runs") / "teacher"
    main(composed(*settings(store, out, "experiment=teacher", "features=mfcc", "data.augmentations.mel_shift=null")))
    return out / "best.ckpt"


def test_a_student_of_other_features_learns_from_a_teacher_and_its_run_says_so(
    store: Path, teacher: Path, tmp_path: Path
) -> None:
    checkpoint = f"data.guide.teacher.checkpoint={teacher}"
    main(composed(*settings(store, tmp_path / "student", "experiment=distill", checkpoint)))
    metrics = json.loads((tmp_path / "student" / "metrics.json").read_text())
    assert metrics["guide"] == {
        "teacher_sha256": sha256_of(teacher),
        "share": 0.5,
        "beyond_labels": True,
        "held_out": "unseen",
    }
    assert json.loads((teacher.parent / "metrics.json").read_text())["guide"] is None


def test_a_teacher_of_another_split_is_refused(store: Path, teacher: Path, tmp_path: Path) -> None:
    checkpoint = f"data.guide.teacher.checkpoint={teacher}"
    names = json.loads((teacher.parent / "metrics.json").read_text())["speakers"]["val"]
    other = next(name for name in ("ann", "bob", "cid") if name not in names)
    chosen = f"data.val_speakers=[{other}]"
    with pytest.raises(ConfigError, match="teacher was trained on another split of this store"):
        main(composed(*settings(store, tmp_path / "student", "experiment=distill", checkpoint, chosen)))


def test_a_student_without_a_teacher_is_told_how_to_name_one(store: Path, tmp_path: Path) -> None:
    config = composed(*settings(store, tmp_path / "student", "experiment=distill"))
    with pytest.raises(ConfigError, match=r"no value for data\.guide\.teacher\.checkpoint, and there is no default"):
        require_values(config, "train")

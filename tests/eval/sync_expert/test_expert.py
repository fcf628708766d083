"""The file of an expert: whole, safe to load, refused where it does not fit; and late motion reads late."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from src.errors import CheckpointError, MotionError
from src.eval.sync_expert.expert import ExpertContract, SyncExpert
from src.eval.sync_expert.figures import sync_figures
from src.eval.sync_expert.record import ExpertRecord
from src.motion import CORE7, Motion
from tests.eval.sync_expert.related import ROW_SIZE, clip, related, trained


@pytest.fixture(scope="module")
def expert() -> SyncExpert:
    network, curves = trained([clip(60, n) for n in range(40)], [clip(60, 100 + n) for n in range(6)])
    contract = ExpertContract(
        features={"_target_": "src.data.features.LogMel", "n_mels": 4},
        features_hash="0123456789abcdef",
        content_hash="c",
        split_hash="s",
        speakers=("a",),
        seed=0,
        commit="",
        validation=ExpertRecord.of(curves, ["a"] * 6),
    )
    return SyncExpert(network, contract)


@pytest.mark.parametrize("late", [-3, -1, 0, 2, 5])
def test_motion_that_is_late_by_k_frames_reads_k_times_40_ms(expert: SyncExpert, late: int) -> None:
    curves = []
    for seed in range(200, 206):
        rows, motion = related(80, seed)
        moved = Motion(np.roll(motion.values, late, axis=0), CORE7)
        curves.append(expert.curve(rows[6:74], Motion(moved.values[6:74], CORE7), np.ones(68, bool)))
    assert sync_figures(curves).offset.value == pytest.approx(40 * late, abs=10)


def test_motion_of_other_sound_has_no_offset_and_little_confidence(expert: SyncExpert) -> None:
    everywhere = np.ones(100, bool)
    right = [expert.curve(*related(100, seed), everywhere) for seed in range(300, 310)]
    wrong = [expert.curve(related(100, seed)[0], related(100, seed + 50)[1], everywhere) for seed in range(300, 310)]
    assert sync_figures(wrong).confidence.value < 0.3 * sync_figures(right).confidence.value
    assert sync_figures(wrong).distance.value > sync_figures(right).distance.value


def test_a_recording_that_is_louder_gives_the_same_curve(expert: SyncExpert) -> None:
    rows, motion = related(60, 400)
    everywhere = np.ones(60, bool)
    np.testing.assert_allclose(
        expert.curve(rows + 1.7, motion, everywhere).sums, expert.curve(rows, motion, everywhere).sums, atol=1e-3
    )


def test_constant_motion_has_no_score_and_says_why(expert: SyncExpert) -> None:
    rows, motion = related(60, 400)
    still = expert.curve(rows, Motion(np.zeros_like(motion.values), CORE7), np.ones(60, bool))
    assert sync_figures([still, still]).confidence.reason == "the mouth doesn't move"


def test_a_file_gives_the_same_expert_back(expert: SyncExpert, tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "expert.ckpt"
    expert.save(path)
    assert torch.load(path, weights_only=True)["sync_expert"]["contract"]["seed"] == 0
    back = SyncExpert.load(path)
    assert back.contract == expert.contract
    rows, motion = related(60, 400)
    np.testing.assert_array_equal(
        back.curve(rows, motion, np.ones(60, bool)).sums, expert.curve(rows, motion, np.ones(60, bool)).sums
    )
    assert [item.name for item in path.parent.iterdir()] == ["expert.ckpt"]


def test_rows_of_other_features_are_refused(expert: SyncExpert) -> None:
    _, motion = related(60, 0)
    with pytest.raises(MotionError, match=f"takes rows of {ROW_SIZE} numbers, by features 0123456789abcdef"):
        expert.curve(np.zeros((60, 3), np.float32), motion, np.ones(60, bool))


def test_files_of_other_kinds_are_refused(expert: SyncExpert, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such sync expert"):
        SyncExpert.load(tmp_path / "none.ckpt")
    (tmp_path / "text.ckpt").write_text("hello")
    with pytest.raises(CheckpointError, match="not a readable sync expert.*no PyTorch archive"):
        SyncExpert.load(tmp_path / "text.ckpt")
    torch.save({"state_dict": {}}, tmp_path / "model.ckpt")
    with pytest.raises(CheckpointError, match="no sync expert. Give a file of"):
        SyncExpert.load(tmp_path / "model.ckpt")
    expert.save(tmp_path / "whole.ckpt")
    (tmp_path / "half.ckpt").write_bytes((tmp_path / "whole.ckpt").read_bytes()[:5000])
    with pytest.raises(CheckpointError, match="not a readable sync expert"):
        SyncExpert.load(tmp_path / "half.ckpt")


def test_a_file_of_another_version_is_refused(expert: SyncExpert, tmp_path: Path) -> None:
    SyncExpert(expert.network, replace(expert.contract, version=0)).save(tmp_path / "old.ckpt")
    with pytest.raises(CheckpointError, match="old.ckpt: a sync expert with version 0, this program has 1"):
        SyncExpert.load(tmp_path / "old.ckpt")
    stored = {"sync_expert": {"contract": {}, "network": {}}, "state_dict": {}}
    torch.save(stored, tmp_path / "empty.ckpt")
    with pytest.raises(CheckpointError, match="version None"):
        SyncExpert.load(tmp_path / "empty.ckpt")

"""What is related is found, what is not is not, and equal runs are equal."""

import math

import numpy as np
import pytest
import torch

from src.errors import ConfigError, DataError
from src.eval.sync_expert.clips import SyncClip
from src.eval.sync_expert.figures import sync_figures
from src.eval.sync_expert.record import ExpertRecord
from src.eval.sync_expert.training import SyncTraining, contrastive_loss
from tests.eval.sync_expert.related import TRAINING, clip, small_network, trained


def test_a_relation_is_learned_from_clips_of_any_length_and_holds_for_others() -> None:
    _, curves = trained([clip(30 + 10 * (n % 5), n) for n in range(40)], [clip(60, 100 + n) for n in range(6)])
    record = ExpertRecord.of(curves, ["a", "b"] * 3)
    assert record.accuracy is not None
    assert record.accuracy > 0.8
    assert record.offset_ms == pytest.approx(0, abs=10)
    assert record.offset_hits == record.offset_groups == 6
    assert record.doubt == ""
    assert "accuracy 0." in record.summary()


def test_sound_that_tells_nothing_is_called_chance() -> None:
    def unrelated(seed: int) -> SyncClip:
        mouth, sound = clip(60, seed), clip(60, seed + 1000)
        return SyncClip(sound.rows, sound.level, mouth.mouth, mouth.counted, "a")

    _, curves = trained([unrelated(n) for n in range(20)], [unrelated(100 + n) for n in range(10)], max_epochs=1)
    assert sync_figures(curves).accuracy.value == pytest.approx(0.5, abs=0.08)
    assert "50 % is chance" in ExpertRecord.of(curves, ["a"] * 10).doubt


def test_the_same_seed_gives_the_same_weights_and_leaves_other_random_numbers_alone() -> None:
    clips = [clip(40, n) for n in range(4)]
    runs = []
    for _ in range(2):
        torch.manual_seed(7)
        expected = torch.rand(1)
        network = small_network(3)
        torch.manual_seed(7)
        SyncTraining(**{**TRAINING, "max_epochs": 1, "steps_per_epoch": 3}).fit(
            network, clips, clips, seed=3, callbacks=[]
        )
        assert torch.rand(1) == expected
        runs.append(network.state_dict())
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0])


def test_a_loss_that_knows_nothing_is_the_log_of_the_candidates() -> None:
    same = torch.ones(2, 10, 4) / 2
    usable = torch.ones(2, 10, dtype=torch.bool)
    loss = contrastive_loss(same, same, usable, torch.tensor(10.0), near_frames=0)
    assert float(loss) == pytest.approx(math.log(20))


def test_near_windows_and_unseen_ones_take_no_part() -> None:
    same = torch.ones(1, 3, 4) / 2
    loss = contrastive_loss(same, same, torch.ones(1, 3, dtype=torch.bool), torch.tensor(1.0), near_frames=2)
    assert float(loss) == pytest.approx(0, abs=1e-6)
    seen = torch.tensor([[True, False, True]])
    assert float(contrastive_loss(same, same, seen, torch.tensor(1.0), near_frames=0)) == pytest.approx(math.log(2))


def test_what_can_not_be_trained_on_is_refused() -> None:
    with pytest.raises(DataError, match="0 clips with a moving mouth"):
        trained([], [clip(40, 0)])
    with pytest.raises(DataError, match="Prepare more videos"):
        trained([clip(40, 0)], [])
    with pytest.raises(ConfigError, match="piece_frames larger"):
        trained([clip(40, 0)], [clip(40, 1)], piece_frames=9)
    with pytest.raises(ConfigError, match="temperature=0"):
        SyncTraining(**{**TRAINING, "temperature": 0.0})


def test_clips_are_read_from_mapped_files_as_they_are(tmp_path) -> None:
    whole = clip(40, 0)
    np.save(tmp_path / "rows.npy", whole.rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    part = SyncClip(mapped, whole.level, whole.mouth, whole.counted, "a")
    torch.testing.assert_close(part.levelled(3, 9), whole.levelled(0, 40)[3:9])
